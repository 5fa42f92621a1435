"""A membrane explained and drawn, and the catalogue as a list, for a person to read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from iemhpc.errors import InputError
from iemhpc.polymer.capacity import (
    PROTON_G_MOL,
    charge_spacing_A,
    equivalent_weight_g_mol,
    ion_exchange_capacity_meq_g,
    water_uptake_g_g,
)
from iemhpc.polymer.catalog import load_membrane, load_salt, membrane_names
from iemhpc.polymer.materials import Membrane, System
from iemhpc.polymer.oligomer import oligomer
from iemhpc.polymer.repeat_unit import RepeatUnit, found_sites, tethered_atoms, unit_mol
from iemhpc.polymer.sites import sites_in_words
from iemhpc.units import WATER_MOLAR
from iemhpc.workspace import publishing

_PANEL_PX = (360, 300)


def catalogue_lines() -> list[str]:
    """Return one line a membrane: charge, water, capacity, salts.

    Examples
    --------
    >>> len(catalogue_lines()) - 1
    12
    """
    lines = [
        f"{'membrane':<12}{'sites':<8}{'H2O/site':>9}{'meq/g':>7}  {'salts':<31}what it is",
    ]
    for name in membrane_names():
        membrane = load_membrane(name)
        system = System(membrane, load_salt(membrane.salts[0]))
        capacity = ion_exchange_capacity_meq_g(membrane.polymer, system.counterion)
        kind = "anionic" if membrane.site_charge < 0 else "cationic"
        lines.append(
            f"{membrane.name:<12}{kind:<8}{membrane.water_per_site:>9g}{capacity:>7.2f}  "
            f"{' '.join(membrane.salts):<31}{membrane.full_name}"
        )
    return lines


def describe_membrane(membrane: Membrane) -> list[str]:
    """Return what is known of a membrane, each figure with its source or doubt."""
    return [
        f"{membrane.name}: {membrane.full_name}",
        "",
        *_unit_lines(membrane),
        "",
        *_figure_lines(membrane),
        *_oligomer_lines(membrane),
        *_notes("sources", membrane.sources),
        *_notes("doubts", membrane.doubts),
    ]


def crosslink_note(membrane: str) -> str:
    """Return what to tell of a run whose membrane has a cross-linker, but whose chains are linear.

    Only runs of earlier versions are like that.

    Examples
    --------
    >>> crosslink_note("CR61")
    'CR61: cross-links were not simulated: linear chains, cross-linkers as side groups'
    """
    return (
        f"{membrane}: cross-links were not simulated: linear chains, cross-linkers as side groups"
    )


def _unit_lines(membrane: Membrane) -> list[str]:
    polymer = membrane.polymer
    is_assumed = "units.fraction" in membrane.assumed
    how = f"{polymer.arrangement}, {membrane.tacticity}, {membrane.topology}"
    lines = [f"repeat units ({how}{', fractions assumed' if is_assumed else ''}):"]
    for unit, fraction in zip(polymer.units, polymer.fractions, strict=True):
        joins = ", joins chains" if unit.name == membrane.crosslinker else ""
        lines.append(
            f"  {fraction:7.4f}  {unit.name}, charge {unit.charge:+d}, "
            f"{unit.mass_g_mol:.2f} g/mol{joins}  {unit.smiles}"
        )
        if sites := sites_in_words(unit):
            found = ", ".join(map(str, found_sites(unit))) if unit.given_sites else ""
            given = f"; as given, by structure they would be {found}" if found else ""
            lines.append(
                f"{'':11}tethered: {sites} of its SMILES, counted from 0 without [*]{given}"
            )
    return lines


def _figure_lines(membrane: Membrane) -> list[str]:
    polymer = membrane.polymer
    lines = []
    counterions = {
        ion.name: ion for ion in (System(membrane, load_salt(s)).counterion for s in membrane.salts)
    }
    for ion in counterions.values():
        lines.append(
            f"  capacity            {ion_exchange_capacity_meq_g(polymer, ion):.3f} meq/g dry, "
            f"{ion.name} form (equivalent weight {equivalent_weight_g_mol(polymer, ion):.1f} g/mol)"
        )
    if membrane.site_charge < 0:
        acid = equivalent_weight_g_mol(polymer) + PROTON_G_MOL
        lines.append(f"  equivalent weight   {acid:.1f} g/mol, acid form")
    published = "published" if membrane.c_fix_molar else "55.34 over water per site"
    c_fix_molar = membrane.c_fix_molar or WATER_MOLAR / membrane.water_per_site
    xi = f"{membrane.xi:g}, published" if membrane.xi else "not published"
    spacing_A = charge_spacing_A(polymer)
    return [
        *lines,
        f"  water               {membrane.water_per_site:g} molecules per tethered charge, "
        + ", ".join(
            f"{water_uptake_g_g(polymer, ion, membrane.water_per_site):.3g} g/g dry, {name} form"
            for name, ion in counterions.items()
        ),
        f"  fixed charge        {c_fix_molar:.3g} mol per litre of sorbed water, {published}",
        f"  charge spacing      {spacing_A:.2f} Å along the chain; Manning's xi {xi}",
        f"  salts               {', '.join(membrane.salts)}",
        f"  assumed             {', '.join(membrane.assumed) or 'nothing'}",
    ]


def _oligomer_lines(membrane: Membrane) -> list[str]:
    short = oligomer(membrane.polymer)
    units = zip(short.counts, membrane.polymer.units, strict=True)
    counts = ", ".join(f"{count} {unit.name}" for count, unit in units)
    return [
        f"  oligomer for graphs {counts} (shares within {100 * short.composition_error:.1f} %)",
        f"                      {short.smiles}",
    ]


def _notes(title: str, notes: Mapping[str, str]) -> list[str]:
    lines = [f"  {figure}: {text}" for figure, text in notes.items()]
    return ["", f"{title}:", *lines] if lines else []


def draw_membrane(membrane: Membrane, path: Path) -> Path:
    """Draw the repeat units of a membrane, side by side, with names, fractions and their sites.

    Tethered sites are highlighted.

    Parameters
    ----------
    membrane : Membrane
        The membrane.
    path : Path
        Where to: a ``.png`` or ``.svg`` file.

    Returns
    -------
    Path
        The same path.
    """
    canvases = {".png": rdMolDraw2D.MolDraw2DCairo, ".svg": rdMolDraw2D.MolDraw2DSVG}
    if path.suffix.lower() not in canvases:
        raise InputError(
            f"cannot draw {membrane.name} as {path.name!r}: wanted a name that ends in .png or .svg"
        )
    units = membrane.polymer.units
    width, height = _PANEL_PX
    canvas = canvases[path.suffix.lower()](width * len(units), height, width, height)
    options: Any = canvas.drawOptions()
    options.dummiesAreAttachments = True
    options.useBWAtomPalette()
    options.bondLineWidth = 2
    legends = [
        f"{unit.name}  {100 * fraction:.3g} %"
        for unit, fraction in zip(units, membrane.polymer.fractions, strict=True)
    ]
    canvas.DrawMolecules(
        [_flat(unit_mol(unit)) for unit in units],
        highlightAtoms=[_drawn_sites(unit) for unit in units],
        legends=legends,
    )
    canvas.FinishDrawing()
    drawing = canvas.GetDrawingText()
    with publishing(path) as temporary:
        temporary.write_bytes(drawing if isinstance(drawing, bytes) else drawing.encode())
    return path


def _drawn_sites(unit: RepeatUnit) -> list[int]:
    """Return the tethered sites as atoms of the drawing, where attachment points count."""
    heavy = [atom.GetIdx() for atom in unit_mol(unit).GetAtoms() if atom.GetAtomicNum()]
    return [heavy[site] for site in tethered_atoms(unit)]


def _flat(mol: Chem.Mol) -> Chem.Mol:
    rdDepictor.SetPreferCoordGen(True)
    rdDepictor.Compute2DCoords(mol)
    return mol
