"""Displacements and diffusion: random walks of known coefficient, and what is no diffusion."""

import freud
import numpy as np
import pytest

from iemhpc.descriptors.diffusion import Displacements, diffusion, level_lags
from iemhpc.descriptors.frames import Frames

BOX = np.array([[30.0, 0.0, 0.0], [8.0, 32.0, 0.0], [-5.0, 6.0, 34.0]])


def frames_of(positions_A: np.ndarray, first: int = 0) -> Frames:
    n = len(positions_A)
    return Frames(
        rank=np.arange(first, first + n),
        positions_A=positions_A.astype(np.float32),
        vectors_A=np.tile(BOX, (n, 1, 1)),
    )


def walk(n_frames: int, n_atoms: int, *, D_A2_ps: float = 0.1, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, np.sqrt(2.0 * D_A2_ps), (n_frames, n_atoms, 3))
    return rng.uniform(0.0, 30.0, (n_atoms, 3)) + np.cumsum(steps, axis=0)


def observed(positions_A: np.ndarray, n_movers: int, *, still: int = 0, piece: int = 37):
    """Movers first; the rest hold the centre of mass."""
    n_frames, n_atoms, _ = positions_A.shape
    masses = np.ones(n_atoms)
    masses[n_movers:] = 1e6
    observer = Displacements(
        movers={"counterion": np.arange(n_movers), "coion": np.empty(0, dtype=np.int64)},
        masses_g_mol=masses,
        n_frames=n_frames,
    )
    for first in range(0, n_frames, piece):
        observer.add(frames_of(positions_A[first : first + piece], first))
    return observer


def with_anchor(positions_A: np.ndarray) -> np.ndarray:
    anchor = np.tile(np.array([1.0, 2.0, 3.0]), (len(positions_A), 1, 1))
    return np.concatenate([positions_A, anchor], axis=1)


def test_displacements_are_those_of_the_definition():
    positions_A = walk(90, 12).astype(np.float32).astype(float)
    curve = observed(with_anchor(positions_A), 12).curve("counterion", frame_ps=2.0)
    for lag_ps, value, n_origins in zip(
        curve.lag_ps, curve.values_A2, curve.n_origins, strict=True
    ):
        lag = round(lag_ps / 2.0)
        stride = 1
        while lag // stride >= 8:
            stride *= 2
        origins = np.arange(0, 90 - lag, stride)
        steps = positions_A[origins + lag] - positions_A[origins]
        assert value == pytest.approx((steps**2).sum(axis=2).mean(), rel=1e-4)
        assert n_origins == len(origins)


def test_displacements_are_those_of_freud_and_mdanalysis():
    positions_A = walk(200, 10).astype(np.float32).astype(float)
    curve = observed(with_anchor(positions_A), 10).curve("counterion", frame_ps=1.0)
    msd = freud.msd.MSD(mode="window")
    msd.compute(positions_A)
    short = curve.lag_ps < 8  # these are taken from every frame, as by freud
    np.testing.assert_allclose(
        curve.values_A2[short], msd.msd[curve.lag_ps[short].astype(int)], rtol=1e-4
    )
    mdanalysis = pytest.importorskip("MDAnalysis")
    from MDAnalysis.analysis.msd import EinsteinMSD

    universe = mdanalysis.Universe.empty(10, trajectory=True)
    universe.load_new(positions_A.astype(np.float32))
    einstein = EinsteinMSD(universe, select="all", msd_type="xyz", fft=False).run()
    np.testing.assert_allclose(
        curve.values_A2[short],
        einstein.results.timeseries[curve.lag_ps[short].astype(int)],
        rtol=1e-4,
    )


@pytest.mark.parametrize("D_A2_ps", [0.02, 0.1, 1.0])
def test_a_random_walk_has_its_coefficient(D_A2_ps):
    found = diffusion(
        observed(with_anchor(walk(1000, 200, D_A2_ps=D_A2_ps)), 200).curve(
            "counterion", frame_ps=1.0
        )
    )
    assert found.reason is None
    assert found.A2_ps == pytest.approx(D_A2_ps, rel=0.05)
    assert abs(found.A2_ps - D_A2_ps) < 3.5 * found.A2_ps_se
    assert found.exponent == pytest.approx(1.0, abs=0.05)
    assert found.fit_to_ps <= 0.2 * 999


def test_the_error_covers_the_truth_in_two_thirds_of_the_cases():
    inside = known = 0
    for seed in range(60):
        curve = observed(with_anchor(walk(400, 20, seed=seed)), 20, piece=400)
        found = diffusion(curve.curve("counterion", frame_ps=1.0))
        if found.A2_ps is not None:
            known += 1
            inside += abs(found.A2_ps - 0.1) < found.A2_ps_se
    assert known >= 50
    assert 0.5 < inside / known < 0.85


