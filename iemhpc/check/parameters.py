"""Which parameters of a run a referee would ask about, where all came from, and the charges.

A parameter is doubtful where parmchk2 gave it a penalty above 10 (Amber's own advice for what to
look at) or its default value, which has no penalty, where its source says that it was borrowed,
where a well is deeper than any other atom's, and charges where much had to be spread over a
residue to make it whole.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, gcd

from iemhpc.lammps.parameter_table import ParameterRow

HIGHEST_PENALTY = 10.0
"""Of parmchk2; a term above it is rough."""

LARGEST_DRIFT_E = 0.05
"""A residue whose raw charges missed its formal charge by more is doubtful."""

LARGEST_SUM_ERROR_E = 0.001
"""A residue whose charges in the box do not sum to its formal charge, scaled, is doubtful."""

DEEPEST_KCAL_MOL = 1.0
"""A deeper Lennard-Jones well is remarkable, published or not: iodine's is 0.5 in GAFF2."""

_SCALED = re.compile(r"charges scaled by ([\d.]+)")
"""As the source of scaled charges ends."""

_HEAVIEST_HYDROGEN_G_MOL = 3.0

_BORROWED = (
    (r"\bby analogy\b", "by analogy"),
    (r"\bdefault value\b", "parmchk2's default value: nothing like it is in the table"),
    (r"\bempirical approach\b", "by parmchk2's empirical formula"),
    (r"\bATTN\b|need revision", "parmchk2 could not estimate it"),
    (r"\bassumed\b", "assumed"),
    (r"\bset to zero\b", "set to zero: no published term is for it"),
    (r"\bone of \d+ lines\b", "the table has several lines for it"),
)
"""What a source says -> why that is a doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A parameter that somebody should look at."""

    parameter: ParameterRow
    """The whole line of parameters.csv."""
    reason: str
    """Why it is doubtful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidueCharges:
    """Charges of one kind of residue."""

    residue: str
    """Repeat unit, water or ion."""
    method: str
    """Charge method, water model or ion set."""
    n_atoms: int
    """Atoms of the box in such residues."""
    formal_charge: float
    """Of one such residue, e."""
    scale: float
    """What the charges were multiplied by; 1 where they were not."""
    sum_e: float | None
    """What the charges of one such residue sum to in the box; None where its lines are missing."""
    box_sum_e: float | None
    """What those of all of them sum to."""
    drift_e: float
    """By how much they missed it before."""
    low_e: float
    """Most negative charge."""
    high_e: float
    """Most positive charge."""
    source: str
    """Programs, table or file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSection:
    """First section of ``iemhpc check``."""

    n_parameters: int
    """Lines of parameters.csv, single atoms' charges and settings aside."""
    doubts: tuple[Doubt, ...]
    """The worst first."""
    sources: Mapping[str, int]
    """Table, paper or program -> parameters from it, the most frequent first."""
    charges: tuple[ResidueCharges, ...]
    """One a kind of residue; empty for runs that do not say."""
    settings: tuple[ParameterRow, ...] = ()
    """1-4 factors, mixing, cut-off; empty for runs that do not say."""

    def lines(self) -> list[str]:
        """Return the doubtful parameters, the sources, and the table of charges."""
        n_doubts = len(self.doubts)
        lines = [
            f"PARAMETERS: {self.n_parameters}, "
            + (f"{n_doubts} of them doubtful:" if n_doubts else "none of them doubtful")
        ]
        for doubt in self.doubts:
            row = doubt.parameter
            values = " ".join(f"{value:g}" for value in row.values)
            lines.append(f"  {row.kind} {row.atom_types} (used {row.n_used} times): {doubt.reason}")
            lines.append(f"    {values} [{row.meaning}]; {row.source}")
        lines.append("  from")
        lines += [f"    {count:>5}  {source}" for source, count in self.sources.items()]
        lines += [f"  setting {_setting(row)}" for row in self.settings]
        if not self.charges:
            return [*lines, "  this run does not record where its charges come from"]
        width = max(len("residue"), *(len(each.residue) for each in self.charges))
        lines.append(
            f"  {'charges':<{width}}  {'formal e':>8}  {'sum e':>8}  {'in box e':>9}  "
            f"{'drift e':>9}  {'lowest':>7}  {'highest':>7}  source"
        )
        for each in self.charges:
            lines.append(
                f"  {each.residue:<{width}}  {each.formal_charge:>+8g}  {_said(each.sum_e):>8}  "
                f"{_said(each.box_sum_e):>9}  {each.drift_e:>+9.4f}  {each.low_e:>+7.3f}  "
                f"{each.high_e:>+7.3f}  {each.method}: {each.source}"
            )
        return [*lines, "  the charge of each atom: lines 'atom charge' of parameters.csv"]


