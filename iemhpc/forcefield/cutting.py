"""How a residue is cut out of charged oligomers: equivalent atoms averaged, the sum exact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum

from rdkit import Chem

from iemhpc.errors import ForceFieldError, InputError
from iemhpc.forcefield.charges import Charged
from iemhpc.forcefield.resp import equivalent_labels
from iemhpc.polymer.repeat_unit import RepeatUnit, unit_mol


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidueAtom:
    """One heavy atom of a repeat unit with the hydrogens on it."""

    element: str
    """Chemical symbol."""
    type: str
    """GAFF2 type."""
    charge_e: float
    """Partial charge where all attachment points of the unit are bonded to neighbours."""
    n_hydrogens: int
    """Hydrogens where all attachment points of the unit are bonded to neighbours."""
    hydrogen_type: str | None
    """GAFF2 type of its hydrogens, also of one that caps a chain here; none without any."""
    hydrogen_charge_e: float | None
    """Charge of each of them."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One unit atom in one copy of the unit, with its hydrogens."""

    type: str
    charge_e: float
    hydrogen_types: tuple[str, ...]
    hydrogen_charges_e: tuple[float, ...]

    @property
    def n_hydrogens(self) -> int:
        return len(self.hydrogen_types)


def cut_residue(
    unit: RepeatUnit,
    *,
    molecules: Sequence[Chem.Mol],
    charged: Sequence[Charged],
    sums_hold: bool = False,
) -> tuple[tuple[ResidueAtom, ...], float]:
    """Average the copies of a unit in charged oligomers into one residue.

    Parameters
    ----------
    unit : RepeatUnit
        The unit.
    molecules : sequence of rdkit.Chem.Mol
        Oligomers of ``iemhpc.polymer.chain.link``.
    charged : sequence of Charged
        Their charges.
    sums_hold : bool
        Each copy has its formal charge, as after a fit under that constraint: then copies are taken
        whole, cap hydrogens given back to their atom. Else an atom at a cap counts only where no
        copy shows it without, because a cap disturbs its own atom most.

    Returns
    -------
    tuple of ResidueAtom, float
        The atoms, whose charges sum to the formal charge, and the deviation that was spread.
    """
    copies = [list(_copies(unit, mol, item)) for mol, item in zip(molecules, charged, strict=True)]
    if not copies[0]:
        raise InputError(f"{unit.name}: the first oligomer does not contain the unit")
    n_hydrogens = _filled_hydrogens(unit)
    inner = [c for c in copies[0] if [seen.n_hydrogens for seen in c] == n_hydrogens]
    if inner:
        copies = [inner, *copies]
    classes = equivalent_atoms(unit)
    atoms = []
    for place, hydrogens in enumerate(n_hydrogens):
        alike = [other for other, label in enumerate(classes) if label == classes[place]]
        first = [copy[other] for copy in copies[0] for other in alike]
        later = [copy[other] for some in copies[1:] for copy in some for other in alike]
        uncapped = [seen for seen in first if sums_hold or seen.n_hydrogens == hydrogens]
        charge_e = _mean([_uncapped_charge(seen, hydrogens) for seen in uncapped or first])
        shown = [seen for seen in uncapped if hydrogens] or [
            seen for seen in (*first, *later) if seen.n_hydrogens
        ]
        own = copies[0][0][place]
        atoms.append(
            ResidueAtom(
                element=_heavy_atoms(unit)[place].GetSymbol(),
                type=own.type,
                charge_e=charge_e,
                n_hydrogens=hydrogens,
                hydrogen_type=_one_type(unit, place, shown),
                hydrogen_charge_e=_mean([_mean(seen.hydrogen_charges_e) for seen in shown])
                if shown
                else None,
            )
        )
    return _renormalised(atoms, charge=unit.charge, classes=classes)


def equivalent_atoms(unit: RepeatUnit) -> tuple[int, ...]:
    """Return a label for each heavy atom, the same for atoms that resonance or symmetry equate.

    Examples
    --------
    The three oxygens of a sulfonate are one kind, whichever carries the charge in the SMILES.

    >>> labels = equivalent_atoms(RepeatUnit("ethylene sulfonate", "[*]CC([*])S(=O)(=O)[O-]"))
    >>> len(set(labels[3:])), len(set(labels))
    (1, 4)
    """
    labels = equivalent_labels(Chem.AddHs(unit_mol(unit)))
    return tuple(labels[atom.GetIdx()] for atom in _heavy_atoms(unit))


def cut_molecule(molecule: Chem.Mol, charged: Charged) -> tuple[tuple[ResidueAtom, ...], float]:
    """Average the equivalent atoms of a whole molecule that has no hydrogens."""
    classes = equivalent_labels(molecule)
    atoms = [
        ResidueAtom(
            element=atom.GetSymbol(),
            type=charged.types[atom.GetIdx()],
            charge_e=_mean(
                [
                    charge_e
                    for label, charge_e in zip(classes, charged.charges_e, strict=True)
                    if label == classes[atom.GetIdx()]
                ]
            ),
            n_hydrogens=0,
            hydrogen_type=None,
            hydrogen_charge_e=None,
        )
        for atom in molecule.GetAtoms()
    ]
    return _renormalised(atoms, charge=Chem.GetFormalCharge(molecule), classes=classes)


