from dataclasses import replace

import numpy as np
import pytest

from iemhpc.check.equilibration import (
    EquilibrationSection,
    density_of,
    production_doubts,
)
from iemhpc.check.thermo import Production, production_of
from iemhpc.lammps.log_file import ThermoTable

PHYSICS = {
    "temperature_K": 300.0,
    "pressure_atm": 1.0,
    "topology": "linear",
    "protocol": {"density_tolerance": 0.005},
}


def table(label: str, density: np.ndarray, *, first_step: int = 0) -> ThermoTable:
    """Return one line each 0.2 ps, 2 fs a step."""
    steps = first_step + 100 * np.arange(len(density))
    rng = np.random.default_rng(1)
    noise = rng.normal(size=len(density))
    columns = {
        "Step": steps.astype(float),
        "Time": 2.0 * steps,
        "Temp": 300.0 + 3.0 * noise,
        "Press": 1.0 + 300.0 * noise,
        "PotEng": -5000.0 + 20.0 * noise,
        "Econserve": -4000.0 + 0.01 * noise,
        "Density": density,
    }
    return ThermoTable(columns=columns, complete=True, label=label)


def production(**columns: np.ndarray) -> Production:
    whole = table("production", np.full(501, 1.1))
    whole = replace(whole, columns={**whole.columns, **columns})
    found = production_of([whole], n_atoms=1000, temperature_K=300.0)
    assert found
    return found


TIMES_PS = 0.2 * np.arange(501)


def section(density: np.ndarray, *, tolerance: float = 0.005) -> EquilibrationSection:
    blocks = np.array_split(density, 3)
    tables = [table(f"to density, block {k}, 10 ps", d) for k, d in enumerate(blocks, 1)]
    tables.append(table("settle, 10 ps NPT", blocks[-1]))
    return EquilibrationSection(
        parts=(),
        density=density_of(tables, protocol={"density_tolerance": tolerance}, aimed_g_cm3=1.1),
        production=None,
        warnings=(),
        errors=(),
    )


def test_a_density_that_climbs_is_a_doubt_in_words() -> None:
    climbing = section(np.linspace(1.0, 1.12, 153))
    (doubt,) = climbing.doubts(PHYSICS)
    assert doubt.startswith("the density still changed by +7.")
    assert doubt.endswith("lengthen density_ps")
    assert any("NOT steady" in line for line in climbing.lines())


def test_a_density_at_rest_is_none() -> None:
    rest = section(np.full(153, 1.1))
    assert rest.doubts(PHYSICS) == ()
    assert rest.density.blocks_g_cm3 == pytest.approx([1.1, 1.1, 1.1])


def test_the_tolerance_that_was_used_is_said_and_a_wide_one_shows_little() -> None:
    lines = section(np.full(153, 1.1) + np.tile([0.01, -0.01, 0.0], 51)).lines()
    assert any(
        "error: 0." in line and "takes up to 0.5 %, or twice the error, for none: steady" in line
        for line in lines
    )
    wide = section(np.linspace(1.0, 1.1, 153), tolerance=0.5).lines()
    assert any("up to 50 %" in line and line.endswith("which shows little") for line in wide)


def test_a_density_that_annealing_moves_is_a_doubt() -> None:
    rest = [table(f"to density, block {k}, 10 ps", np.full(51, 1.0)) for k in (1, 2, 3)]
    moved = density_of(
        [*rest, table("settle, 10 ps NPT", np.full(51, 1.03))],
        protocol={"density_tolerance": 0.005},
        aimed_g_cm3=1.0,
    )
    doubts = EquilibrationSection(
        parts=(), density=moved, production=None, warnings=(), errors=()
    ).doubts(PHYSICS)
    assert doubts == (
        "annealing changed the density by +2.91 %: it was not at rest before, or is not after it; "
        "lengthen anneal_ps and settle_npt_ps",
    )


def test_what_is_too_short_says_so_and_has_no_error() -> None:
    lines = section(np.array([1.0, 1.1, 1.0, 1.1, 1.0, 1.1])).lines()
    assert any("error: too short to say" in line for line in lines)
    assert any(
        "realised 1.1000; it relaxes in a time that the run is too short to say" in line
        for line in lines
    )


