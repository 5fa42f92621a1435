"""What two engines say of a structure's energy, kind by kind, and how far apart they may be."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from iemhpc.errors import unknown_name
from iemhpc.lammps.energy import Energies
from iemhpc.lammps.second_engine_openmm import Structure

KINDS = tuple(item.name for item in fields(Energies))
"""Kinds of energy terms, in the order of a report."""

VACUUM_KCAL_MOL = 1e-4
"""Tolerance of each kind without a box."""

BOX_KCAL_MOL = 1e-3
"""Tolerance of bonded terms and Lennard-Jones in a box."""

BOX_COULOMB_KCAL_MOL = 1e-2
"""Tolerance of Coulomb in a box, each 1,000 atoms: two engines sum the images differently."""


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
