"""A repeat unit: SMILES with attachment points, and which of its atoms carry the tethered charge.

A chain unit has two attachment points ``[*]``, a cross-linker four (two on each chain that it
joins). Which of them is the head follows from the structure, not from the spelling, so that two
spellings of a unit make the same polymer; ``[*:1]`` (head), ``[*:2]`` (tail) say it outright.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rdkit import Chem, rdBase

from iemhpc.errors import ChemistryError, unknown_name

CONVENTIONS = ("paper", "center")
"""Tethered sites: terminal O of anionic groups, N of cationic ones; or the groups' S, P, C, N."""

# The canonical 43 element columns of the atom features; what is outside has neither features nor
# force-field parameters, so it is refused where it enters.
ELEMENTS = (
    *("C", "N", "O", "S", "F", "Si", "P", "Cl", "Br", "Mg", "Na", "Ca", "Fe", "As", "Al"),
    *("I", "B", "V", "K", "Tl", "Yb", "Sb", "Sn", "Ag", "Pd", "Co", "Se", "Ti", "Zn", "H"),
    *("Li", "Ge", "Cu", "Au", "Ni", "Cd", "In", "Mn", "Zr", "Cr", "Pt", "Hg", "Pb"),
)
"""Elements that a polymer or a salt may contain, in the order of the atom-type features."""

# A charged group is found by its centre. Nitro groups and N-oxides are no tethered charges.
_ANION_CENTERS = Chem.MolFromSmarts("[S,P,C;$([S,P,C](=O)[O-;X1])]")
_TERMINAL_OXYGEN = Chem.MolFromSmarts("[O;X1]")
_CATION_CENTERS = Chem.MolFromSmarts("[N+,n+,P+;!$([N+,n+,P+]~[O-])]")
_HALOGENS = frozenset({9, 17, 35, 53})


@dataclass(frozen=True, slots=True)
class RepeatUnit:
    """One building block of a polymer, checked when made.

    Examples
    --------
    >>> unit = RepeatUnit("vinyl alcohol", "[*]CC([*])O")
    >>> unit.charge, unit.n_attachments, round(unit.mass_g_mol, 2)
    (0, 2, 44.05)
    """

    name: str
    """What a person calls it."""
    smiles: str
    """SMILES with two or four attachment points ``[*]``, as it was written."""
    given_sites: tuple[int, ...] = ()
    """Atoms that count as its tethered sites where a user says so, as :func:`tethered_atoms` counts
    them; empty: found by :func:`tethered_atoms`."""

    def __post_init__(self) -> None:
        try:
            mol = _parse(self.smiles)
        except ChemistryError as error:
            raise ChemistryError(f"repeat unit {self.name!r}: {error}") from None
        if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
            raise ChemistryError(
                f"repeat unit {self.name!r}, {self.smiles!r}: an atom has an unpaired electron; "
                "write its hydrogens or its charge, as in [CH2] or [O-]"
            )
        if outside := [site for site in self.given_sites if not 0 <= site < self.n_atoms]:
            raise ChemistryError(
                f"repeat unit {self.name!r}: tethered atoms {', '.join(map(str, outside))} are not "
                f"among its {self.n_atoms} atoms; they count from 0 in the order of "
                f"{self.smiles!r}, attachment points and hydrogens left out"
            )

    @property
    def charge(self) -> int:
        """Sum of the formal charges, elementary charges."""
        return int(Chem.GetFormalCharge(_parse(self.smiles)))

    @property
    def mass_g_mol(self) -> float:
        """Average mass without the attachment points, g/mol."""
        return _mass_g_mol(self.smiles)

    @property
    def n_attachments(self) -> int:
        """Two for a chain unit, four for a cross-linker."""
        return len(_dummies(_parse(self.smiles)))

    @property
    def n_atoms(self) -> int:
        """Heavy atoms, attachment points not counted."""
        return int(_parse(self.smiles).GetNumAtoms()) - self.n_attachments

    @property
    def canonical_smiles(self) -> str:
        """The same for every spelling of the unit; attachment points as ``*``."""
        return str(Chem.MolToSmiles(unit_mol(self)))

    @property
    def oriented_smiles(self) -> str:
        """The same, with the attachment points numbered (head 1, tail 2, those of the far chain)
        and given sites marked ``:1``.
        """
        mol = unit_mol(self)
        for number, point in enumerate(attachments(self), start=1):
            mol.GetAtomWithIdx(point).SetIsotope(number)
        kept = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum()]
        for site in self.given_sites:
            kept[site].SetAtomMapNum(1)
        return str(Chem.MolToSmiles(mol))