def test_a_density_far_from_the_one_aimed_at_is_a_doubt() -> None:
    (doubt,) = section(np.full(153, 0.9)).doubts(PHYSICS)
    assert doubt.startswith("the density is 0.900 g/cm³, and 1.100 was aimed at")


def test_a_production_at_rest_has_no_doubts() -> None:
    assert production_doubts(production(), PHYSICS) == []


def test_drift_is_per_atom_and_nanosecond_and_in_kt() -> None:
    # 0.6 kcal/mol in 1 ps of 1000 atoms: 0.6 kcal/mol an atom and ns, a kT at 300 K
    drifting = production(Econserve=-4000.0 + 0.6 * TIMES_PS)
    assert drifting.drift_kcal_mol_atom_ns == pytest.approx(0.6)
    assert drifting.drift_kt_atom_ns == pytest.approx(0.6 / 0.596, rel=0.01)
    (doubt,) = production_doubts(drifting, PHYSICS)
    assert doubt.startswith("Econserve drifts by +1.01 kT an atom and ns, wanted at most 0.2")


def drift_line(found: Production) -> str:
    whole = EquilibrationSection(
        parts=(),
        density=section(np.full(153, 1.1)).density,
        production=found,
        warnings=(),
        errors=(),
    )
    (line,) = [line for line in whole.lines() if "counts above 0.2" in line]
    return line.rpartition(": ")[2]


def test_why_a_drift_counts_or_not_is_said_with_its_criterion() -> None:
    assert drift_line(production()) == "small"
    assert drift_line(production(Econserve=-4000.0 + 0.6 * TIMES_PS)) == "TOO LARGE"
    rng = np.random.default_rng(5)
    noise = 40.0 * rng.normal(size=501)
    level = noise - np.polyval(np.polyfit(TIMES_PS, noise, 1), TIMES_PS)
    noisy = production(Econserve=-4000.0 + 0.15 * TIMES_PS + level)
    assert abs(noisy.drift_kt_atom_ns or 0.0) > 0.2
    assert drift_line(noisy) == "too short to say, for it is within its errors"
    assert not any("drifts by" in doubt for doubt in production_doubts(noisy, PHYSICS))
    assert drift_line(production(Econserve=-4000.0 + level)) == (
        "small, but the errors could hide a larger"
    )


def test_a_potential_that_still_falls_is_a_doubt() -> None:
    falling = production(PotEng=-5000.0 - 2.0 * TIMES_PS + np.tile([20.0, -20.0, 5.0], 167))
    assert falling.potential_kcal_mol.is_steady in (False, None)
    step = np.where(TIMES_PS < 50, -5000.0, -5100.0)
    fallen = production(PotEng=step + 10.0 * np.random.default_rng(2).normal(size=501))
    assert fallen.potential_kcal_mol.is_steady is False
    assert any("it still relaxes" in doubt for doubt in production_doubts(fallen, PHYSICS))


def test_wrong_temperature_and_pressure_are_doubts() -> None:
    noise = np.random.default_rng(3).normal(size=501)
    doubts = production_doubts(
        production(Temp=330.0 + 3 * noise, Press=900.0 + 300 * noise), PHYSICS
    )
    assert doubts[0].startswith("production is at 330.")
    assert doubts[1].startswith("production is at 9")
    assert "lengthen settle_npt_ps" in doubts[1]


def test_attempts_are_joined_and_the_later_one_is_right_where_both_tell() -> None:
    first = table("production", np.full(101, 1.0))
    second = table("production", np.full(101, 1.2), first_step=5000)
    joined = production_of([first, second], n_atoms=1000, temperature_K=300.0)
    assert joined
    assert joined.part.length_ps == pytest.approx(30.0)
    assert joined.part.density_g_cm3.n == 150
    assert joined.part.density_g_cm3.mean == pytest.approx((49 * 1.0 + 101 * 1.2) / 150)
