"""Tacticity: the hands of successive stereocentres along a polymer's backbone.

Walking along a chain, a centre has an atom before it, one after it and a larger and a smaller side
group. Its hand is the sign of the volume that before, after and larger side span. Two successive
centres of the same hand are a meso dyad (side groups on one side of the planar zigzag), of
opposite hands a racemic one. Isotactic chains are all meso, syndiotactic ones all racemic, in
atactic ones each hand is drawn (Bernoulli). Units without such a centre are passed over.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from iemhpc.errors import unknown_name
from iemhpc.system.fragments import Fragment

TACTICITIES = ("atactic", "isotactic", "syndiotactic")

N_SHELLS = 6
"""Bonds that two side groups are compared over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A stereocentre of a backbone, by atoms of the molecule."""

    atom: int
    """The centre itself."""
    before: int
    """Backbone atom that a walk along the chain comes from ..."""
    after: int
    """... and the one it goes to."""
    side: int
    """First atom of the larger side group."""

    @property
    def arms(self) -> tuple[int, int, int]:
        """Return the three atoms whose volume has the sign of the hand."""
        return self.before, self.after, self.side


def backbone_centres(molecule: Chem.Mol) -> list[list[Centre]]:
    """Return the stereocentres of each backbone in their order along it.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        Chain or network with explicit hydrogens; each atom has the properties ``unit_index``,
        ``unit_name`` and ``unit_atom``. A cross-linker belongs to two backbones.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("vinyl alcohol", "[*]CC([*])O")] * 3)
    >>> [[(c.before, c.atom, c.after, c.side) for c in one] for one in backbone_centres(chain)]
    [[(0, 1, 3, 2), (3, 4, 6, 5)]]
    """
    sides: dict[tuple[str, int], int | None] = {}
    found = []
    for backbone in backbones(molecule):
        centres = []
        for before, atom, after in zip(backbone, backbone[1:], backbone[2:], strict=False):
            side = _larger_side(molecule.GetAtomWithIdx(atom), {before, after}, known=sides)
            if side is not None:
                centres.append(Centre(atom=atom, before=before, after=after, side=side))
        found.append(centres)
    return found


def backbones(molecule: Chem.Mol) -> list[list[int]]:
    """Return the backbone atoms of each chain of a polymer, in order along it."""
    joints: dict[int, list[int]] = {}
    units: dict[int, dict[int, int]] = {}
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() == 1:
            continue
        unit = atom.GetIntProp("unit_index")
        units.setdefault(unit, {})[atom.GetIntProp("unit_atom")] = atom.GetIdx()
        for near in atom.GetNeighbors():
            if near.GetIntProp("unit_index") != unit:
                joints.setdefault(atom.GetIdx(), []).append(near.GetIdx())
    names = {
        unit: molecule.GetAtomWithIdx(next(iter(atoms.values()))).GetProp("unit_name")
        for unit, atoms in units.items()
    }
    templates = _templates(molecule, units, names, joints=joints)
    pieces = [
        [units[unit][place] for place in piece]
        for unit in sorted(units)
        for piece in templates[names[unit]]
    ]
    return _joined(pieces, joints)


def drawn_hands(
    backbones: Sequence[Sequence[Centre]], tacticity: str, generator: np.random.Generator
) -> dict[int, bool]:
    """Return the hand that each centre shall have, by its atom.

    Parameters
    ----------
    backbones : sequence of sequences of Centre
        From :func:`backbone_centres`.
    tacticity : str
        One of :data:`TACTICITIES`.
    generator : numpy.random.Generator
        Draws the first hand of each backbone, or all of an atactic one.

    Raises
    ------
    UnknownNameError
        Where the tacticity is another word.

    Examples
    --------
    >>> row = [Centre(atom=k, before=0, after=0, side=0) for k in range(4)]
    >>> hands = drawn_hands([row], "syndiotactic", np.random.default_rng(1))
    >>> hands[0] == hands[2] != hands[1] == hands[3]
    True
    """
    if tacticity not in TACTICITIES:
        raise unknown_name("tacticity", tacticity, TACTICITIES)
    hands: dict[int, bool] = {}
    for centres in backbones:
        first = bool(generator.random() < 0.5)
        for number, centre in enumerate(centres):
            if tacticity == "atactic":
                hands[centre.atom] = bool(generator.random() < 0.5)
            else:
                turned = tacticity == "syndiotactic" and number % 2 == 1
                hands[centre.atom] = first != turned
    return hands


def hand(centre_A: NDArray[np.float64], arms_A: NDArray[np.float64]) -> bool:
    """Return the hand of a centre from its position and those of its arms, shape (3, 3)."""
    return bool(np.linalg.det(arms_A - centre_A) > 0)


def fitting(
    fragment: Fragment, centres: Mapping[int, Centre], hands: Mapping[int, bool]
) -> tuple[NDArray[np.float64], ...]:
    """Return those of a fragment's ``hands_A`` that have the wanted hands.

    Parameters
    ----------
    fragment : Fragment
        One unit.
    centres : mapping
        The molecule's centres by their atom.
    hands : mapping
        From :func:`drawn_hands`.

    Returns
    -------
    tuple of ndarray
        All of ``hands_A`` where none fits: the unit's SMILES prescribes another hand.
    """
    row = dict(zip(fragment.atoms.tolist(), fragment.rows.tolist(), strict=True)) | fragment.caps
    here = [centres[atom] for atom in fragment.atoms.tolist() if atom in centres]
    found = tuple(
        known
        for known in fragment.hands_A
        if all(
            hand(known[0][row[c.atom]], known[0][[row[arm] for arm in c.arms]]) == hands[c.atom]
            for c in here
        )
    )
    return found or fragment.hands_A


def meso_fraction(
    molecule: Chem.Mol,
    positions_A: NDArray[np.float64],
    *,
    box_A: NDArray[np.float64] | None = None,
) -> float | None:
    """Return the share of meso dyads of a molecule, None where it has no dyads.

    Parameters
    ----------
    molecule : rdkit.Chem.Mol
        As for :func:`backbone_centres`.
    positions_A : ndarray, shape (n, 3)
        Ångström.
    box_A : ndarray, shape (3,), optional
        Edges of a periodic box, where bonds cross its faces.
    """
    meso: list[bool] = []
    for centres in backbone_centres(molecule):
        hands = []
        for c in centres:
            arms_A = positions_A[list(c.arms)] - positions_A[c.atom]
            if box_A is not None:
                arms_A = arms_A - box_A * np.round(arms_A / box_A)
            hands.append(hand(np.zeros(3), arms_A))
        meso += [first == second for first, second in pairwise(hands)]
    return float(np.mean(meso)) if meso else None


def _templates(
    molecule: Chem.Mol,
    units: Mapping[int, Mapping[int, int]],
    names: Mapping[int, str],
    *,
    joints: Mapping[int, Sequence[int]],
) -> dict[str, list[list[int]]]:
    """Return the backbone pieces of each kind of unit, in numbers of its SMILES atoms.

    End units are bonded on one side only: all units of a kind together show where it is bonded.
    """
    bonded: dict[str, Counter[int]] = {name: Counter() for name in names.values()}
    example: dict[str, Mapping[int, int]] = {}
    for unit, atoms in units.items():
        example.setdefault(names[unit], atoms)
        here = {place: len(joints[atom]) for place, atom in atoms.items() if atom in joints}
        bonded[names[unit]] |= Counter(here)
    return {
        name: _pieces(molecule, example[name], sorted(places.elements()))
        for name, places in bonded.items()
    }


def _pieces(molecule: Chem.Mol, atoms: Mapping[int, int], places: Sequence[int]) -> list[list[int]]:
    """Return the shortest ways between the bonded atoms of one unit, nearest pairs first."""
    near = {
        place: [
            n.GetIntProp("unit_atom")
            for n in molecule.GetAtomWithIdx(atom).GetNeighbors()
            if atoms.get(n.GetIntProp("unit_atom")) == n.GetIdx()
        ]
        for place, atom in atoms.items()
    }
    ways = [
        (_way(near, places[i], places[j]), i, j) for i, j in combinations(range(len(places)), 2)
    ]
    pieces: list[list[int]] = []
    used: set[int] = set()
    for way, i, j in sorted(ways, key=lambda one: len(one[0])):
        if not {i, j} & used:
            used |= {i, j}
            pieces.append(way)
    pieces += [[place] for number, place in enumerate(places) if number not in used]
    return pieces


def _way(near: Mapping[int, Sequence[int]], start: int, end: int) -> list[int]:
    came = {start: start}
    queue = [start]
    for place in queue:
        for other in near[place]:
            if other not in came:
                came[other] = place
                queue.append(other)
    way = [end]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]


def _joined(
    pieces: Sequence[Sequence[int]], joints: Mapping[int, Sequence[int]]
) -> list[list[int]]:
    """Return the pieces joined end to end: chains from their first unit on, then closed ones."""
    piece_of = {atom: number for number, piece in enumerate(pieces) for atom in piece}
    n_joints = [
        sum(len(joints.get(atom, ())) for atom in dict.fromkeys((piece[0], piece[-1])))
        for piece in pieces
    ]
    done: set[int] = set()
    joined = []
    for number in sorted(range(len(pieces)), key=lambda k: (n_joints[k] >= 2, k)):
        if number not in done:
            joined.append(list(_walk(number, pieces, joints, piece_of=piece_of, done=done)))
    return joined


def _walk(
    number: int,
    pieces: Sequence[Sequence[int]],
    joints: Mapping[int, Sequence[int]],
    *,
    piece_of: Mapping[int, int],
    done: set[int],
) -> Iterator[int]:
    piece = list(pieces[number])
    if len(piece) > 1 and joints.get(piece[0]) and not joints.get(piece[-1]):
        piece.reverse()
    while True:
        done.add(number)
        yield from piece
        onward = [
            other
            for other in joints.get(piece[-1], ())
            if other in piece_of and piece_of[other] not in done
        ]
        if not onward:
            return
        number = piece_of[onward[0]]
        piece = list(pieces[number])
        if piece[0] != onward[0]:
            piece.reverse()


def _larger_side(
    centre: Chem.Atom, backbone: set[int], *, known: dict[tuple[str, int], int | None]
) -> int | None:
    """Return the first atom of a centre's larger side group; None where both are alike."""
    sides = [atom for atom in centre.GetNeighbors() if atom.GetIdx() not in backbone]
    if len(sides) != 2:
        return None
    key = (centre.GetProp("unit_name"), centre.GetIntProp("unit_atom"))
    if key not in known:
        shells = [_shells(atom, centre) for atom in sides]
        larger = sides[int(shells[1] > shells[0])]
        known[key] = None if shells[0] == shells[1] else larger.GetIntProp("unit_atom")
    place = known[key]
    heavy = [atom for atom in sides if atom.GetAtomicNum() > 1]
    matching = [atom.GetIdx() for atom in heavy if atom.GetIntProp("unit_atom") == place]
    return matching[0] if matching else None


def _shells(atom: Chem.Atom, centre: Chem.Atom) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Return the size of a side group and its elements shell by shell: the larger, the later."""
    unit, seen, shell = atom.GetIntProp("unit_index"), {centre.GetIdx(), atom.GetIdx()}, [atom]
    shells: list[tuple[int, ...]] = []
    while shell and len(shells) < N_SHELLS:
        shells.append(tuple(sorted((a.GetAtomicNum() for a in shell), reverse=True)))
        following = []
        for near in (near for a in shell for near in a.GetNeighbors()):
            if near.GetIdx() not in seen and near.GetIntProp("unit_index") == unit:
                seen.add(near.GetIdx())
                following.append(near)
        shell = following
    return sum(map(len, shells)), tuple(shells)
