"""Repeat units linked into one molecule that remembers where each atom came from.

Chains and networks are linked in the same way: every bond between units is a joint of two
attachment points, and a point that is in no joint becomes the hydrogen that caps it. What is a
ring, aromatic or charged is decided inside the units before they are joined, so that the cost is
linear in atoms: a network's meshes are no rings of chemistry, and looking for them never ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rdkit import Chem

from iemhpc.errors import ChemistryError
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol

Point = tuple[int, int]
"""An attachment point: which unit, and its place in :func:`attachments` (head 0, tail 1, ...)."""

_TETRAHEDRAL = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)


@dataclass(frozen=True, slots=True)
class _Template:
    """What of a unit is the same wherever it stands."""

    heavy: Chem.Mol
    """Its heavy atoms, attachment points not counted, with the unit's name and their places."""
    anchors: tuple[int, ...]
    """The heavy atom that each attachment point hangs on."""
    n_hydrogens: tuple[int, ...]
    """Of each heavy atom."""
    arms: dict[int, tuple[int, ...]]
    """Of each stereo centre, what it is bonded to in the order that its tag is written for: a
    heavy atom; -1 for its hydrogen; -2 - k for attachment point k."""


def link(units: Sequence[RepeatUnit]) -> Chem.Mol:
    """Link repeat units into a linear chain with explicit hydrogens and H-capped ends.

    The tail of each unit is bonded to the head of the next. The far side of a cross-linker is
    capped with H.

    Parameters
    ----------
    units : sequence of RepeatUnit
        The chain from its first unit to its last.

    Returns
    -------
    rdkit.Chem.Mol
        Heavy atoms in the order of the units, then hydrogens. Each atom has the properties
        ``unit_index`` (int), ``unit_name`` (str) and ``unit_atom`` (int, index among the unit's
        SMILES atoms, attachment points not counted); a hydrogen those of the atom it sits on.

    Examples
    --------
    >>> chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 2)
    >>> Chem.MolToSmiles(Chem.RemoveHs(chain)), chain.GetNumAtoms()
    ('CC(O)CCO', 16)
    """
    if not units:
        raise ChemistryError("a chain needs at least one repeat unit; got none")
    chain = join(units, [((unit, 1), (after, 0)) for unit, after in pairwise(range(len(units)))])
    Chem.GetSSSR(chain)  # those of the units, and no others: cheap
    return chain


def join(units: Sequence[RepeatUnit], joints: Sequence[tuple[Point, Point]]) -> Chem.Mol:
    """Join units at pairs of attachment points; a point that no joint names is capped with H.

    Returns
    -------
    rdkit.Chem.Mol
        As of :func:`link`. RDKit is not asked for rings, which may be meshes: those of the units
        are what :func:`iemhpc.system.spearing.unit_rings` says.
    """
    templates = [_template(unit) for unit in units]
    mol = Chem.RWMol()
    starts: list[int] = []
    for index, template in enumerate(templates):
        first = mol.GetNumAtoms()
        starts.append(first)
        mol.InsertMol(template.heavy)
        for atom in range(first, mol.GetNumAtoms()):
            mol.GetAtomWithIdx(atom).SetIntProp("unit_index", index)

    def anchor(point: Point) -> int:
        unit, place = point
        return starts[unit] + templates[unit].anchors[place]

    met: dict[Point, int] = {}
    for one, other in joints:
        mol.AddBond(anchor(one), anchor(other), Chem.BondType.SINGLE)
        met[one], met[other] = anchor(other), anchor(one)
    _add_hydrogens(mol, templates, starts, met)
    for index, template in enumerate(templates):
        for centre, arms in template.arms.items():
            _turn_back(mol, starts[index] + centre, arms, start=starts[index], unit=index, met=met)
    return _finished(mol.GetMol())


