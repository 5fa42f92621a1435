"""Every energy term of a structure in LAMMPS and in OpenMM, side by side.

LAMMPS gets what iemhpc wrote. OpenMM gets elements, bonds, atom types, charges and places, finds
all terms by itself and takes their values from the published tables, read by other code than
:mod:`iemhpc.forcefield`; water and ions from the files that OpenMM ships. So a term that was
forgotten, mistyped, wrongly scaled or wrongly mixed shows as a difference.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iemhpc.errors import InputError, MissingInputError, unknown_name
from iemhpc.forcefield.parameters import Parameters
from iemhpc.lammps.data_file import DataFile, read_data
from iemhpc.lammps.energy import (
    Energies,
    run_box,
    run_relaxation,
    run_vacuum,
    write_box_input,
    write_energy_input,
)
from iemhpc.lammps.second_engine_aqueous import WATER, aqueous_tables
from iemhpc.lammps.second_engine_counts import COUNTED, count_terms
from iemhpc.lammps.second_engine_gaff2 import gaff2_tables
from iemhpc.lammps.second_engine_openmm import SecondEngine, Structure, need_openmm
from iemhpc.lammps.second_engine_oplsaa import oplsaa_tables
from iemhpc.lammps.second_engine_tables import FieldTables
from iemhpc.progress import Say, quiet
from iemhpc.tables.io import read_table
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import read_json

KINDS = tuple(item.name for item in fields(Energies))
"""Kinds of energy terms, in the order of a report."""

VACUUM_KCAL_MOL = 1e-4
"""Tolerance of each kind without a box."""

BOX_KCAL_MOL = 1e-3
"""Tolerance of bonded terms and Lennard-Jones in a box."""

BOX_COULOMB_KCAL_MOL = 1e-2
"""Tolerance of Coulomb in a box, each 1,000 atoms: two engines sum the images differently."""

MOLECULAR_IONS = ("SO4",)
"""Ions of several atoms, which are GAFF2's whatever the polymer's field."""

CUTOFF_A = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindComparison:
    """One kind of energy term in two engines."""

    kind: str
    """One of :data:`KINDS`."""
    lammps: float
    """kcal/mol."""
    openmm: float
    """kcal/mol."""
    tolerance: float
    """Largest difference that passes, kcal/mol."""
    n_lammps: int | None
    """Terms that LAMMPS was given; None where they are not counted."""
    n_openmm: int | None
    """Terms that OpenMM found."""

    @property
    def difference(self) -> float:
        """LAMMPS less OpenMM, kcal/mol."""
        return self.lammps - self.openmm

    @property
    def passes(self) -> bool:
        """Whether terms and energies agree."""
        return self.n_lammps == self.n_openmm and abs(self.difference) <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyComparison:
    """A structure's energy by kind of term, from two engines."""

    what: str
    """Of what: a run, a molecule."""
    n_atoms: int
    kinds: tuple[KindComparison, ...]
    """In the order of :data:`KINDS`."""

    @property
    def passes(self) -> bool:
        """Whether every kind agrees, in number and in energy."""
        return all(kind.passes for kind in self.kinds)

    def kind(self, name: str) -> KindComparison:
        """Return one kind.

        Raises
        ------
        InputError
            Where the name is none of :data:`KINDS`.
        """
        for each in self.kinds:
            if each.kind == name:
                return each
        raise unknown_name("kind of energy term", name, KINDS)

    def lines(self) -> list[str]:
        """Return a table: terms, energies, difference and tolerance of each kind."""
        head = (
            f"{'kcal/mol':<10}{'terms':>9}{'LAMMPS':>18}{'OpenMM':>18}"
            f"{'difference':>12}{'tolerance':>11}"
        )
        verdict = "agree" if self.passes else "DISAGREE"
        return [
            f"energies of {self.what}, {self.n_atoms} atoms: LAMMPS and OpenMM {verdict}",
            head,
            *map(_line, self.kinds),
        ]


def _line(kind: KindComparison) -> str:
    note = "" if kind.passes else "  differs"
    if kind.n_lammps != kind.n_openmm:
        note = f"  LAMMPS has {kind.n_lammps} terms, OpenMM found {kind.n_openmm}"
    terms = "" if kind.n_openmm is None else str(kind.n_openmm)
    return (
        f"{kind.kind:<10}{terms:>9}{kind.lammps:>18.6f}{kind.openmm:>18.6f}"
        f"{kind.difference:>12.1e}{kind.tolerance:>11.1e}{note}"
    )


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
    structure, names = _structure_of_run(folder, read, str(physics["force_field"]))
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


