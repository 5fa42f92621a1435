"""A second opinion on GAFF2 types and terms: RadonPy's typer on the chains of all membranes.

    python benchmarks/second_typer.py [--peer PYTHON] [--older gaff-2.1.dat]

For each set of repeat units that a membrane has, the shortest chain in which every unit stands
beside every other is typed by both. RadonPy (BSD-3, Hayashi et al., npj Comput. Mater. 8, 222
(2022)) wants an environment of its own and the comparison is skipped where there is none:

    python -m venv .venv-radonpy && .venv-radonpy/bin/pip install radonpy-pypi==0.2.11

Its table is an older GAFF2; ``--older`` is that table (``gaff-2.1.dat`` of openmmforcefields or of
AmberTools 16), by which what the version changed is told from what RadonPy does differently.
Writes ``tests/forcefield/radonpy_types.json`` and the tables of ``docs/typing.md``; the tests
compare both with the package, without RadonPy.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from iemhpc.forcefield.amber import read_parm_dat
from iemhpc.forcefield.gaff2 import parametrise_chain
from iemhpc.forcefield.parameters import Parameters
from iemhpc.forcefield.topology import palindrome
from iemhpc.polymer.catalog import ion_names, load_ion, load_membrane, membrane_names
from iemhpc.polymer.chain import link

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "forcefield" / "radonpy_types.json"
PAGE = ROOT / "docs" / "typing.md"
FIELDS = ("gaff2", "gaff2_mod")
KINDS = ("bond", "angle", "dihedral", "improper")

TYPE_REASONS = {
    ("s6", "sy"): "sulfonate",
    ("h1", "hc"): "beside S",
    ("c3", "c3f"): "c3f",
}
"""Our and RadonPy's type of an atom -> the heading of docs/typing.md that explains it."""

SUMMED = ("c-ns-c3-c3", "c3-c3-os-c3", "c3-c3-c-o", "c3-c3-c3-hc")
"""Torsions of which RadonPy's table holds two blocks as one: they add up."""

SUBSTITUTES = {"ns": "n", "c3f": "c3"}
"""RadonPy's types that its table lacks terms for -> what it takes in their place."""

ROUNDING = {"bond": 6e-4, "angle": 0.06}
"""What RadonPy's table has rounded away: ångström, degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A term that both assign with other values, or only one of them."""

    kind: str
    ours: str
    """Our types."""
    theirs: str
    """RadonPy's types."""
    our_values: tuple[float, ...]
    their_values: tuple[float, ...] | None
    effect_kcal_mol: float
    why: str


def tour(n: int) -> list[int]:
    """Return the shortest walk in which each of ``n`` numbers follows each, itself included.

    >>> tour(2)
    [0, 0, 1, 1, 0]
    """
    left = {(first, second) for first in range(n) for second in range(n)}
    order: list[int] = []

    def walk(at: int) -> None:
        for to in range(n):
            if (at, to) in left:
                left.discard((at, to))
                walk(to)
        order.append(at)

    walk(0)
    return order[::-1]