def test_a_drift_of_the_whole_box_is_no_diffusion():
    drift = 0.3 * np.arange(600)[:, None, None] * np.array([1.0, -0.5, 0.2])
    positions_A = with_anchor(walk(600, 50))
    still = diffusion(observed(positions_A, 50).curve("counterion", frame_ps=1.0))
    drifting = diffusion(observed(positions_A + drift, 50).curve("counterion", frame_ps=1.0))
    assert drifting.A2_ps == pytest.approx(still.A2_ps, rel=1e-3)


def test_caged_ions_have_no_coefficient():
    rng = np.random.default_rng(2)
    positions_A = np.zeros((500, 20, 3))
    for frame in range(1, 500):  # a spring and noise: remembered for ten frames
        positions_A[frame] = 0.9 * positions_A[frame - 1] + rng.normal(0.0, 0.3, (20, 3))
    found = diffusion(observed(with_anchor(positions_A), 20).curve("counterion", frame_ps=1.0))
    assert (found.A2_ps, found.A2_ps_se, found.reason) == (None, None, "not_diffusive")
    assert found.exponent < 0.3


def test_the_fit_begins_where_the_cage_ends():
    rng = np.random.default_rng(3)
    cage = np.zeros((4000, 100, 3))
    for frame in range(1, 4000):
        cage[frame] = 0.9 * cage[frame - 1] + rng.normal(0.0, 0.6, (100, 3))
    found = diffusion(
        observed(with_anchor(cage + walk(4000, 100, D_A2_ps=0.2)), 100).curve(
            "counterion", frame_ps=1.0
        )
    )
    assert found.fit_from_ps > 8.0  # the cage forgets in ten frames
    assert found.A2_ps == pytest.approx(0.2, rel=0.06)


def test_steady_flight_is_not_diffusive():
    rng = np.random.default_rng(4)
    positions_A = rng.normal(0.0, 0.2, (30, 3)) * np.arange(300)[:, None, None]
    found = diffusion(observed(with_anchor(positions_A), 30).curve("counterion", frame_ps=1.0))
    assert found.reason == "not_diffusive"
    assert found.exponent == pytest.approx(2.0, abs=0.01)


def test_a_run_of_few_frames_is_too_short():
    found = diffusion(observed(with_anchor(walk(15, 10)), 10).curve("counterion", frame_ps=1.0))
    assert found.reason == "run_too_short"


def test_nobody_to_follow_has_no_coefficient():
    curve = observed(with_anchor(walk(100, 10)), 10).curve("coion", frame_ps=1.0)
    assert diffusion(curve).reason == "no_atoms"


def test_one_particle_has_no_error():
    found = diffusion(observed(with_anchor(walk(3000, 1)), 1).curve("counterion", frame_ps=1.0))
    assert found.A2_ps_se is None


def test_wrapped_positions_are_noticed_and_unwrapped_ones_are_not():
    positions_A = with_anchor(walk(300, 20, D_A2_ps=0.5))
    assert not observed(positions_A, 20).is_wrapped
    places = positions_A @ np.linalg.inv(BOX)
    assert observed((places - np.floor(places)) @ BOX, 20).is_wrapped


def test_joined_pieces_lack_only_what_goes_over_the_seam():
    positions_A = with_anchor(walk(200, 15))
    whole = observed(positions_A, 15)
    pieces = []
    for first, last in ((0, 100), (100, 200)):
        piece = Displacements(
            movers=dict(whole.movers), masses_g_mol=whole.masses_g_mol, n_frames=200
        )
        piece.add(frames_of(positions_A[first:last], first))
        pieces.append(piece)
    pieces[0].join(pieces[1])
    assert pieces[0].n_origins[1] == whole.n_origins[1] - 1
    one, other = (o.curve("counterion", frame_ps=1.0) for o in (whole, pieces[0]))
    np.testing.assert_allclose(other.values_A2[:7], one.values_A2[:7], rtol=0.05)
    assert other.lag_ps[-1] < 100


def test_many_particles_are_followed_in_part():
    observer = Displacements(
        movers={"water": np.arange(9000)}, masses_g_mol=np.ones(9000), n_frames=10
    )
    followed = observer.movers["water"]
    assert len(followed) == len(np.unique(followed)) == 500
    assert followed[-1] == 8999


def test_lags_grow_geometrically_and_stay_in_the_run():
    for n_frames in (1, 2, 9, 33, 1000):
        lags = level_lags(n_frames)
        observer = Displacements(
            movers={"water": np.arange(2)}, masses_g_mol=np.ones(2), n_frames=n_frames
        )
        observer.add(frames_of(walk(n_frames, 2)))
        assert (observer.n_origins[(lags > 0) & (lags < n_frames)] > 0).all()
        assert (observer.n_origins[lags >= n_frames] == 0).all()
