"""Which H-capped oligomers a repeat unit is charged in, where nobody has said it.

Electrons move across the bond between two units. Where both neighbours of a unit are units like
it, what it loses at one end it wins at the other, and its charges sum to its formal charge but for
thousandths; between short alkyl ends an ester unit lacked 0.07 e a bond (measured: methyl
methacrylate, AM1-BCC). So AM1-BCC takes a dimer, of which each end shows what the other hides, also
of an ion: sulfonate groups of a styrene sulfonate dimer and trimer agree to .003 e. RESP constrains
each unit's sum in the fit, so short neighbours do, and it must be spared large molecules.
"""

from collections.abc import Sequence

from iemhpc.polymer.chain import link
from iemhpc.polymer.repeat_unit import RepeatUnit, attachments, unit_mol

ETHYLENE = RepeatUnit("neighbouring ethylene", "[*]CC[*]")
TETRAFLUOROETHYLENE = RepeatUnit("neighbouring tetrafluoroethylene", "[*]C(F)(F)C([*])(F)F")
"""Neighbours that stand for the chain going on."""

DIMER_ATOMS = 80
"""Larger dimers take sqm more than a quarter of an hour."""

FIT_METHODS = ("resp", "resp-gaussian")
"""Charge methods that constrain the charge of each unit."""

MEASURED = {"am1bcc": (84.0, 45), "resp": (64.0, 33)}
"""Seconds that a molecule of so many atoms took; the time grows with the cube of their number."""

Oligomers = Sequence[Sequence[RepeatUnit]]


def default_oligomers(unit: RepeatUnit, *, method: str = "am1bcc") -> Oligomers:
    """Return the oligomers of a unit: the first gives the charges, others what it does not show.

    Examples
    --------
    >>> acid = RepeatUnit("acid", "[*]CC([*])C(=O)[O-]")
    >>> [[part.name for part in parts] for parts in default_oligomers(acid)]
    [['acid', 'acid']]
    >>> [len(parts) for parts in default_oligomers(acid, method="resp")]
    [3]
    """
    if method not in FIT_METHODS and link([unit, unit]).GetNumAtoms() <= DIMER_ATOMS:
        return [[unit, unit]]
    mol = unit_mol(unit)
    anchors = [mol.GetAtomWithIdx(point).GetNeighbors()[0].GetIdx() for point in attachments(unit)]
    near = [mol.GetAtomWithIdx(anchor) for anchor in anchors[:2]]
    is_fluorinated = all("F" in {n.GetSymbol() for n in atom.GetNeighbors()} for atom in near)
    neighbour = TETRAFLUOROETHYLENE if is_fluorinated else ETHYLENE
    between = [neighbour, unit, neighbour]
    # Alone, the unit shows the hydrogen that caps an atom without hydrogens of its own.
    return [between] if all(atom.GetTotalNumHs() for atom in near) else [between, [unit]]


def expected_minutes(n_atoms: int, *, method: str) -> float | None:
    """Return about how long a method takes on one core, or none where it runs no program.

    Examples
    --------
    >>> round(expected_minutes(90, method="am1bcc")), expected_minutes(9, method="resp-gaussian")
    (11, None)
    """
    if method not in MEASURED:
        return None
    seconds, atoms = MEASURED[method]
    return seconds / 60.0 * (n_atoms / atoms) ** 3