def typed_like(
    atoms: Sequence[ResidueAtom], typed: Sequence[ResidueAtom]
) -> tuple[ResidueAtom, ...]:
    """Give atoms the types of others in the same order."""
    return tuple(
        replace(
            atom,
            type=like.type,
            hydrogen_type=None if atom.hydrogen_charge_e is None else like.hydrogen_type,
        )
        for atom, like in zip(atoms, typed, strict=True)
    )


def residue_charge(atoms: Sequence[ResidueAtom]) -> float:
    """Return the sum of the charges of heavy atoms and their hydrogens."""
    return fsum(
        charge for a in atoms for charge in (a.charge_e, a.n_hydrogens * (a.hydrogen_charge_e or 0))
    )


def _heavy_atoms(unit: RepeatUnit) -> list[Chem.Atom]:
    return [atom for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]


def _filled_hydrogens(unit: RepeatUnit) -> list[int]:
    return [atom.GetTotalNumHs() for atom in _heavy_atoms(unit)]


def _copies(unit: RepeatUnit, molecule: Chem.Mol, charged: Charged) -> Iterator[list[_Seen]]:
    """Yield each copy of the unit in a molecule, atom by atom of the unit."""
    heavy: dict[tuple[int, int], Chem.Atom] = {}
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() > 1 and atom.GetProp("unit_name") == unit.name:
            heavy[atom.GetIntProp("unit_index"), atom.GetIntProp("unit_atom")] = atom
    for index in sorted({index for index, _ in heavy}):
        yield [_seen(heavy[index, place], charged) for place in range(unit.n_atoms)]


def _seen(atom: Chem.Atom, charged: Charged) -> _Seen:
    hydrogens = [n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() == 1]
    types = charged.types or ("",) * len(charged.charges_e)
    return _Seen(
        types[atom.GetIdx()],
        charged.charges_e[atom.GetIdx()],
        tuple(types[h] for h in hydrogens),
        tuple(charged.charges_e[h] for h in hydrogens),
    )


def _uncapped_charge(seen: _Seen, n_hydrogens: int) -> float:
    """Return the charge of an atom after it has taken back what its cap hydrogens took."""
    n_caps = seen.n_hydrogens - n_hydrogens
    return seen.charge_e + (n_caps * _mean(seen.hydrogen_charges_e) if n_caps else 0.0)


def _one_type(unit: RepeatUnit, place: int, shown: Sequence[_Seen]) -> str | None:
    types = {name for seen in shown for name in seen.hydrogen_types}
    if len(types) > 1:
        raise ForceFieldError(
            f"{unit.name}: the hydrogens on atom {place} are typed {', '.join(sorted(types))}; "
            "one residue cannot hold both, so give the oligomer other neighbours"
        )
    return types.pop() if types else None


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _renormalised(
    atoms: Sequence[ResidueAtom], *, charge: int, classes: Sequence[int]
) -> tuple[tuple[ResidueAtom, ...], float]:
    """Spread the deviation from the formal charge evenly, in whole micro-charges."""
    drift_e = residue_charge(atoms) - charge
    shift_e = drift_e / sum(1 + atom.n_hydrogens for atom in atoms)
    micro = [round((atom.charge_e - shift_e) * 1e6) for atom in atoms]
    micro_h = [
        None
        if atom.hydrogen_charge_e is None
        else round((atom.hydrogen_charge_e - (shift_e if atom.n_hydrogens else 0.0)) * 1e6)
        for atom in atoms
    ]
    total = sum(q + a.n_hydrogens * (h or 0) for a, q, h in zip(atoms, micro, micro_h, strict=True))
    place_remainder(micro, round(charge * 1e6) - total, classes=classes)
    made = tuple(
        ResidueAtom(
            element=atom.element,
            type=atom.type,
            charge_e=q / 1e6,
            n_hydrogens=atom.n_hydrogens,
            hydrogen_type=atom.hydrogen_type,
            hydrogen_charge_e=None if h is None else h / 1e6,
        )
        for atom, q, h in zip(atoms, micro, micro_h, strict=True)
    )
    return made, round(drift_e, 6)


def place_remainder(micro: list[int], remainder: int, *, classes: Sequence[int]) -> None:
    """Put the micro-charges left over by rounding on equivalent atoms alike where that divides."""
    groups = [[i for i, label in enumerate(classes) if label == c] for c in dict.fromkeys(classes)]
    groups.sort(key=lambda group: (len(group), -abs(micro[group[0]])))
    group = next((g for g in groups if remainder % len(g) == 0), groups[0][:1])
    for place in group:
        micro[place] += remainder // len(group)
