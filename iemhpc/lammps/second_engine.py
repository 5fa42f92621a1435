"""Every energy term of a structure in LAMMPS and in OpenMM, side by side.

LAMMPS gets what iemhpc wrote. OpenMM gets elements, bonds, atom types, charges and places, finds
all terms by itself and takes their values from the published tables, read by other code than
:mod:`iemhpc.forcefield`; water and ions from the files that OpenMM ships. So a term that was
forgotten, mistyped, wrongly scaled or wrongly mixed shows as a difference.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError, MissingInputError, unknown_name
from iemhpc.forcefield.parameters import Parameters
from iemhpc.lammps.data_file import DataFile, read_data
from iemhpc.lammps.energy import (
    run_box,
    run_relaxation,
    run_vacuum,
    write_box_input,
    write_energy_input,
)
from iemhpc.lammps.second_engine_aqueous import aqueous_tables
from iemhpc.lammps.second_engine_counts import COUNTED, count_terms
from iemhpc.lammps.second_engine_gaff2 import gaff2_tables
from iemhpc.lammps.second_engine_openmm import SecondEngine, Structure, need_openmm
from iemhpc.lammps.second_engine_oplsaa import oplsaa_tables
from iemhpc.lammps.second_engine_report import KINDS, EnergyComparison, KindComparison, comparison
from iemhpc.lammps.second_engine_structure import MOLECULAR, structure_of, structure_of_run
from iemhpc.lammps.second_engine_tables import FieldTables
from iemhpc.progress import Say, quiet
from iemhpc.workspace import read_json

__all__ = ["KINDS", "EnergyComparison", "KindComparison", "compare", "compare_run"]

CUTOFF_A = 10.0
"""Of boxes whose plan says none."""


def compare_run(
    folder: Path, *, lmp: Sequence[str] = ("lmp",), say: Say = quiet
) -> EnergyComparison:
    """Compare the energies of a run's box, as it was built.

    Reads ``plan.json``, ``roles.parquet``, ``styles.in``, ``gaff2.frcmod`` where there is one, and
    ``minimized.data``, or ``system.data`` where the run has not started; then the overlaps of
    packing are first pushed apart in a copy. The folder itself is left as it is.

    Parameters
    ----------
    folder : Path
        The run's folder.
    lmp : sequence of str
        Words of the LAMMPS command.
    say : callable
        Hears of each step.

    Raises
    ------
    MissingInputError
        Where a file is missing.
    ProgramError
        Where LAMMPS, OpenMM or ParmEd is missing or fails.
    ForceFieldError
        Where no published table holds a type.
    """
    need_openmm()
    physics = _physics(folder)
    with tempfile.TemporaryDirectory(prefix="iemhpc-energy-") as name:
        own = Path(name)
        for file in ("system.data", "styles.in"):
            _copy(folder, own, file)
        size_A = read_data(own / "system.data").box_A
        data = "minimized.data"
        if (folder / data).exists():
            shutil.copy(folder / data, own / data)
        else:
            say("pushing the atoms of the packed box apart")
            data = run_relaxation(own, cutoff_A=_cutoff_A(physics, size_A), lmp=lmp)
        read = read_data(own / data)
        cutoff_A = _cutoff_A(physics, read.box_A)
        say(f"energies of {len(read.ids)} atoms with LAMMPS")
        first = run_box(own, data=data, lmp=lmp, cutoff_A=cutoff_A)
        n_first = count_terms((own / "styles.in").read_text(encoding="utf-8"), _rows(read))
    say("and with OpenMM, which finds its terms by itself")
    structure, names = structure_of_run(folder, read, str(physics["force_field"]))
    engine = SecondEngine(
        structure,
        _tables(structure, names, physics=physics, frcmod=_frcmod(folder)),
        cutoff_A=cutoff_A,
        charge_scale=float(physics.get("charge_scale", 1.0)),
    )
    return comparison(
        first, engine.energies(), n_first, engine.counts(), structure=structure, what=folder.name
    )


def compare(
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64] | None = None,
    *,
    bonds: NDArray[np.int64] | None = None,
    physics: Mapping[str, Any] | None = None,
    lmp: Sequence[str] = ("lmp",),
    what: str = "a molecule",
) -> EnergyComparison:
    """Compare the energies of a molecule in vacuum, or of a box where edges are given.

    Parameters
    ----------
    parameters : Parameters
        All atoms and terms; LAMMPS gets all of it, OpenMM elements, residues, types, charges,
        bonds, the open order of impropers, and the frcmod lines.
    positions_A : ndarray, shape (n, 3)
        Ångström.
    box_A : ndarray, shape (3,), optional
        Edges.
    bonds : ndarray, shape (n_bonds, 2), optional
        Pairs of atoms as the molecule has them, to see whether the parameters lost one; default:
        those of the parameters.
    physics : mapping, optional
        What a run's plan says: ``force_field`` (default: the parameters'), ``water_model``,
        ``ion_set``, ``charge_scale``, and ``protocol`` with ``cutoff_A``.
    lmp : sequence of str
        Words of the LAMMPS command.
    what : str
        For the report.
    """
    need_openmm()
    said = {"force_field": parameters.force_field, **(physics or {})}
    structure, names = structure_of(parameters, positions_A, box_A)
    if bonds is not None:
        structure = replace(structure, bonds=np.asarray(bonds, dtype=np.int64))
    cutoff_A = CUTOFF_A if box_A is None else _cutoff_A(said, box_A)
    with tempfile.TemporaryDirectory(prefix="iemhpc-energy-") as name:
        folder = Path(name)
        if box_A is None:
            reach_A = write_energy_input(folder, parameters, positions_A)
            first = run_vacuum(folder, lmp=lmp, cutoff_A=reach_A)
        else:
            write_box_input(folder, parameters, positions_A, box_A)
            first = run_box(folder, lmp=lmp, cutoff_A=cutoff_A)
        styles = (folder / "styles.in").read_text(encoding="utf-8")
        n_first = count_terms(styles, _rows(read_data(folder / "system.data")))
    engine = SecondEngine(
        structure,
        _tables(structure, names, physics=said, frcmod=parameters.frcmod),
        cutoff_A=cutoff_A,
        charge_scale=float(said.get("charge_scale", 1.0)),
    )
    return comparison(
        first, engine.energies(), n_first, engine.counts(), structure=structure, what=what
    )


FIELDS = {"gaff2": gaff2_tables, "oplsaa": oplsaa_tables}
"""Force fields that the second engine reads by itself."""


def _tables(
    structure: Structure,
    residues: Sequence[str],
    *,
    physics: Mapping[str, Any],
    frcmod: Sequence[str],
) -> list[FieldTables]:
    """Return the tables of all fields in a structure, the polymer's first."""
    types: dict[str, set[str]] = {}
    for field, kind in zip(structure.fields, structure.types, strict=True):
        types.setdefault(field, set()).add(kind)
    own = str(physics["force_field"])
    if own not in FIELDS:
        if "aqueous" not in types or own in types:
            raise unknown_name("force field of the second engine", own, FIELDS)
        own = "gaff2"  # water and ions alone: the rule of mixing is theirs
    tables = [
        FIELDS[name](types.get(name, set()), frcmod)
        for name in dict.fromkeys((own, *sorted(types)))
        if name not in ("aqueous", MOLECULAR)
    ]
    if MOLECULAR in types:
        tables.append(replace(gaff2_tables(types[MOLECULAR], frcmod), name=MOLECULAR))
    if "aqueous" in types:
        aqueous = {
            residue
            for residue, field in zip(residues, structure.fields, strict=True)
            if field == "aqueous"
        }
        tables.append(
            aqueous_tables(
                str(physics.get("water_model", "tip3p")), aqueous, physics.get("ion_set")
            )
        )
    return tables


