"""``parameters.csv``: every parameter of a run, with its atoms, values, units and source.

One line a type of atom, pair, bond, angle, dihedral and improper, one a kind of residue for its
charges, one for each charge in it, and one a setting (1-4 factors, mixing, cut-off). Lines that no
atom uses are not written, so nothing has to be explained in vain.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iemhpc.errors import ForceFieldError, InputError, MissingInputError
from iemhpc.forcefield.parameters import ChargeOrigin, Parameters, Term

COLUMNS = ("kind", "number", "atom_types", "n_used", "meaning", "values", "source", "penalty")
"""Header of the file."""

_OF_STYLE = {
    "harmonic": "",
    "fourier": "m; then m times K kcal/mol, n, phase degrees",
    "opls": "K1 K2 K3 K4 kcal/mol",
    "cvff": "K kcal/mol; d; n",
}
_HARMONIC = {
    "bond": "K kcal/mol/Å²; r0 Å",
    "angle": "K kcal/mol/rad²; theta0 degrees",
}
_ATOM = "epsilon kcal/mol; sigma Å; mass g/mol"
_PAIR = "epsilon kcal/mol; sigma Å"
_CHARGE = "formal charge e; drift e before it was corrected; lowest and highest charge e"
_ATOM_CHARGE = "charge e"
_SPECIAL = "factors on Lennard-Jones of 1-2, 1-3, 1-4 pairs; on Coulomb of 1-2, 1-3, 1-4 pairs"

_MIXING = {
    "arithmetic": "epsilon by the geometric, sigma by the arithmetic mean (Lorentz-Berthelot)",
    "geometric": "epsilon and sigma by the geometric mean",
}
"""pair_modify mix -> what it does."""

_OF_PROTOCOL = {
    "cutoff_A": ("cut-off", "Å, of Lennard-Jones and of Coulomb in real space"),
    "pppm": ("kspace_style pppm", "accuracy of the forces, relative to two unit charges 1 Å apart"),
}
"""Variable of the protocol -> its setting's name and meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    """One line of ``parameters.csv``."""

    kind: str
    """atom, pair, bond, angle, dihedral, improper, charge (of a residue), atom charge, setting."""
    number: int
    """Type number in LAMMPS, from 1; of pairs, charges and settings a running number."""
    atom_types: str
    """Types of the atoms, in the order of the term; of a charge the residue; a setting's name."""
    n_used: int
    """Terms of the box that use it; of a pair the atoms of its rarer type; of a charge atoms; of a
    setting all atoms."""
    meaning: str
    """What the values are, with units."""
    values: tuple[float, ...]
    """As LAMMPS has them; none of the mixing rule, which is a word of ``meaning``."""
    source: str
    """Table, paper or program, by analogy from what."""
    penalty: float | None = None
    """parmchk2's penalty score where the term was estimated."""


def parameter_rows(
    parameters: Parameters, protocol: Mapping[str, float] | None = None
) -> tuple[ParameterRow, ...]:
    """Return a row for each parameter that the box uses.

    Parameters
    ----------
    parameters : Parameters
        Of a molecule or a whole box.
    protocol : mapping, optional
        Variables of the run's protocol: its cut-off and PPPM accuracy get a row each.

    Raises
    ------
    ForceFieldError
        Where a residue does not say where its charges come from.
    """
    return (
        *_term_rows(parameters),
        *_pair_rows(parameters),
        *_charge_rows(parameters),
        *_setting_rows(parameters, protocol or {}),
    )