@lru_cache
def chains() -> dict[str, Chem.Mol]:
    """Return a chain for each set of repeat units, named by the membranes that have it."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name in membrane_names():
        units = load_membrane(name).polymer.units
        names.setdefault(tuple(unit.canonical_smiles for unit in units), []).append(name)
    found = {}
    for same in names.values():
        units = load_membrane(same[0]).polymer.units
        found[", ".join(same)] = link([units[place] for place in tour(len(units))])
    return found


@lru_cache
def ours(name: str) -> tuple[Parameters, tuple[str, ...]]:
    """Return our parameters of a chain, and the type of each of its atoms."""
    parameters = parametrise_chain(chains()[name])
    types = tuple(parameters.atom_types[kind].types[0] for kind in parameters.atom_type)
    return parameters, types


def molecules() -> dict[str, str]:
    """Return a molblock for each chain and each mobile ion."""
    blocks = {name: Chem.MolToMolBlock(Chem.Mol(chain)) for name, chain in chains().items()}
    for name in ion_names():
        blocks[name] = Chem.MolToMolBlock(Chem.MolFromSmiles(load_ion(name).smiles))
    return blocks


def ask(peer: str) -> dict[str, Any]:
    """Return what RadonPy says to all molecules, in the interpreter ``peer``."""
    script = Path(__file__).with_name("second_typer_peer.py")
    answer = subprocess.run(
        [peer, str(script)],
        input=json.dumps(molecules()),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return dict(json.loads(answer.stdout))


def key_of(kind: str, types: Sequence[str], centre: int = 2) -> str:
    """Return the types of a term in the one order that both share; a centre goes third."""
    if kind != "improper":
        return "-".join(palindrome(types))
    first, second, last = sorted(types[:centre] + types[centre + 1 :])
    return "-".join((first, second, types[centre], last))


def condensed(answer: dict[str, Any], older: Path | None) -> dict[str, Any]:
    """Return the answer without repetition: types by atom, values by types."""
    record: dict[str, Any] = {
        "made_by": "benchmarks/second_typer.py",
        "radonpy": answer["version"],
        "rdkit": answer["rdkit"],
        "older_table": older.read_text(errors="replace").splitlines()[0] if older else None,
    }
    for field in FIELDS:
        typed = answer[field]
        record[field] = {
            "ions": {name: _outcome(typed[name]) for name in ion_names()},
            "chains": {name: _condensed_chain(name, typed[name]) for name in chains()},
            "pair": {row[0]: row[1:] for name in chains() for row in typed[name]["atoms"]},
            **{kind: _values_by_types(kind, typed) for kind in KINDS},
        }
        record[field]["older"] = _by_older_table(record[field], older) if older else {}
    return record


def _outcome(typed: dict[str, Any]) -> dict[str, Any]:
    return {
        "types": [row[0] for row in typed["atoms"]] if typed["is_done"] else None,
        "said": typed["said"],
    }


def _condensed_chain(name: str, typed: dict[str, Any]) -> dict[str, Any]:
    """Return types and impropers; bonds, angles and torsions must be those that we have."""
    parameters, _ = ours(name)
    for kind, rows in (
        ("bond", parameters.bonds),
        ("angle", parameters.angles),
        ("dihedral", parameters.dihedrals),
    ):
        if {palindrome(row[0]) for row in typed[kind]} != {palindrome(row[1:]) for row in rows}:
            raise SystemExit(f"{name}: not the same {kind}s; tell docs/typing.md which")
    return {
        **_outcome(typed),
        "n_terms": {kind: len(typed[kind]) for kind in KINDS},
        "impropers": [row[0] for row in typed["improper"]],
    }


def _values_by_types(kind: str, typed: dict[str, Any]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name in chains():
        types = [row[0] for row in typed[name]["atoms"]]
        for atoms, *values in typed[name][kind]:
            key = key_of(kind, [types[atom] for atom in atoms], centre=0)
            if found.setdefault(key, values) != values:
                raise SystemExit(f"RadonPy gives {kind} {key} two sets of values")
    return dict(sorted(found.items()))


def _by_older_table(typed: dict[str, Any], older: Path) -> dict[str, dict[str, list[float]]]:
    """Return what Amber's rules find in the older table for RadonPy's types."""
    table = read_parm_dat(older)
    found: dict[str, dict[str, list[float]]] = {"pair": {}}
    for name in typed["pair"]:
        term = table.atom(name)
        if term:
            found["pair"][name] = [term.values[0], term.values[1]]
    for kind in KINDS[:3]:
        look_up = getattr(table, kind)
        keys = {key_of(kind, _replaced(key)) for key in typed[kind]} | typed[kind].keys()
        terms = {key: look_up(*key.split("-")) for key in sorted(keys)}
        start = 1 if kind == "dihedral" else 0
        found[kind] = {key: list(term.values[start:]) for key, term in terms.items() if term}
    return found


def _replaced(key: str) -> list[str]:
    return [SUBSTITUTES.get(name, name) for name in key.split("-")]


def atom_rows(record: dict[str, Any]) -> set[tuple[str, str, str, str, str]]:
    """Return each differing type once: field, repeat unit, atom, ours, RadonPy's."""
    rows = set()
    for field in FIELDS:
        for name, chain in chains().items():
            _, types = ours(name)
            theirs = record[field]["chains"][name]["types"]
            for atom, our, their in zip(chain.GetAtoms(), types, theirs, strict=True):
                if our != their:
                    place = f"{atom.GetIntProp('unit_atom')}"
                    heavy = atom.GetSymbol() + place
                    if atom.GetAtomicNum() == 1:
                        (other,) = atom.GetNeighbors()
                        heavy = f"H on {other.GetSymbol()}{place}"
                    rows.add((field, atom.GetProp("unit_name"), heavy, our, their))
    return rows