def unit_mol(unit: RepeatUnit) -> Chem.Mol:
    """Return a copy of the unit's molecule: heavy atoms and attachment points (element 0)."""
    mol = Chem.Mol(_parse(unit.smiles))
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
        if atom.GetAtomicNum() == 0:
            atom.SetIsotope(0)
    return mol


def average_mass_g_mol(mol: Chem.Mol) -> float:
    """Return the average molar mass, hydrogens included, attachment points not."""
    table = Chem.GetPeriodicTable()
    heavy = sum(table.GetAtomicWeight(atom.GetAtomicNum()) for atom in mol.GetAtoms())
    hydrogens = sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    return float(heavy + hydrogens * table.GetAtomicWeight(1))


def tethered_atoms(unit: RepeatUnit, convention: str = "paper") -> tuple[int, ...]:
    """Return which atoms of a unit count as its tethered sites.

    Parameters
    ----------
    unit : RepeatUnit
        The repeat unit.
    convention : str
        ``paper``: terminal oxygens of an anionic group (never an ester or ether O), the N of a
        cationic one. ``center``: S, P, C or N at the middle of the group. Sites that a user gave
        are those of both.

    Returns
    -------
    tuple of int
        Indices of the atoms of ``unit.smiles``, attachment points not counted.

    Examples
    --------
    >>> sulfate = RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]")
    >>> tethered_atoms(sulfate, "paper"), tethered_atoms(sulfate, "center")
    ((4, 5, 6), (3,))
    """
    if convention not in CONVENTIONS:
        raise unknown_name("site convention", convention, CONVENTIONS)
    return unit.given_sites or found_sites(unit, convention)


def found_sites(unit: RepeatUnit, convention: str = "paper") -> tuple[int, ...]:
    """Return the tethered sites that the structure of a unit shows, whatever a user gave."""
    mol = _parse(unit.smiles)
    index = _index_without_dummies(mol)
    return tuple(sorted(index[site] for site in charged_sites(mol, convention)))


def charged_sites(mol: Chem.Mol, convention: str = "paper") -> list[int]:
    """Return the atoms of any molecule that count as sites of its charged groups.

    Examples
    --------
    >>> charged_sites(Chem.MolFromSmiles("CS(=O)(=O)[O-]"))
    [2, 3, 4]
    """
    sites = _charge_centers(mol)
    if convention == "paper":
        terminal = {match[0] for match in mol.GetSubstructMatches(_TERMINAL_OXYGEN)}
        sites = [site for center in sites for site in _paper_sites(mol, center, terminal)]
    return sorted(sites)


def n_sites(unit: RepeatUnit) -> int:
    """Return the number of tethered charges of a unit: 1 for one sulfonate group.

    Given atoms that are bonded or share a neighbour, as the oxygens of one group do, are one site.
    """
    if not unit.given_sites:
        return len(tethered_atoms(unit, "center"))
    mol = _parse(unit.smiles)
    kept = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum()]
    distance = Chem.GetDistanceMatrix(mol)
    groups: list[set[int]] = []
    for atom in (kept[site] for site in unit.given_sites):
        near = [group for group in groups if any(distance[atom, other] <= 2 for other in group)]
        groups = [group for group in groups if group not in near] + [{atom}.union(*near)]
    return len(groups)


def with_sites(unit: RepeatUnit, sites: Sequence[int]) -> RepeatUnit:
    """Return the unit with given tethered atoms; those that are found anyway change nothing.

    Examples
    --------
    >>> sulfate = RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]")
    >>> with_sites(sulfate, [6, 5, 4]) == sulfate, with_sites(sulfate, [3]).given_sites
    (True, (3,))
    """
    atoms = tuple(sorted(set(sites)))
    return unit if atoms == tethered_atoms(unit) else replace(unit, given_sites=atoms)


def atoms_by_smarts(unit: RepeatUnit, smarts: str) -> tuple[int, ...]:
    """Return the atoms of a unit that the first atom of a SMARTS matches.

    Raises
    ------
    ChemistryError
        Where it is no SMARTS, or matches nothing.

    Examples
    --------
    >>> sulfate = RepeatUnit("vinyl sulfate", "[*]CC([*])OS(=O)(=O)[O-]")
    >>> atoms_by_smarts(sulfate, "[O;X1]~S")
    (4, 5, 6)
    """
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or pattern.GetNumAtoms() == 0:
        raise ChemistryError(
            f"repeat unit {unit.name!r}: {smarts!r} is not a SMARTS that RDKit can read"
        )
    mol = _parse(unit.smiles)
    index = _index_without_dummies(mol)
    found = {index[match[0]] for match in mol.GetSubstructMatches(pattern) if match[0] in index}
    if not found:
        raise ChemistryError(
            f"repeat unit {unit.name!r}: no atom of {unit.smiles!r} is matched by the SMARTS "
            f"{smarts!r} of its tethered sites; its first atom is the site, as in [O;X1]~S"
        )
    return tuple(sorted(found))