def comparison(
    first: Energies,
    second: Mapping[str, float],
    n_first: Mapping[str, int],
    n_second: Mapping[str, int],
    *,
    structure: Structure,
    what: str,
) -> EnergyComparison:
    """Put what two engines say side by side, each kind with its tolerance."""
    n_atoms = len(structure.elements)
    return EnergyComparison(
        what=what,
        n_atoms=n_atoms,
        kinds=tuple(
            KindComparison(
                kind=kind,
                lammps=float(getattr(first, kind)),
                openmm=float(second[kind]),
                tolerance=tolerance_kcal_mol(
                    kind, n_atoms=n_atoms, is_box=structure.box_A is not None
                ),
                n_lammps=n_first.get(kind),
                n_openmm=n_second.get(kind),
            )
            for kind in KINDS
        ),
    )


def tolerance_kcal_mol(kind: str, *, n_atoms: int, is_box: bool) -> float:
    """Return the largest difference of two engines that passes.

    Examples
    --------
    >>> tolerance_kcal_mol("coulomb", n_atoms=6000, is_box=True)
    0.06
    """
    if not is_box:
        return VACUUM_KCAL_MOL
    if kind == "coulomb":
        return BOX_COULOMB_KCAL_MOL * max(1.0, n_atoms / 1000)
    return BOX_KCAL_MOL


def structure_of(
    parameters: Parameters,
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64] | None,
) -> tuple[Structure, tuple[str, ...]]:
    """Return what the second engine may know of parameters, and the residue of each atom."""
    types = [parameters.atom_types[kind].types[0] for kind in parameters.atom_type.tolist()]
    structure = _structure(
        parameters.elements,
        types,
        parameters.residues,
        force_field=parameters.force_field,
        charges_e=parameters.charges_e,
        bonds=parameters.bonds[:, 1:],
        impropers=parameters.impropers[:, 1:],
        positions_A=positions_A,
        box_A=box_A,
    )
    return structure, parameters.residues


def _structure_of_run(
    folder: Path, read: DataFile, force_field: str
) -> tuple[Structure, tuple[str, ...]]:
    roles = read_table(folder / "roles.parquet", ROLE_TABLE, made_by="iemhpc md-submit")
    if roles["atom_id"].to_pylist() != read.ids.tolist():
        raise InputError(
            f"{folder}: roles.parquet has {roles.num_rows} atoms, the data file {len(read.ids)}; "
            "they are not of one run, build it again"
        )
    residues = tuple(roles["residue"].to_pylist())
    structure = _structure(
        roles["element"].to_pylist(),
        roles["type_name"].to_pylist(),
        residues,
        force_field=force_field,
        charges_e=read.charges_e,
        bonds=read.bonds[:, 1:] - 1,
        impropers=read.impropers[:, 1:] - 1,
        positions_A=read.positions_A,
        box_A=read.box_A,
    )
    return structure, residues


def _structure(  # noqa: PLR0913  # one for each thing that an engine has to be told
    elements: Sequence[str],
    types: Sequence[str],
    residues: Sequence[str],
    *,
    force_field: str,
    charges_e: NDArray[np.float64],
    bonds: NDArray[np.int64],
    impropers: NDArray[np.int64],
    positions_A: NDArray[np.float64],
    box_A: NDArray[np.float64] | None,
) -> Structure:
    """Tell water, ions and polymer apart by their residues: an unbonded atom is an ion."""
    is_bonded = np.isin(np.arange(len(elements)), bonds)
    fields_, own_types = [], []
    for place, (kind, residue) in enumerate(zip(types, residues, strict=True)):
        if residue == WATER:
            named = ("aqueous", elements[place])
        elif residue in MOLECULAR_IONS:
            named = ("gaff2", kind)
        else:
            named = (force_field, kind) if is_bonded[place] else ("aqueous", residue)
        fields_.append(named[0])
        own_types.append(named[1])
    return Structure(
        elements=tuple(elements),
        fields=tuple(fields_),
        types=tuple(own_types),
        charges_e=charges_e,
        bonds=bonds,
        impropers=impropers,
        positions_A=positions_A,
        box_A=box_A,
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
        if name != "aqueous"
    ]
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
            f"{path}: names no force field; build the run again with: iemhpc md-submit"
        )
    return physics


def _frcmod(folder: Path) -> tuple[str, ...]:
    path = folder / "gaff2.frcmod"
    return tuple(path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()


def _copy(source: Path, target: Path, name: str) -> None:
    if not (source / name).exists():
        raise MissingInputError(f"{source / name} does not exist; make runs with: iemhpc md-submit")
    shutil.copy(source / name, target / name)
