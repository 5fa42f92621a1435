"""GAFF2: a polymer chain from residues, the shipped gaff2.dat and parmchk2's additions.

Bonds, angles and torsions follow from the bonds of the chain; each quadruple of atoms is one
torsion with all its Fourier terms. A planar centre is an atom with three bonds for whose types the
field holds an improper, as in Amber's LEaP.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce

from rdkit import Chem

from iemhpc.errors import ForceFieldError
from iemhpc.forcefield.amber import AmberTable, gaff2_table, parse_frcmod
from iemhpc.forcefield.assignment import assign
from iemhpc.forcefield.parameters import ChargeOrigin, Parameters, Styles, Term
from iemhpc.forcefield.residues import TITLE, Residue
from iemhpc.forcefield.topology import Bonded, Find, Neighbours, TermFinder, enumerate_planar
from iemhpc.progress import Say, quiet

ROUGH_PENALTY = 10.0
"""Terms that parmchk2 estimated with a higher penalty score than this are told to the user."""

DEFAULT = "Using the default value"
"""What parmchk2 writes, without a penalty, where nothing like a term is in the table."""


def parametrise_chain(chain: Chem.Mol, charges: str = "am1bcc", *, say: Say = quiet) -> Parameters:
    """Give a chain its GAFF2 parameters.

    Parameters
    ----------
    chain : rdkit.Chem.Mol
        A chain of ``iemhpc.polymer.chain.link``: explicit hydrogens, H-capped ends.
    charges : str
        Charge method of the residues.
    say : callable
        Told where a residue has to be made, and which terms are rough estimates.

    Returns
    -------
    iemhpc.forcefield.parameters.Parameters
        Types, charges and terms; atoms in the order of the chain.

    Raises
    ------
    ForceFieldError
        Where terms are missing: all of them are named at once.

    Examples
    --------
    >>> from iemhpc.polymer.chain import link
    >>> from iemhpc.polymer.repeat_unit import RepeatUnit
    >>> chain = link([RepeatUnit("styrene", "[*]CC([*])c1ccccc1")] * 3)
    >>> parameters = parametrise_chain(chain)
    >>> len(parameters.elements), len(parameters.impropers)
    (50, 18)
    """
    assignment = assign(chain, method=charges, say=say)
    table = reduce(AmberTable.overridden_by, map(_additions, assignment.residues), gaff2_table())
    finder = TermFinder(assignment.types)
    planar = _planar(chain)
    atoms = finder.atoms(lambda types: table.atom(*types))
    bonded = finder.bonded(
        chain,
        partial(_finding, table),
        lambda neighbours: _improper_rows(neighbours, planar, table=table, types=finder.types),
    )
    _complain_of_missing(finder.missing, [residue.unit for residue in assignment.residues])
    _tell_rough(bonded, say=say)
    return Parameters(
        force_field="gaff2",
        elements=tuple(atom.GetSymbol() for atom in chain.GetAtoms()),
        charges_e=assignment.charges_e,
        residues=assignment.units,
        is_tethered_paper=assignment.is_tethered_paper,
        is_tethered_center=assignment.is_tethered_center,
        atom_types=atoms[0],
        atom_type=atoms[1][:, 0],
        styles=Styles(),
        charge_origins=tuple(
            _origin(name, residue) for name, residue in assignment.residue_of.items()
        ),
        frcmod=_frcmod(assignment.residues),
        **bonded,
    )


def _planar(chain: Chem.Mol) -> set[int]:
    """Return the atoms whose three bonds lie in a plane by their hybridization."""
    return {
        atom.GetIdx()
        for atom in chain.GetAtoms()
        if atom.GetHybridization() == Chem.HybridizationType.SP2
    }


def _tell_rough(bonded: Bonded, *, say: Say) -> None:
    """Name the terms whose values parmchk2 could only guess."""
    for terms in (
        bonded["bond_types"],
        bonded["angle_types"],
        bonded["dihedral_types"],
        bonded["improper_types"],
    ):
        for term in terms:
            if (term.penalty or 0.0) > ROUGH_PENALTY or DEFAULT in term.source:
                say(f"{'-'.join(term.types)} is a rough estimate ({term.source})")


def _improper_rows(
    neighbours: Neighbours, planar: set[int], *, table: AmberTable, types: Sequence[str]
) -> Iterator[tuple[int, ...]]:
    """Yield impropers with their centre third; the outer atoms by type, then by index.

    The field does not fix that order; this is LEaP's in nearly all cases.
    """
    for centre, around in enumerate_planar(neighbours):
        first, second, last = sorted(around, key=lambda atom: (types[atom], atom))
        row = (first, second, centre, last)
        if centre in planar or _improper(table, tuple(types[atom] for atom in row)) is not None:
            yield row


def _finding(table: AmberTable, kind: str) -> Find:
    """Return how a kind of term is looked up."""
    if kind == "improper":
        return partial(_improper, table)
    look_up: Callable[..., Term | None] = getattr(table, kind)
    return lambda types: look_up(*types)


def _improper(table: AmberTable, types: tuple[str, ...]) -> Term | None:
    first, second, centre, last = types
    return table.improper((first, second, last), centre)


def _complain_of_missing(missing: Iterable[str], units: Sequence[str]) -> None:
    """Raise one error that names everything that is missing, if anything is."""
    names = list(missing)
    if names:
        raise ForceFieldError(
            f"GAFF2 lacks {len(names)} of the terms of a chain of {', '.join(units)}: "
            f"{'; '.join(names)}. Neither gaff2.dat nor the residues hold them; make the "
            "residue from an oligomer that contains them, so that parmchk2 estimates them"
        )


def _origin(name: str, residue: Residue) -> ChargeOrigin:
    """Return where a unit's charges come from, by the name that it has in the chain."""
    return ChargeOrigin(
        residue=name,
        method=residue.method,
        formal_charge=residue.charge,
        drift_e=residue.drift_e,
        source=(
            residue.charges_source
            if residue.unit == name
            else f"residue {residue.unit}: {residue.charges_source}"
        ),
    )


def _frcmod(residues: Sequence[Residue]) -> tuple[str, ...]:
    """Return the estimated terms of all residues as one file: a title, then their sections."""
    lines = tuple(line for residue in residues for line in residue.frcmod[1:])
    return (TITLE, *lines) if any(line.strip() for line in lines) else ()


def _additions(residue: Residue) -> AmberTable:
    return parse_frcmod(residue.frcmod, name=f"parmchk2 for {residue.unit}")