def attachments(unit: RepeatUnit) -> tuple[int, ...]:
    """Return the attachment atoms of :func:`unit_mol`: head, tail, and those of the far chain.

    The head sits on the less substituted atom (the CH2 of a vinyl unit); where that does not
    decide, on the one of lower canonical rank. The two on one chain are those closest together.
    """
    mol = _parse(unit.smiles)
    dummies = _dummies(mol)
    numbers = [mol.GetAtomWithIdx(dummy).GetAtomMapNum() for dummy in dummies]
    if all(numbers) and len(set(numbers)) == len(numbers):
        return tuple(dummy for _, dummy in sorted(zip(numbers, dummies, strict=True)))
    mol = unit_mol(unit)
    ranks = list(Chem.CanonicalRankAtoms(mol))

    def key(dummy: int) -> tuple[int, int]:
        return _n_substituents(mol, dummy), ranks[dummy]

    pairs = [sorted(pair, key=key) for pair in _chain_pairs(mol, dummies)]
    return tuple(dummy for pair in sorted(pairs, key=lambda pair: key(pair[0])) for dummy in pair)


@lru_cache(maxsize=1024)
def _mass_g_mol(smiles: str) -> float:
    return average_mass_g_mol(_parse(smiles))


@lru_cache(maxsize=1024)
def _parse(smiles: str) -> Chem.Mol:
    """Read and check a unit's SMILES; the molecule is shared, so callers copy before changing."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise ChemistryError(
            f"{smiles!r} is not a SMILES that RDKit can read; check brackets, rings and valences"
        )
    elements = {atom.GetSymbol() for atom in mol.GetAtoms() if atom.GetAtomicNum()}
    if outside := sorted(elements - set(ELEMENTS)):
        raise ChemistryError(
            f"{smiles!r} has {', '.join(outside)}, which has no atom feature; "
            f"known elements: {' '.join(ELEMENTS)}"
        )
    if len(Chem.GetMolFrags(mol)) > 1:
        raise ChemistryError(
            f"{smiles!r} is more than one molecule; leave the counter-ion out, it comes from the "
            "salt"
        )
    _check_attachments(mol, smiles)
    return mol


def _check_attachments(mol: Chem.Mol, smiles: str) -> None:
    dummies = [mol.GetAtomWithIdx(dummy) for dummy in _dummies(mol)]
    if len(dummies) not in (2, 4):
        raise ChemistryError(
            f"{smiles!r} has {len(dummies)} attachment points [*]; a chain unit has two, a "
            "cross-linker four"
        )
    for dummy in dummies:
        bonds = dummy.GetBonds()
        is_single = len(bonds) == 1 and bonds[0].GetBondType() == Chem.BondType.SINGLE
        if not is_single or dummy.GetNeighbors()[0].GetAtomicNum() == 0:
            raise ChemistryError(
                f"{smiles!r}: an attachment point [*] must hang on one atom by a single bond"
            )


def _dummies(mol: Chem.Mol) -> list[int]:
    return [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]


def _index_without_dummies(mol: Chem.Mol) -> dict[int, int]:
    kept = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum()]
    return {atom: place for place, atom in enumerate(kept)}


def _charge_centers(mol: Chem.Mol) -> list[int]:
    return [
        match[0]
        for pattern in (_ANION_CENTERS, _CATION_CENTERS)
        for match in mol.GetSubstructMatches(pattern)
    ]


def _paper_sites(mol: Chem.Mol, center: int, terminal: set[int]) -> list[int]:
    atom = mol.GetAtomWithIdx(center)
    oxygens = [n.GetIdx() for n in atom.GetNeighbors() if n.GetIdx() in terminal]
    return oxygens or [center]


def _n_substituents(mol: Chem.Mol, dummy: int) -> int:
    # Fluorine counts as hydrogen, so that CF2CF(OR) points the way of CH2CH(OR).
    anchor = mol.GetAtomWithIdx(dummy).GetNeighbors()[0]
    numbers = [neighbour.GetAtomicNum() for neighbour in anchor.GetNeighbors()]
    return sum(number > 1 and number not in _HALOGENS for number in numbers)


def _chain_pairs(mol: Chem.Mol, dummies: Sequence[int]) -> list[tuple[int, int]]:
    if len(dummies) == 2:
        return [(dummies[0], dummies[1])]
    distance = Chem.GetDistanceMatrix(mol)
    a, b, c, d = dummies
    pairings = [[(a, b), (c, d)], [(a, c), (b, d)], [(a, d), (b, c)]]
    return min(pairings, key=lambda pairs: sum(distance[i, j] for i, j in pairs))