def term_differences(record: dict[str, Any], field: str) -> list[Difference]:
    """Return every term with other values, or without any, each pair of types once."""
    found: dict[tuple[str, str, str], Difference] = {}
    for name in chains():
        parameters, types = ours(name)
        theirs = record[field]["chains"][name]
        placed = {(row[0], frozenset(row)) for row in theirs["impropers"]}
        for kind, terms, rows in _tables(parameters):
            for index, *atoms in rows.tolist():
                their_types = [theirs["types"][atom] for atom in atoms]
                key = (kind, *_aligned(kind, [types[atom] for atom in atoms], their_types))
                if key in found:
                    continue
                values = terms[index].values[1 if kind == "dihedral" else 0 :]
                known = record[field][kind].get(key_of(kind, their_types))
                if kind == "improper" and (atoms[2], frozenset(atoms)) not in placed:
                    known = None
                difference = _difference(record[field], key, values, known)
                if difference:
                    found[key] = difference
        for our, their in zip(types, theirs["types"], strict=True):
            term = parameters.atom_types[[t.types[0] for t in parameters.atom_types].index(our)]
            difference = _difference(
                record[field], ("pair", our, their), term.values[:2], record[field]["pair"][their]
            )
            if difference:
                found["pair", our, their] = difference
    order = ("pair", *KINDS)
    return sorted(
        found.values(), key=lambda d: (order.index(d.kind), -d.effect_kcal_mol, d.ours, d.theirs)
    )


def _tables(parameters: Parameters) -> Iterator[tuple[str, Any, Any]]:
    for kind in KINDS:
        yield kind, getattr(parameters, f"{kind}_types"), getattr(parameters, f"{kind}s")


def _aligned(kind: str, our: Sequence[str], their: Sequence[str]) -> tuple[str, str]:
    """Return both as text, read in the same direction."""
    if kind == "improper":
        return "-".join(our), "-".join(their)
    pairs = min(list(zip(our, their, strict=True)), list(zip(our, their, strict=True))[::-1])
    return "-".join(one for one, _ in pairs), "-".join(other for _, other in pairs)


def _difference(
    typed: dict[str, Any],
    key: tuple[str, str, str],
    our: Sequence[float],
    their: Sequence[float] | None,
) -> Difference | None:
    kind, our_types, their_types = key
    if their is not None and _is_alike(kind, our, their):
        return None
    return Difference(
        kind=kind,
        ours=our_types,
        theirs=their_types,
        our_values=tuple(our),
        their_values=None if their is None else tuple(their),
        effect_kcal_mol=_effect(kind, our, their),
        why=_why(typed["older"], key, their),
    )


def _why(
    older: dict[str, dict[str, list[float]]],
    key: tuple[str, str, str],
    their: Sequence[float] | None,
) -> str:
    """Return the heading that explains a term; empty where none does."""
    kind, our_types, their_types = key
    if their is None:
        return "lost impropers"
    if our_types != their_types:
        pairs = zip(our_types.split("-"), their_types.split("-"), strict=True)
        return next(TYPE_REASONS.get(pair, "") for pair in pairs if pair[0] != pair[1])
    if our_types in SUMMED:
        return "summed blocks"
    types = their_types.split("-")
    for names, why in ((types, "version"), (_replaced(their_types), "ns as n")):
        known = older.get(kind, {}).get(names[0] if kind == "pair" else key_of(kind, names))
        if known is not None and _is_alike(kind, known, their):
            return why
    return ""


def _is_alike(kind: str, our: Sequence[float], their: Sequence[float]) -> bool:
    if kind == "dihedral":
        return _effect(kind, our, their) < 0.006
    if kind == "pair":
        return bool(np.allclose(our, their, atol=2e-4, rtol=0))
    if kind == "improper":
        return bool(np.allclose(our, their))
    return abs(our[0] / their[0] - 1) < 0.005 and abs(our[1] - their[1]) < ROUNDING[kind]


def _effect(kind: str, our: Sequence[float], their: Sequence[float] | None) -> float:
    """Return what the difference is worth, kcal/mol.

    Bond, angle: the strain in our term at RadonPy's rest; torsion: half of how far the difference
    of both curves varies; improper: our energy at ten degrees less RadonPy's; pair: of the depths.
    """
    if kind in ("bond", "angle"):
        shift = their[1] - our[1] if their else 0.0
        return float(our[0] * (np.radians(shift) if kind == "angle" else shift) ** 2)
    if kind == "pair":
        return abs(our[0] - their[0]) if their else our[0]
    if kind == "improper":
        return float(abs(our[0] - (their[0] if their else 0.0)) * (1 - np.cos(np.radians(20))))
    turn = _curve(our) - _curve(their or ())
    return float(np.ptp(turn)) / 2