def _add_hydrogens(
    mol: Chem.RWMol,
    templates: Sequence[_Template],
    starts: Sequence[int],
    met: dict[Point, int],
) -> None:
    """Add every hydrogen behind the heavy atoms; caps are entered into ``met``."""
    for index, template in enumerate(templates):
        free = [
            (anchor, (index, place))
            for place, anchor in enumerate(template.anchors)
            if (index, place) not in met
        ]
        for heavy, n_own in enumerate(template.n_hydrogens):
            points = [point for anchor, point in free if anchor == heavy]
            for point in [None] * n_own + points:
                hydrogen = _add_hydrogen(mol, starts[index] + heavy)
                if point is not None:
                    met[point] = hydrogen


def _add_hydrogen(mol: Chem.RWMol, heavy: int) -> int:
    on = mol.GetAtomWithIdx(heavy)
    hydrogen = Chem.Atom(1)
    hydrogen.SetNoImplicit(True)
    hydrogen.SetProp("unit_name", on.GetProp("unit_name"))
    for name in ("unit_index", "unit_atom"):
        hydrogen.SetIntProp(name, on.GetIntProp(name))
    added = int(mol.AddAtom(hydrogen))
    mol.AddBond(heavy, added, Chem.BondType.SINGLE)
    return added


def _turn_back(
    mol: Chem.RWMol,
    centre: int,
    arms: Sequence[int],
    *,
    start: int,
    unit: int,
    met: dict[Point, int],
) -> None:
    """Mend the tag of a stereo centre whose bonds stand in another order than in its unit."""
    atom = mol.GetAtomWithIdx(centre)
    now = [bond.GetOtherAtomIdx(centre) for bond in atom.GetBonds()]
    wanted = [start + arm if arm >= 0 else met[unit, -2 - arm] if arm < -1 else -1 for arm in arms]
    if -1 in wanted:
        (own,) = set(now) - set(wanted)
        wanted[wanted.index(-1)] = own
    places = [wanted.index(other) for other in now]
    n_swaps = sum(a > b for k, b in enumerate(places) for a in places[:k])
    if n_swaps % 2:
        atom.InvertChirality()


def _finished(mol: Chem.Mol) -> Chem.Mol:
    """Check valences and see again what a joint may change; never look for rings."""
    mol.UpdatePropertyCache(strict=True)
    Chem.SetConjugation(mol)
    Chem.SetHybridization(mol)
    return mol


@lru_cache(maxsize=256)
def _template(unit: RepeatUnit) -> _Template:
    mol = unit_mol(unit)
    points = attachments(unit)
    n_own = mol.GetNumAtoms()
    n_hydrogens = [atom.GetTotalNumHs() for atom in mol.GetAtoms()]
    full = Chem.AddHs(mol)
    kept = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum()]
    place = {atom: number for number, atom in enumerate(kept)}
    code = place | {point: -2 - number for number, point in enumerate(points)}
    arms = {
        place[atom.GetIdx()]: tuple(
            code.get(bond.GetOtherAtomIdx(atom.GetIdx()), -1) for bond in atom.GetBonds()
        )
        for atom in full.GetAtoms()
        if atom.GetChiralTag() in _TETRAHEDRAL
    }
    heavy = Chem.RWMol(full)
    heavy.BeginBatchEdit()
    for atom in full.GetAtoms():
        if atom.GetIdx() >= n_own or not atom.GetAtomicNum():
            heavy.RemoveAtom(atom.GetIdx())
    heavy.CommitBatchEdit()
    for number, atom in enumerate(heavy.GetAtoms()):
        atom.SetChiralTag(full.GetAtomWithIdx(kept[number]).GetChiralTag())
        atom.SetProp("unit_name", unit.name)
        atom.SetIntProp("unit_atom", number)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0)
    return _Template(
        heavy=heavy.GetMol(),
        anchors=tuple(place[mol.GetAtomWithIdx(p).GetNeighbors()[0].GetIdx()] for p in points),
        n_hydrogens=tuple(n_hydrogens[atom] for atom in kept),
        arms=arms,
    )
