import re
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from iemhpc.errors import ProgramError
from iemhpc.system import packing
from iemhpc.system.assembly import WATER_A
from iemhpc.system.packing import Rigid, check_answer, pack, packmol_input, read_xyz

WATER = ("O", "H", "H")


def least_distance(first: np.ndarray, second: np.ndarray, edge: float) -> float:
    vector = first[:, None] - second[None]
    vector -= edge * np.round(vector / edge)
    return float(np.linalg.norm(vector, axis=-1).min())


@pytest.fixture
def fake_packmol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Function that puts a shell script in packmol's place."""

    def install(script: str) -> None:
        program = tmp_path / "packmol"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    return install


def test_molecules_keep_their_distance_and_their_shape_in_every_image() -> None:
    edge = 16.0
    chain = np.column_stack([np.linspace(-3, 21, 17), np.full(17, 15.9), np.full(17, 8.0)])
    fixed = Rigid(elements=("C",) * 17, positions_A=chain, count=0)
    molecules = [
        Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=4),
        Rigid(elements=WATER, positions_A=WATER_A, count=60),
    ]
    packed = pack(fixed, molecules, edge_A=edge, seed=1)
    assert packed is not None
    assert packed.shape == (4 + 180, 3)
    ions, waters = packed[:4], packed[4:].reshape(60, 3, 3)
    assert least_distance(packed, chain, edge) > 1.98
    for k in range(1, 60):
        assert least_distance(waters[k], waters[:k].reshape(-1, 3), edge) > 1.98
    assert least_distance(ions, packed[4:], edge) > 1.98
    assert np.linalg.norm(waters[:, 1] - waters[:, 0], axis=1) == pytest.approx(0.9572, abs=1e-4)


def test_a_seed_says_the_packing() -> None:
    water = [Rigid(elements=WATER, positions_A=WATER_A, count=20)]
    first, again, other = (pack(None, water, edge_A=14.0, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_what_does_not_fit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "N_LOOPS", 2)
    ions = [Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=80)]
    assert pack(None, ions, edge_A=6.0, seed=1) is None


def test_nothing_to_pack_needs_no_packmol() -> None:
    none = Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=0)
    packed = pack(None, [none], edge_A=20.0, seed=1)
    assert packed is not None
    assert packed.shape == (0, 3)


def test_fixed_molecule_comes_first_and_stays() -> None:
    text = packmol_input(
        [
            Rigid(elements=("C",), positions_A=np.zeros((1, 3)), count=0),
            Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=3),
        ],
        edge_A=20.0,
        seed=-5,
    )
    assert "molecule0.xyz\n  number 1\n  fixed 0. 0. 0. 0. 0. 0.\n" in text
    assert "molecule1.xyz\n  number 3\nend structure" in text
    assert int(re.findall(r"seed (-?\d+)", text)[0]) > 0


def test_missing_packmol_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ion = [Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=2)]
    with pytest.raises(ProgramError, match=r"Get it: pip install 'iemhpc\[md"):
        pack(None, ion, edge_A=20.0, seed=1)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo PACKMOL; echo ' ERROR: Some atom of group'; exit 1", "failed .exit code 1.: ERROR:"),
        ("echo PACKMOL; echo Fortran runtime error: Illegal seek; exit 2", "Illegal seek"),
        ("echo no such library; exit 127", "exit code 127 before it began .no such library"),
        ("echo PACKMOL Success!", "packmol wrote 0 atoms to packed.xyz, wanted 2"),
    ],
)
def test_failing_packmol_says_how(fake_packmol, script: str, message: str) -> None:  # type: ignore[no-untyped-def]
    fake_packmol(script)
    ion = [Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=2)]
    with pytest.raises(ProgramError, match=message):
        pack(None, ion, edge_A=20.0, seed=1)


def test_hanging_packmol_is_ended(fake_packmol, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    fake_packmol("echo PACKMOL; sleep 60")
    monkeypatch.setattr(packing, "TIMEOUT_S", 0.3)
    ion = [Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=2)]
    assert pack(None, ion, edge_A=20.0, seed=1) is None


def test_short_answer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "packed.xyz"
    path.write_text("2\n\nNa 0.0 0.0 0.0\nNa 1.0\n")
    with pytest.raises(ProgramError, match=r"wanted 2; is the disk of .* full"):
        read_xyz(path, n_atoms=2)


def test_imperfect_packing_is_an_answer() -> None:
    check_answer("PACKMOL ... ENDED WITHOUT PERFECT PACKING", exit_code=173)
