"""Every molecule of a bundle's dataset as rows of ``saliency.parquet`` and as pictures.

``saliency/saliency.parquet  saliency/<level>/<membrane>_<salt>.{png,svg}``
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdkit import Chem

from iemhpc.errors import MissingInputError, unknown_name
from iemhpc.model.bundle import (
    Bundle,
    best_per_level,
    current_bundle,
    list_bundles,
    load_bundle,
)
from iemhpc.progress import Say, quiet
from iemhpc.saliency.attribution import COLUMN_CHOICES, METHOD, MoleculeMap, attribute
from iemhpc.saliency.drawing import AtomMap, Picture, draw, picture_path
from iemhpc.tables.dataset import LEVELS
from iemhpc.tables.io import read_table, write_table
from iemhpc.tables.saliency import SALIENCY_TABLE
from iemhpc.workspace import Workspace, publishing, write_text

MADE_BY = "iemhpc saliency"

LEAST_AGREEMENT = 0.8
"""Atoms on whose sign fewer of the models agree are drawn grey: of 11 models with random signs 9 or
more agree one time in fifteen, 8 or more one time in four."""

COLUMNS_TEXT = {
    "type": "summed over the 43 atom-type columns",
    "all": "summed over all 69 feature columns",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SaliencySummary:
    """What was attributed and drawn."""

    bundles: dict[str, str]
    """Bundle of each level."""
    columns: str
    """Feature columns summed."""
    n_molecules: int
    """Molecules attributed now."""
    drawn: tuple[str, ...]
    """Pictures written now, relative to the workspace, without suffix."""
    unchanged: tuple[str, ...]
    """Levels whose bundle was exported before."""
    path: str
    """The table."""

    def lines(self) -> list[str]:
        """Return what a person reads."""
        lines = [
            f"{level}: bundle {name}" + (" (unchanged)" if level in self.unchanged else "")
            for level, name in self.bundles.items()
        ]
        if not self.drawn:
            return [*lines, f"nothing to do: {self.path} and its pictures are up to date"]
        return [
            *lines,
            f"{self.n_molecules} molecules, {len(self.drawn)} pictures (PNG and SVG), "
            f"columns {self.columns}: {self.path}",
        ]


def export_saliency(
    workspace: Workspace,
    bundle: str | None = None,
    level: str | None = None,
    *,
    columns: str = "type",
    say: Say = quiet,
) -> SaliencySummary:
    """Attribute and draw every molecule of the bundles' datasets; what is there already stays.

    Parameters
    ----------
    workspace : Workspace
        Where the models are and the pictures go.
    bundle : str, optional
        Hash of one bundle; default: of each level the current one, or else the best.
    level : str, optional
        Only this level.
    columns : str
        ``type`` or ``all``.
    say : callable
        Takes lines of progress.

    Raises
    ------
    MissingInputError
        Where there is no bundle of that kind.
    UnknownNameError
        Where the bundle, the level or ``columns`` is not known.
    """
    if columns not in COLUMN_CHOICES:
        raise unknown_name("choice of columns", columns, COLUMN_CHOICES)
    chosen = _choose(workspace, bundle, level)
    table = workspace.saliency / "saliency.parquet"
    kept = _read_rows(table)
    drawn: list[str] = []
    unchanged: list[str] = []
    n_molecules = 0
    for one in chosen:
        if _is_exported(workspace, kept, one, columns):
            unchanged.append(one.level)
            continue
        say(f"{one.level}: gradients of {len(one.folds)} models at {len(one.points)} points")
        maps = attribute(one, columns=columns)
        n_molecules += len({(m.molecule, m.smiles) for m in maps})
        drawn += _draw_all(workspace, one, maps, columns=columns, say=say)
        kept = [row for row in kept if row["level"] != one.level]
        kept += [row for m in maps for row in _rows(one, m, columns)]
        write_table(table, SALIENCY_TABLE, kept)
    return SaliencySummary(
        bundles={one.level: one.hash for one in chosen},
        columns=columns,
        n_molecules=n_molecules,
        drawn=tuple(drawn),
        unchanged=tuple(unchanged),
        path=table.relative_to(workspace.root).as_posix(),
    )


def _choose(workspace: Workspace, bundle: str | None, level: str | None) -> list[Bundle]:
    if level is not None and level not in LEVELS:
        raise unknown_name("level", level, LEVELS)
    known = {one.hash: one for one in list_bundles(workspace)}
    if not known:
        raise MissingInputError(
            f"no model bundle in {workspace.models}; make one with: iemhpc tune"
        )
    if bundle is not None:
        if bundle not in known:
            raise unknown_name("bundle", bundle, known)
        found = [load_bundle(workspace.models / bundle)]
    else:
        best = best_per_level(tuple(known.values()))
        found = [current_bundle(workspace, name) or best[name] for name in LEVELS if name in best]
    found = [one for one in found if level in (None, one.level)]
    if not found:
        raise MissingInputError(
            f"no model bundle of level {level} in {workspace.models}"
            + (f" under the hash {bundle}" if bundle else "")
            + f"; make one with: iemhpc tune --level {level}"
        )
    return found


def _read_rows(table: Path) -> list[dict[str, Any]]:
    if not table.exists():
        return []
    rows: list[dict[str, Any]] = read_table(table, SALIENCY_TABLE, made_by=MADE_BY).to_pylist()
    return rows


def _is_exported(
    workspace: Workspace, rows: Iterable[dict[str, Any]], bundle: Bundle, columns: str
) -> bool:
    exported = {
        row["system"] for row in rows if row["bundle"] == bundle.hash and row["columns"] == columns
    }
    systems = {str(point["system"]) for point in bundle.points}
    return exported == systems and all(
        picture_path(workspace, bundle.level, system).with_name(name).exists()
        for system in systems
        for name in _file_names(picture_path(workspace, bundle.level, system))
    )


def _file_names(stem: Path) -> tuple[str, str]:
    # with_suffix would cut a name at its dot
    return f"{stem.name}.png", f"{stem.name}.svg"


def _draw_all(
    workspace: Workspace,
    bundle: Bundle,
    maps: Sequence[MoleculeMap],
    *,
    columns: str,
    say: Say,
) -> list[str]:
    systems = list(dict.fromkeys(one.system for one in maps))
    written: list[str] = []
    for n, system in enumerate(systems, start=1):
        say(f"{bundle.level}: drawing {system} ({n} of {len(systems)})")
        of_it = [one for one in maps if one.system == system]
        polymer = next(one for one in of_it if one.molecule == "polymer")
        salt = next(one for one in of_it if one.molecule == "salt")
        stem = picture_path(workspace, bundle.level, system)
        png, svg = draw(_picture(bundle, polymer, salt, columns=columns))
        png_name, svg_name = _file_names(stem)
        with publishing(stem.with_name(png_name)) as temporary:
            temporary.write_bytes(png)
        write_text(stem.with_name(svg_name), svg)
        written.append(stem.relative_to(workspace.root).as_posix())
    return written


def _picture(bundle: Bundle, polymer: MoleculeMap, salt: MoleculeMap, *, columns: str) -> Picture:
    source = "; labels are Donnan-Manning theory" if "theory" in bundle.label_sources else ""
    target = {"gamma": "γ", "ln_gamma": "ln γ"}[bundle.target]
    return Picture(
        polymer=_atom_map(polymer),
        salt=_atom_map(salt),
        title=polymer.system,
        subtitle=bundle.level,
        caption=(
            f"Gradient × input of {target} (equation 3 of the study), {COLUMNS_TEXT[columns]}; "
            f"mean of {polymer.n_points} points and {polymer.n_models} models",
            "Each molecule over its own largest magnitude; grey: fewer than four fifths of the "
            "models agree on the sign",
            f"Bundle {bundle.hash}, level {bundle.level}{source}",
        ),
    )


def _atom_map(one: MoleculeMap) -> AtomMap:
    return AtomMap(
        smiles=one.smiles, values=one.scaled, agrees=one.sign_agreement >= LEAST_AGREEMENT
    )


def _rows(bundle: Bundle, one: MoleculeMap, columns: str) -> list[dict[str, Any]]:
    elements = [atom.GetSymbol() for atom in Chem.MolFromSmiles(one.smiles).GetAtoms()]
    return [
        {
            "bundle": bundle.hash,
            "level": bundle.level,
            "system": one.system,
            "polymer": one.polymer,
            "salt": one.salt,
            "molecule": one.molecule,
            "smiles": one.smiles,
            "atom": atom,
            "element": element,
            "method": METHOD,
            "columns": columns,
            "saliency": float(one.saliency[atom]),
            "saliency_scaled": float(one.scaled[atom]),
            "spread_conditions": float(one.spread_conditions[atom]),
            "sign_agreement": float(one.sign_agreement[atom]),
            "n_models": one.n_models,
            "n_points": one.n_points,
        }
        for atom, element in enumerate(elements)
    ]