def check_parameters(rows: Sequence[ParameterRow]) -> ParameterSection:
    """Sort a run's parameters by doubt and by source.

    Parameters
    ----------
    rows : sequence of ParameterRow
        Of the run's ``parameters.csv``.
    """
    parameters = [row for row in rows if row.kind not in ("atom charge", "setting")]
    charges = {row: _charges(row, rows) for row in parameters if row.kind == "charge"}
    doubts = [
        Doubt(parameter=row, reason="; ".join(reasons))
        for row in parameters
        if (reasons := [*_doubts(row), *(_sum_doubts(charges[row]) if row in charges else ())])
    ]
    doubts.sort(key=lambda doubt: -(doubt.parameter.penalty or 0.0))
    return ParameterSection(
        n_parameters=len(parameters),
        doubts=tuple(doubts),
        sources=dict(Counter(_origin(row) for row in parameters).most_common()),
        charges=tuple(charges.values()),
        settings=tuple(row for row in rows if row.kind == "setting"),
    )


def _doubts(row: ParameterRow) -> list[str]:
    reasons = []
    if row.penalty is not None and row.penalty > HIGHEST_PENALTY:
        reasons.append(f"penalty {row.penalty:g}, wanted {HIGHEST_PENALTY:g} or less")
    for pattern, reason in _BORROWED:
        if re.search(pattern, row.source, re.IGNORECASE):
            reasons.append(reason)
    if row.kind == "charge" and abs(row.values[1]) > LARGEST_DRIFT_E:
        reasons.append(
            f"its charges missed the formal charge by {row.values[1]:+.3f} e, wanted "
            f"{LARGEST_DRIFT_E:g} or less"
        )
    if row.kind == "atom" and row.values[0] > DEEPEST_KCAL_MOL:
        reasons.append(
            f"its well of {row.values[0]:g} kcal/mol is deeper than {DEEPEST_KCAL_MOL:g}: as "
            "published, but remarkable"
        )
    return reasons


def _origin(row: ParameterRow) -> str:
    """Return the table, program or paper that a source begins with."""
    first = re.split(r":\s|; the type's own", row.source, maxsplit=1)[0].strip() or "no source"
    return f"charges: {first}" if row.kind == "charge" else first


def _setting(row: ParameterRow) -> str:
    values = " ".join(f"{value:g}" for value in row.values)
    return f"{row.atom_types}{' = ' if values else ''}{values} [{row.meaning}]; {row.source}"


def _charges(row: ParameterRow, rows: Sequence[ParameterRow]) -> ResidueCharges:
    formal_charge, drift_e, low_e, high_e = row.values
    method, _, source = row.source.partition(": ")
    found = _SCALED.search(row.source)
    scale = float(found[1]) if found else 1.0
    lines = [
        each
        for each in rows
        if each.kind == "atom charge" and each.atom_types.rpartition(" ")[0] == row.atom_types
    ]
    box_sum_e = round(fsum(each.values[0] * each.n_used for each in lines), 6) if lines else None
    n_residues = _n_residues(lines, rows)
    sum_e = None
    if box_sum_e is not None and n_residues:
        is_monatomic = n_residues == row.n_used
        numbers = [n_residues] if is_monatomic else _divisors(n_residues)
        sums = [round(box_sum_e / n, 6) for n in numbers]
        sum_e = min(sums, key=lambda each: abs(each - formal_charge * scale))
    return ResidueCharges(
        residue=row.atom_types,
        method=method,
        n_atoms=row.n_used,
        formal_charge=formal_charge,
        scale=scale,
        sum_e=sum_e,
        box_sum_e=box_sum_e,
        drift_e=drift_e,
        low_e=low_e,
        high_e=high_e,
        source=source,
    )


def _n_residues(lines: Sequence[ParameterRow], rows: Sequence[ParameterRow]) -> int:
    """Return how many residues there are, or a multiple; 0 where the lines do not say.

    Each has the same heavy atoms, whatever hydrogens an end of a chain has more, so the number of
    each element is a multiple of theirs.
    """
    masses = {row.atom_types: row.values[2] for row in rows if row.kind == "atom"}
    counts: Counter[float] = Counter()
    for line in lines:
        mass_g_mol = masses.get(line.atom_types.rpartition(" ")[2])
        if mass_g_mol is None:
            return 0
        if mass_g_mol > _HEAVIEST_HYDROGEN_G_MOL:
            counts[round(mass_g_mol)] += line.n_used
    return gcd(*counts.values())


def _divisors(number: int) -> list[int]:
    return [each for each in range(1, number + 1) if number % each == 0]


def _sum_doubts(charges: ResidueCharges) -> list[str]:
    if charges.sum_e is None:
        return []
    wanted_e = charges.formal_charge * charges.scale
    if abs(charges.sum_e - wanted_e) <= LARGEST_SUM_ERROR_E:
        return []
    return [f"its charges sum to {charges.sum_e:+.4f} e in the box, wanted {wanted_e:+g}"]


def _said(value_e: float | None) -> str:
    return "unsaid" if value_e is None else f"{round(value_e, 4) + 0.0:+g}"
