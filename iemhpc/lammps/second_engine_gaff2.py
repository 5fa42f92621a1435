"""GAFF2 for the second engine: gaff2.dat and frcmod lines as ParmEd reads them."""

import tempfile
import warnings
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from iemhpc.errors import ForceFieldError, ProgramError
from iemhpc.lammps.second_engine_tables import FieldTables, LennardJones, Torsion
from iemhpc.resources import resource

SIGMA_PER_RMIN = 2 ** (5 / 6)
"""Rmin of a gaff2.dat line is half the distance of the minimum: sigma = 2 Rmin / 2^(1/6)."""


def gaff2_tables(types: Collection[str], frcmod: Sequence[str] = ()) -> FieldTables:
    """Return what gaff2.dat and a frcmod file say of some atom types.

    Parameters
    ----------
    types : collection of str
        GAFF2 types in use.
    frcmod : sequence of str
        Lines of the frcmod file; they replace those of gaff2.dat.

    Raises
    ------
    ForceFieldError
        Where a type is none of GAFF2's.
    ProgramError
        Where ParmEd is missing.
    """
    amber = _amber(tuple(frcmod))
    if unknown := sorted(set(types) - amber.atom_types.keys()):
        raise ForceFieldError(
            f"gaff2.dat has no atom type {', '.join(unknown)}; the run's roles.parquet names types "
            "of another force field than its plan.json"
        )
    used, known = set(types), {*types, "X"}
    atoms = {name: amber.atom_types[name] for name in used}
    return FieldTables(
        name="gaff2",
        classes={name: name for name in used},
        atoms={
            name: LennardJones(
                epsilon_kcal_mol=float(kind.epsilon), sigma_A=float(kind.rmin) * SIGMA_PER_RMIN
            )
            for name, kind in atoms.items()
        },
        bonds={
            key: (float(bond.k), float(bond.req))
            for key, bond in amber.bond_types.items()
            if set(key) <= used
        },
        angles={
            key: (float(angle.k), float(angle.theteq))
            for key, angle in amber.angle_types.items()
            if set(key) <= used
        },
        propers={
            _any(key): tuple(map(_torsion, series))
            for key, series in amber.dihedral_types.items()
            if set(key) <= known
        },
        impropers={
            _any((key[2], *_wildcards_first((key[0], key[1], key[3])))): _torsion(term)
            for key, term in amber.improper_periodic_types.items()
            if set(key) <= known
        },
        scale_14_lj=0.5,
        scale_14_coulomb=1 / 1.2,
        mixing="arithmetic",
        is_improper_sorted=True,
    )


@lru_cache(maxsize=8)
def _amber(frcmod: tuple[str, ...]) -> Any:  # parmed.amber.AmberParameterSet
    try:
        from parmed.amber import AmberParameterSet  # noqa: PLC0415  an optional extra
    except ImportError:
        raise ProgramError(
            "ParmEd is needed to read gaff2.dat for the second engine; get it: "
            "pip install 'iemhpc[check]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="iemhpc-energy-") as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ParmEd's, about the syntax of its own sources
        files = [str(resource("data", "gaff2", "gaff2.dat"))]
        if frcmod:
            path = Path(name) / "gaff2.frcmod"
            path.write_text("\n".join(frcmod) + "\n", encoding="utf-8")
            files.append(str(path))
        return AmberParameterSet(*files)


def _torsion(term: Any) -> Torsion:
    return float(term.phi_k), int(abs(term.per)), float(term.phase)


def _wildcards_first(outer: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(outer, key=lambda name: (name != "X", name)))


def _any(key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("" if name == "X" else name for name in key)
