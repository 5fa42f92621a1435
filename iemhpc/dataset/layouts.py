"""The column names under which a table of labels may come: ours, or the study's Table S1.

**Ours.** Needed: ``polymer`` (a name), ``salt`` (a name), ``salt_molar`` (outer solution, mol/L),
``water_per_site`` (water molecules per tethered charge), ``label`` (activity coefficient of the
salt in the membrane). Needed where the names are not in the catalogue: ``polymer_smiles`` (an
oligomer with its charges, without counter-ions), ``salt_smiles`` (one formula unit, ions apart).
Free: ``label_kind``, ``label_source``, and the twelve descriptors (lengths in ångström). Further
columns of numbers are kept under their names, columns of text are left out.

**The study's.** The supplement's names, first minimum, peak position, peak height and coordination
number of ion-water, fixed-water and fixed-ion. Its activity coefficient is the product
gamma_ct^nu_ct gamma_co^nu_co: for CR61 its values at 1 mol/L are those of Donnan-Manning with the
published constants as a product (NaCl 0.30) and not as a mean (0.55); for the other systems this
is inferred, and for the PSbNMP and PVAS polyelectrolytes it is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from iemhpc.dataset.spreadsheet import Cell, Sheet
from iemhpc.errors import InputError
from iemhpc.tables.descriptors import DESCRIPTORS, PAIRS, QUANTITIES

NEEDED = ("polymer", "salt", "salt_molar", "water_per_site", "label")
FREE = ("polymer_smiles", "salt_smiles", "label_kind", "label_source")

_STUDY_PAIRS = ("ion_ow", "fix_ow", "fix_ion")
_STUDY_QUANTITIES = ("gr_peakpos", "gr_peakh", "gr_min", "cn")
STUDY_COLUMNS: Mapping[str, str] = {
    "polymer": "polymer",
    "salt": "salt",
    "polymer_smiles": "polymer_smiles",
    "salt_smiles": "salt_smiles",
    "water_per_ion": "water_per_site",
    "salt_conc_M": "salt_molar",
    "activity_coefficient": "label",
    **{
        f"{quantity}_{pair}": f"{our_pair}_{our_quantity}"
        for pair, our_pair in zip(_STUDY_PAIRS, PAIRS, strict=True)
        for quantity, our_quantity in zip(_STUDY_QUANTITIES, QUANTITIES, strict=True)
    },
}
"""Column of the study's Table S1 -> ours. All are needed."""

_STUDY_MARKS = {"salt_conc_M", "water_per_ion", "activity_coefficient"}
_STUDY_OTHERS = ("row", "system", "membrane_type", "counter_ion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the columns of one file are to be read."""

    is_study: bool
    """Whether the file is laid out as the study's Table S1."""
    columns: Mapping[str, str]
    """Column of the file -> ours."""
    more: tuple[str, ...]
    """Further columns of numbers, kept under their own names."""
    left_out: tuple[str, ...]
    """Columns of text that no table of ours holds."""
    doubts: tuple[str, ...]
    """Sentences about columns that look like misspelt ones."""


def find_layout(sheet: Sheet, *, where: str) -> Layout:
    """Decide which layout a sheet has, and which column is what.

    Raises
    ------
    InputError
        Where a needed column is missing; the nearest name in the file is suggested.
    """
    is_study = len(_STUDY_MARKS & set(sheet.columns)) >= 2
    known = dict(STUDY_COLUMNS) if is_study else {n: n for n in (*NEEDED, *FREE, *DESCRIPTORS)}
    needed = tuple(STUDY_COLUMNS) if is_study else NEEDED
    unused = [name for name in sheet.columns if name not in known]
    for name in needed:
        if name not in sheet.columns:
            raise _missing(name, unused, needed=needed, where=where)
    if is_study:
        unused = [name for name in unused if name not in _STUDY_OTHERS]
    more = tuple(name for name in unused if _is_numeric(sheet, name))
    return Layout(
        is_study=is_study,
        columns={name: ours for name, ours in known.items() if name in sheet.columns},
        more=more,
        left_out=tuple(name for name in unused if name not in more),
        doubts=tuple(doubt for name in unused for doubt in _doubt(name, known)),
    )


def study_label_kind(polymer: str) -> str:
    """Return what the study's label is for a polymer: see the top of the module.

    Examples
    --------
    >>> study_label_kind("CR61"), study_label_kind("PVAS_RCE")
    ('product', 'unknown')
    """
    return "unknown" if polymer.upper().startswith(("PSBNMP", "PVAS")) else "product"


def _missing(name: str, unused: list[str], *, needed: tuple[str, ...], where: str) -> InputError:
    by_lower = {candidate.lower(): candidate for candidate in unused}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f"; is it {by_lower[near[0]]!r}? Rename that one" if near else ""
    return InputError(
        f"{where}: no column {name!r}{hint}. Needed: {', '.join(needed)}; further columns of the "
        f"file: {', '.join(unused) or 'none'}"
    )


def _is_numeric(sheet: Sheet, name: str) -> bool:
    cells = [cells[name] for _, cells in sheet.rows if cells[name] is not None]
    return bool(cells) and all(_reads_as_number(cell) for cell in cells)


def _reads_as_number(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return False
    try:
        float(cell)  # type: ignore[arg-type]  # None was taken out
    except ValueError:
        return False
    return True


def _doubt(name: str, known: Mapping[str, str]) -> tuple[str, ...]:
    near = get_close_matches(name, known, n=1, cutoff=0.85)
    return (f"column {name!r} is not one of ours; is {near[0]!r} meant?",) if near else ()