def _rows(read: DataFile) -> dict[str, NDArray[np.int64]]:
    return {kind: getattr(read, f"{kind}s") for kind in COUNTED}


def _cutoff_A(physics: Mapping[str, Any], box_A: NDArray[np.float64]) -> float:
    """Return the run's own cut-off, or what its box has room for: OpenMM sees one image only."""
    wanted_A = float(physics.get("protocol", {}).get("cutoff_A", CUTOFF_A))
    return min(wanted_A, float(np.floor(49.9 * box_A.min()) / 100))


def _physics(folder: Path) -> Mapping[str, Any]:
    path = folder / "plan.json"
    if not path.exists():
        raise MissingInputError(f"{path} does not exist; make runs with: iemhpc md-submit")
    plan = read_json(path)
    physics = plan.get("physics") if isinstance(plan, dict) else None
    if not isinstance(physics, dict) or "force_field" not in physics:
        raise InputError(
            f"{path}: names no force field; delete runs/{folder.name}, then: iemhpc md-submit"
        )
    return physics


def _frcmod(folder: Path) -> tuple[str, ...]:
    path = folder / "gaff2.frcmod"
    return tuple(path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()


def _copy(source: Path, target: Path, name: str) -> None:
    if not (source / name).exists():
        raise MissingInputError(
            f"{source / name} does not exist; delete runs/{source.name}, then: iemhpc md-submit"
        )
    shutil.copy(source / name, target / name)
