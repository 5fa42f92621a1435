"""Repeat units linked head to tail into one molecule that remembers where each atom came from."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from rdkit import Chem

from iemhpc.errors import ChemistryError
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol


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
    chain = Chem.RWMol()
    ends: list[list[int]] = []
    for index, unit in enumerate(units):
        template, places = _template(unit)
        start = chain.GetNumAtoms()
        chain.InsertMol(template)
        for atom in range(start, chain.GetNumAtoms()):
            chain.GetAtomWithIdx(atom).SetIntProp("unit_index", index)
        ends.append([start + place for place in places])
    return _with_hydrogens(_bonded(chain, ends))


@lru_cache(maxsize=256)
def _template(unit: RepeatUnit) -> tuple[Chem.Mol, tuple[int, ...]]:
    """Return the unit with its properties set, and its attachment atoms: head, tail, far side."""
    mol = unit_mol(unit)
    place = 0
    for atom in mol.GetAtoms():
        atom.SetProp("unit_name", unit.name)
        atom.SetIntProp("unit_atom", place)
        place += atom.GetAtomicNum() > 0
    return mol, attachments(unit)


def _bonded(chain: Chem.RWMol, ends: Sequence[Sequence[int]]) -> Chem.RWMol:
    anchor = {
        dummy: chain.GetAtomWithIdx(dummy).GetNeighbors()[0].GetIdx()
        for unit_ends in ends
        for dummy in unit_ends
    }
    joints = [(before[1], after[0]) for before, after in pairwise(ends)]
    joined = {dummy for joint in joints for dummy in joint}
    for dummy in anchor.keys() - joined:
        # An attachment point that nothing is bonded to becomes the hydrogen that caps it.
        cap = chain.GetAtomWithIdx(dummy)
        cap.SetAtomicNum(1)
        cap.SetIsotope(0)
        cap.SetNoImplicit(True)
    chain.BeginBatchEdit()
    for tail, head in joints:
        chain.AddBond(anchor[tail], anchor[head], Chem.BondType.SINGLE)
    for dummy in joined:
        chain.RemoveAtom(dummy)
    chain.CommitBatchEdit()
    return chain


def _with_hydrogens(chain: Chem.RWMol) -> Chem.Mol:
    # Folding the caps in first puts all hydrogens behind the heavy atoms.
    Chem.SanitizeMol(chain)
    mol = Chem.AddHs(Chem.RemoveHs(chain.GetMol()))
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 1:
            heavy = atom.GetNeighbors()[0]
            atom.SetIntProp("unit_index", heavy.GetIntProp("unit_index"))
            atom.SetProp("unit_name", heavy.GetProp("unit_name"))
            atom.SetIntProp("unit_atom", heavy.GetIntProp("unit_atom"))
    return mol
