"""The theory set: labels of Donnan-Manning and Pitzer for every catalogued system.

``python -m iemhpc.theory.labels`` writes ``data/theory_labels.csv`` anew. The labels are products
gamma_ct^nu_ct gamma_co^nu_co and are theory, not measurements: nothing learnt from them says
anything about membranes that the theory does not.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.polymer.capacity import charge_spacing_A
from iemhpc.polymer.catalog import systems
from iemhpc.polymer.materials import Membrane, System
from iemhpc.polymer.oligomer import oligomer
from iemhpc.progress import Say, quiet
from iemhpc.resources import resource
from iemhpc.theory.donnan import BJERRUM_LENGTH_A, donnan_manning, ion_pair
from iemhpc.theory.pitzer import mean_activity_coefficient, molality_from_molar
from iemhpc.units import WATER_MOLAR
from iemhpc.workspace import write_text

SALT_MOLAR = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Concentrations of the outer solution, mol/L."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a membrane and where it is from."""

    value: float
    """The number."""
    source: str
    """published, or the formula."""


def fixed_charge(membrane: Membrane) -> Figure:
    """Return the fixed charge in mol per litre of sorbed water; a published one wins.

    Examples
    --------
    >>> from iemhpc.polymer.catalog import load_membrane
    >>> fixed_charge(load_membrane("CR61"))
    Figure(value=3.21, source='published')
    """
    if membrane.c_fix_molar is not None:
        return Figure(membrane.c_fix_molar, "published")
    return Figure(WATER_MOLAR / membrane.water_per_site, "55.34/water_per_site")


def manning_parameter(membrane: Membrane) -> Figure:
    """Return Manning's xi; a published one wins, else the Bjerrum length over charge spacing.

    The spacing is the contour along the backbone: 2.5 Å per vinyl unit, side chains not counted.
    """
    if membrane.xi is not None:
        return Figure(membrane.xi, "published")
    spacing_A = charge_spacing_A(membrane.polymer)
    return Figure(BJERRUM_LENGTH_A / spacing_A, f"7.135 Å over a contour of {spacing_A:.2f} Å")


def theory_labels() -> list[dict[str, Any]]:
    """Return one row for every catalogued system and concentration.

    Returns
    -------
    list of dict
        The label columns of a dataset, then those that explain the label: ``c_fix_molar``,
        ``c_fix_source``, ``xi``, ``xi_source``, ``gamma_ct``, ``gamma_co``, ``gamma_pm``,
        ``mobile_salt_molar``, ``bulk_gamma``.

    Examples
    --------
    >>> len(theory_labels())
    90
    """
    return [theory_label(system, salt_molar) for system in systems() for salt_molar in SALT_MOLAR]


def theory_label(system: System, salt_molar: float) -> dict[str, Any]:
    """Return the row of one system at one concentration of the outer solution, mol/L."""
    membrane, salt = system.membrane, system.salt
    c_fix, xi = fixed_charge(membrane), manning_parameter(membrane)
    bulk_gamma = mean_activity_coefficient(salt.name, molality_from_molar(salt_molar))
    equilibrium = donnan_manning(
        ion_pair(system),
        salt_molar,
        c_fix_molar=c_fix.value,
        xi=xi.value,
        bulk_gamma=bulk_gamma,
    )
    coefficients = equilibrium.coefficients
    return {
        "system": system.name,
        "polymer": membrane.name,
        "polymer_smiles": oligomer(membrane.polymer).smiles,
        "salt": salt.name,
        "salt_smiles": salt.smiles,
        "salt_molar": salt_molar,
        "water_per_site": membrane.water_per_site,
        "label": coefficients.product,
        "label_kind": "product",
        "nu": salt.nu,
        "label_source": "theory",
        "c_fix_molar": c_fix.value,
        "c_fix_source": c_fix.source,
        "xi": xi.value,
        "xi_source": xi.source,
        "gamma_ct": coefficients.gamma_ct,
        "gamma_co": coefficients.gamma_co,
        "gamma_pm": coefficients.gamma_pm,
        "mobile_salt_molar": equilibrium.mobile_salt_molar,
        "bulk_gamma": bulk_gamma,
    }


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Return rows as CSV text, numbers with six digits."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    return stream.getvalue()


def write_theory_labels(path: Path, say: Say = quiet) -> None:
    """Write the theory set to a CSV file."""
    rows = theory_labels()
    write_text(path, as_csv(rows))
    say(f"{path}: {len(rows)} labels of Donnan-Manning theory")


if __name__ == "__main__":
    write_theory_labels(resource("data") / "theory_labels.csv", say=print)
