"""Names and SMILES of a user's table -> the polymers and salts of a dataset.

A name of the catalogue, however it is capitalised or hyphenated, brings its SMILES along and is
spelt as the catalogue does, so that runs of that membrane join its labels.
"""

from collections.abc import Sequence
from functools import cache

from rdkit import Chem, rdBase

from iemhpc.errors import ChemistryError, UnknownNameError, unknown_name
from iemhpc.polymer.catalog import load_membrane, load_salt, membrane_names, salt_names
from iemhpc.polymer.oligomer import oligomer

_STUDY_NAMES = {"pvas-rce": "pvas"}
"""Names of the study that the catalogue spells differently, as keys."""


class Molecules:
    """Resolves the polymers and salts of one table.

    Parameters
    ----------
    canonical : bool
        Whether SMILES of the table are made canonical, or used as given.

    Examples
    --------
    >>> Molecules(canonical=True).salt("nacl", None, at="row 2")[0]
    'NaCl'
    """

    def __init__(self, *, canonical: bool) -> None:
        self._canonical = canonical

    def polymer(self, name: str, smiles: str | None, *, at: str) -> tuple[str, str]:
        """Return name and SMILES of a polymer.

        Raises
        ------
        UnknownNameError
            Where there is no SMILES and the catalogue has no such name.
        ChemistryError
            Where the SMILES does not parse.
        """
        catalogued = _catalogued(name, membrane_names())
        if smiles is not None:
            return catalogued or name, self._checked(smiles, at=f"{at}: polymer_smiles")
        if catalogued is None:
            raise _unknown("polymer", name, membrane_names(), at=at)
        return catalogued, _oligomer_smiles(catalogued)

    def salt(self, name: str, smiles: str | None, *, at: str) -> tuple[str, str, int]:
        """Return name and SMILES of a salt, and the ions per formula unit.

        Raises
        ------
        UnknownNameError
            Where there is no SMILES and the catalogue has no such name.
        ChemistryError
            Where the SMILES does not parse, is one ion, or is not neutral.
        """
        catalogued = _catalogued(name, salt_names())
        if smiles is not None:
            given = self._checked(smiles, at=f"{at}: salt_smiles")
            return catalogued or name, given, count_ions(smiles, at=f"{at}: salt_smiles")
        if catalogued is None:
            raise _unknown("salt", name, salt_names(), at=at)
        salt = load_salt(catalogued)
        return catalogued, salt.smiles, salt.nu

    def _checked(self, smiles: str, *, at: str) -> str:
        canonical = _canonical_smiles(smiles)
        if canonical is None:
            raise ChemistryError(f"{at} {smiles!r} does not parse; wanted SMILES that RDKit reads")
        return canonical if self._canonical else smiles


def _catalogued(name: str, known: Sequence[str]) -> str | None:
    by_key = {_key(known_name): known_name for known_name in known}
    return by_key.get(_STUDY_NAMES.get(_key(name), _key(name)))


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")


def _unknown(kind: str, name: str, known: Sequence[str], *, at: str) -> UnknownNameError:
    return UnknownNameError(
        f"{at}: {unknown_name(kind, name, known)}. Or give its SMILES in a column {kind}_smiles"
    )


@cache
def _oligomer_smiles(membrane: str) -> str:
    return str(oligomer(load_membrane(membrane).polymer).smiles)


@cache
def _canonical_smiles(smiles: str) -> str | None:
    with rdBase.BlockLogs():  # our message names the row
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() == 0:
        return None
    return str(Chem.MolToSmiles(molecule))


def count_ions(smiles: str, *, at: str) -> int:
    """Return the ions of one formula unit of a salt.

    Raises
    ------
    ChemistryError
        Where the SMILES is not two ions or more that are neutral together.

    Examples
    --------
    >>> count_ions("[Cl-].[Cl-].[Mg+2]", at="row 2: salt_smiles")
    3
    """
    molecule = Chem.MolFromSmiles(smiles)
    ions = Chem.GetMolFrags(molecule, asMols=True)
    charges = [Chem.GetFormalCharge(ion) for ion in ions]
    if len(ions) < 2 or sum(charges) != 0 or 0 in charges:
        raise ChemistryError(
            f"{at} {smiles!r} holds ions of charges {charges}; wanted the ions of one neutral "
            "formula unit, as in [Na+].[Cl-]"
        )
    return len(ions)
