"""What a polymer will cost before it can be built, and whether its force field covers it.

A specimen that shows every unit beside every unit is parametrised in a fraction of a second, so
that what is missing is known before anything is built.
"""

import importlib.util
import math
from collections.abc import Iterator, Sequence

from rdkit import Chem

from iemhpc.errors import IemhpcError, ProgramError
from iemhpc.forcefield import is_charge_file
from iemhpc.forcefield.charges import amber_home
from iemhpc.forcefield.gaff2 import parametrise_chain as parametrise_gaff2
from iemhpc.forcefield.oplsaa import parametrise_chain as parametrise_oplsaa
from iemhpc.forcefield.residues import Lacking, cache_folder, lacking_residue
from iemhpc.forcefield.user_charges import load_user_charges
from iemhpc.polymer.materials import Polymer
from iemhpc.polymer.network import Network, Slot, link_network
from iemhpc.polymer.repeat_unit import RepeatUnit, found_sites
from iemhpc.polymer.sequence import chain_sequence
from iemhpc.polymer.sites import sites_in_words

LONGEST_SPECIMEN = 400
"""Units: a unit whose share is below half a percent may be missing in it."""


def polymer_problems(polymer: Polymer, *, force_field: str, charges: str) -> list[str]:
    """Return what would stop a polymer from being parametrised.

    Parameters
    ----------
    polymer : Polymer
        The polymer.
    force_field : str
        A name of ``FORCE_FIELDS``.
    charges : str
        A charge method, or the path of a file of charges.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> polymer = load_membrane("CR61").polymer
    >>> polymer_problems(polymer, force_field="oplsaa", charges="opls")
    []
    """
    try:
        if is_charge_file(charges):
            load_user_charges(charges).need(polymer.units)
        if force_field == "oplsaa":
            parametrise_oplsaa(specimen(polymer), charges)
        elif not any(lacking_residue(unit, method=charges) for unit in polymer.units):
            parametrise_gaff2(specimen(polymer), charges)
    except IemhpcError as error:
        return [str(error)]
    return []


def polymer_notes(polymer: Polymer, *, force_field: str, charges: str) -> Iterator[str]:
    """Yield what must be made before a polymer can be built, and sites that differ from usual.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> polymer = load_membrane("CR61").polymer
    >>> list(polymer_notes(polymer, force_field="gaff2", charges="am1bcc"))
    []
    """
    for unit in polymer.units:
        lacking = lacking_residue(unit, method=charges) if force_field == "gaff2" else None
        if lacking is not None:
            yield f"{polymer.name}: {_cost(lacking, charges)}"
        found = found_sites(unit)
        if unit.given_sites and found:
            yield (
                f"{polymer.name}: tethered sites of {unit.name} are {sites_in_words(unit)} as "
                f"given; by structure they would be atoms {', '.join(map(str, found))}"
            )


def _cost(lacking: Lacking, charges: str) -> str:
    head = f"no stored residue of {lacking.unit}"
    if is_charge_file(charges):
        return f"{head}: antechamber types it first, seconds{_absent('am1bcc')}"
    if lacking.jobs:
        jobs = " and ".join(map(str, lacking.jobs))
        return (
            f"{head}, and no Gaussian log: md-submit writes {jobs}; run Gaussian on it, put its "
            "log beside it as esp.log, then give the same command again"
        )
    if lacking.minutes is None:
        return f"{head}: {charges} is fitted first, to the log that is there"
    minutes = max(1, round(lacking.minutes))
    return (
        f"{head}: {charges} charges it first ({lacking.n_atoms} atoms, about {minutes} min on one "
        f"core), once; it is kept in {cache_folder()}{_absent(charges)}"
    )


def _absent(method: str) -> str:
    """Return what to add where the program of a method is not here."""
    if method == "resp" and importlib.util.find_spec("pyscf") is None:
        return "; PySCF is not here: pip install 'iemhpc[qm]'"
    try:
        amber_home()
    except ProgramError as error:
        return f"; {error}"
    return ""


def specimen(polymer: Polymer) -> Chem.Mol:
    """Return a molecule that shows every unit beside every unit that it may meet, and at ends.

    The far sides of cross-linkers are bonded to neighbours too.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> mol = specimen(load_membrane("CR61").polymer)
    >>> sorted({atom.GetProp("unit_name") for atom in mol.GetAtoms()})
    ['divinylbenzene', 'styrenesulfonate']
    """
    units: list[RepeatUnit] = []
    chains: list[tuple[Slot, ...]] = []
    for sequence in _sequences(polymer):
        near = tuple(Slot(len(units) + place) for place in range(len(sequence)))
        units += sequence
        chains.append(near)
        if all(unit.n_attachments == 2 for unit in sequence):
            continue
        far = []
        for slot, unit in zip(near, sequence, strict=True):
            if unit.n_attachments == 4:
                far.append(Slot(slot.unit, True))
            else:
                far.append(Slot(len(units)))
                units.append(unit)
        chains.append(tuple(far))
    return link_network(Network(tuple(units), tuple(chains)))


def _sequences(polymer: Polymer) -> list[Sequence[RepeatUnit]]:
    if polymer.arrangement != "random":
        length = min(LONGEST_SPECIMEN, max(20, math.ceil(2.0 / min(polymer.fractions))))
        return [chain_sequence(polymer, length, 1)]
    pairs = [unit for one in polymer.units for other in polymer.units for unit in (one, other)]
    return [pairs, *([unit, unit] for unit in polymer.units)]