def _curve(fourier: Sequence[float]) -> np.ndarray:
    phi = np.radians(np.arange(0.0, 360.0))
    terms = zip(fourier[0::3], fourier[1::3], fourier[2::3], strict=True)
    return sum((k * np.cos(n * phi - np.radians(d)) for k, n, d in terms), np.zeros_like(phi))


def written(kind: str, values: Sequence[float] | None) -> str:
    """Return the values of a term as the tables show them."""
    if values is None:
        return "none"
    if kind == "dihedral":
        terms = zip(values[0::3], values[1::3], values[2::3], strict=True)
        return "; ".join(f"{k:.3g} n={n:.0f} {phase:.0f}°" for k, n, phase in terms)
    if kind == "improper":
        return f"{values[0]:.4g}"
    if kind == "pair":
        return f"{values[0]:.4f}, {values[1]:.3f}"
    digits = 2 if kind == "angle" else 4
    return f"{values[0]:.4g}, {values[1]:.{digits}f}"


def tables(record: dict[str, Any]) -> dict[str, list[str]]:
    """Return the tables of docs/typing.md by name.

    Raises
    ------
    SystemExit
        Where a disagreement has no explanation.
    """
    types = [
        "| field | repeat unit | atom | ours | RadonPy's | explained under |",
        "|---|---|---|---|---|---|",
    ]
    for field, unit, atom, our, their in sorted(atom_rows(record)):
        if (our, their) not in TYPE_REASONS:
            raise SystemExit(f"{unit} {atom}: {our} or {their}? Explain it in docs/typing.md")
        types.append(
            f"| {field} | {unit} | {atom} | {our} | {their} | {TYPE_REASONS[our, their]} |"
        )
    found = {"types": types, "ions": _ion_table(record)}
    plain = term_differences(record, "gaff2")
    others = [row for row in plain if row.why != "version"]
    found["terms"] = _term_table(others)
    found["version"] = _term_table([row for row in plain if row.why == "version"])
    shown = {(row.kind, row.ours, row.their_values) for row in plain}
    found["c3f"] = _term_table(
        [
            row
            for row in term_differences(record, "gaff2_mod")
            if (row.kind, row.ours, row.their_values) not in shown
        ]
    )
    return found


def _ion_table(record: dict[str, Any]) -> list[str]:
    lines = ["| ion | RadonPy's types | RadonPy says |", "|---|---|---|"]
    for name, outcome in record["gaff2"]["ions"].items():
        types = " ".join(sorted(set(outcome["types"]))) if outcome["types"] else "refused"
        lines.append(f"| {name} | {types} | {'; '.join(outcome['said']) or 'nothing'} |")
    return lines


def _term_table(rows: Sequence[Difference]) -> list[str]:
    lines = [
        "| term | our types | RadonPy's | ours | RadonPy's | kcal/mol | explained under |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if not row.why:
            raise SystemExit(f"{row}: explain it in docs/typing.md")
        their_types = "same" if row.theirs == row.ours else row.theirs
        lines.append(
            f"| {row.kind} | {row.ours} | {their_types} | {written(row.kind, row.our_values)} "
            f"| {written(row.kind, row.their_values)} | {row.effect_kcal_mol:.3f} | {row.why} |"
        )
    return lines


def with_tables(page: str, found: dict[str, list[str]]) -> str:
    """Return a page with each table between its ``<!-- name -->`` and ``<!-- end -->``."""
    for name, lines in found.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + "\n".join(lines) + "\n" + end + after
    return page


def main() -> None:
    """Ask RadonPy, record its answer, write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", default=".venv-radonpy/bin/python", help="Python with RadonPy")
    parser.add_argument("--older", type=Path, help="the table of GAFF2 that RadonPy has: 2.1")
    options = parser.parse_args()
    try:
        answer = ask(options.peer)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: {error}; see the head of benchmarks/second_typer.py")
        return
    record = condensed(answer, options.older)
    RECORD.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables(record)))


if __name__ == "__main__":
    main()