def parameters_csv(parameters: Parameters, protocol: Mapping[str, float] | None = None) -> str:
    """Return the text of ``parameters.csv``, as of :func:`parameter_rows`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in parameter_rows(parameters, protocol):
        values = " ".join(f"{value!r}" for value in row.values)
        penalty = "" if row.penalty is None else f"{row.penalty:g}"
        writer.writerow(
            (
                *(row.kind, row.number, row.atom_types, row.n_used, row.meaning, values),
                *(row.source, penalty),
            )
        )
    return stream.getvalue()


def read_parameters(path: Path) -> tuple[ParameterRow, ...]:
    """Read a run's ``parameters.csv``.

    Raises
    ------
    MissingInputError
        Where there is no such file.
    InputError
        Where it is no text, a column is missing or a number is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return tuple(_read_rows(stream, name=str(path)))
    except FileNotFoundError:
        raise MissingInputError(
            f"{path} does not exist; runs that have it are made with: iemhpc md-submit"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a table of text: {error}; build the run again") from None


def _read_rows(stream: io.TextIOBase, *, name: str) -> Iterator[ParameterRow]:
    reader = csv.DictReader(stream)
    missing = set(COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise InputError(
            f"{name}: got the columns {', '.join(reader.fieldnames or ()) or 'none'}, wanted also "
            f"{', '.join(sorted(missing))}; build the run again"
        )
    for line, row in enumerate(reader, 2):
        try:
            yield _row(row)
        except (ValueError, AttributeError, TypeError):
            raise InputError(
                f"{name}, line {line}: a number is missing or damaged; build the run again"
            ) from None


def _row(row: Mapping[str, str]) -> ParameterRow:
    return ParameterRow(
        kind=row["kind"],
        number=int(row["number"]),
        atom_types=row["atom_types"],
        n_used=int(row["n_used"]),
        meaning=row["meaning"],
        values=tuple(float(word) for word in row["values"].split()),
        source=row["source"],
        penalty=float(row["penalty"]) if row["penalty"] else None,
    )


def _term_rows(parameters: Parameters) -> Iterator[ParameterRow]:
    styles = parameters.styles
    for kind, style, terms, rows in (
        ("atom", "", parameters.atom_types, parameters.atom_type),
        ("bond", styles.bond, parameters.bond_types, parameters.bonds),
        ("angle", styles.angle, parameters.angle_types, parameters.angles),
        ("dihedral", styles.dihedral, parameters.dihedral_types, parameters.dihedrals),
        ("improper", styles.improper, parameters.improper_types, parameters.impropers),
    ):
        numbers = rows if rows.ndim == 1 else rows[:, 0]
        used = np.bincount(numbers.astype(np.int64), minlength=len(terms))
        for number, term in enumerate(terms):
            if used[number]:
                yield ParameterRow(
                    kind=kind,
                    number=number + 1,
                    atom_types="-".join(term.types),
                    n_used=int(used[number]),
                    meaning=_meaning(kind, style, term),
                    values=tuple(float(value) for value in term.values),
                    source=term.source,
                    penalty=term.penalty,
                )


def _meaning(kind: str, style: str, term: Term) -> str:
    """Return what a term's values are; of a style not known here, only how many."""
    if kind == "atom":
        return _ATOM
    known = _HARMONIC.get(kind, "") if style == "harmonic" else _OF_STYLE.get(style, "")
    return known or f"{len(term.values)} values of {kind}_style {style}"


def _pair_rows(parameters: Parameters) -> Iterator[ParameterRow]:
    used = np.bincount(parameters.atom_type, minlength=len(parameters.atom_types))
    for number, pair in enumerate(parameters.pairs, 1):
        n_used = int(min(used[pair.first], used[pair.second]))
        if n_used:
            names = ("-".join(parameters.atom_types[i].types) for i in (pair.first, pair.second))
            yield ParameterRow(
                kind="pair",
                number=number,
                atom_types=" with ".join(names),
                n_used=n_used,
                meaning=_PAIR,
                values=(float(pair.epsilon_kcal_mol), float(pair.sigma_A)),
                source=pair.source,
            )


def _charge_rows(parameters: Parameters) -> Iterator[ParameterRow]:
    """Yield the sum and the span of each kind of residue, then every charge in it."""
    atoms = Counter(parameters.residues)
    origins = [origin for origin in parameters.charge_origins if atoms[origin.residue]]
    if unsaid := sorted(atoms.keys() - {origin.residue for origin in origins}):
        raise ForceFieldError(
            f"{parameters.force_field}: nothing says where the charges of {', '.join(unsaid)} come "
            f"from; origins are given for {', '.join(o.residue for o in origins) or 'none'}. The "
            "force field must name each residue's in charge_origins, by the name that it has there"
        )
    residues = np.array(parameters.residues)
    for number, origin in enumerate(origins, 1):
        charges_e = parameters.charges_e[residues == origin.residue]
        yield ParameterRow(
            kind="charge",
            number=number,
            atom_types=origin.residue,
            n_used=atoms[origin.residue],
            meaning=_CHARGE,
            values=(
                float(origin.formal_charge),
                float(origin.drift_e),
                float(charges_e.min()),
                float(charges_e.max()),
            ),
            source=_charge_source(origin),
        )
    yield from _atom_charge_rows(parameters, origins)


def _charge_source(origin: ChargeOrigin) -> str:
    scaled = f"; charges scaled by {origin.scale:g}" if origin.scale != 1 else ""
    return f"{origin.method}: {origin.source}{scaled}"


def _atom_charge_rows(
    parameters: Parameters, origins: Sequence[ChargeOrigin]
) -> Iterator[ParameterRow]:
    """Yield each charge of each residue once, in the order in which its atoms come."""
    names = [" ".join(term.types) for term in parameters.atom_types]
    rows = zip(
        parameters.residues,
        parameters.atom_type.tolist(),
        np.round(parameters.charges_e, 9).tolist(),
        strict=True,
    )
    used = Counter(rows)
    number = 0
    for origin in {origin.residue: origin for origin in origins}.values():
        for (residue, kind, charge_e), n_used in used.items():
            if residue == origin.residue:
                number += 1
                yield ParameterRow(
                    kind="atom charge",
                    number=number,
                    atom_types=f"{residue} {names[kind]}",
                    n_used=n_used,
                    meaning=_ATOM_CHARGE,
                    values=(charge_e,),
                    source=_charge_source(origin),
                )


def _setting_rows(parameters: Parameters, protocol: Mapping[str, float]) -> Iterator[ParameterRow]:
    styles = parameters.styles
    field = f"{parameters.force_field}'s rule, in styles.in"
    rows = [
        ("special_bonds", _SPECIAL, _special_factors(styles.special_bonds), field),
        (f"pair_modify mix {styles.mixing}", _MIXING.get(styles.mixing, styles.mixing), (), field),
        (
            "pair_modify tail yes",
            "1: Lennard-Jones beyond the cut-off counts in energy and pressure",
            (1.0,),
            "iemhpc, in styles.in",
        ),
        *(
            (*_OF_PROTOCOL[name], (float(protocol[name]),), f"protocol variable {name}")
            for name in _OF_PROTOCOL
            if name in protocol
        ),
    ]
    for number, (name, meaning, values, source) in enumerate(rows, 1):
        yield ParameterRow(
            kind="setting",
            number=number,
            atom_types=name,
            n_used=len(parameters.elements),
            meaning=meaning,
            values=values,
            source=source,
        )


def _special_factors(text: str) -> tuple[float, ...]:
    """Return three factors for Lennard-Jones and three for Coulomb.

    Examples
    --------
    >>> _special_factors("lj/coul 0.0 0.0 0.5")
    (0.0, 0.0, 0.5, 0.0, 0.0, 0.5)
    """
    words = text.split()
    factors: dict[str, tuple[float, ...]] = {}
    for place in range(0, len(words), 4):
        for name in words[place].split("/"):
            factors[name] = tuple(map(float, words[place + 1 : place + 4]))
    return (*factors["lj"], *factors["coul"])
