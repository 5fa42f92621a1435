"""Made-up tables in the two layouts, and made-up runs: no row of any publication."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from iemhpc.polymer.catalog import load_membrane
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS, PAIRS
from iemhpc.workspace import Workspace

PSS = "CC(c1ccc(cc1)S(=O)(=O)[O-])CC"
TWELVE = {name: 1.0 + 0.1 * i for i, name in enumerate(DESCRIPTORS)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "ws"
    root.mkdir()
    return Workspace(root)


@pytest.fixture
def own_rows() -> list[dict[str, Any]]:
    """Three points in our layout; polymers with SMILES and without."""
    point = {
        "polymer": "MyPSS",
        "polymer_smiles": PSS,
        "salt": "NaCl",
        "salt_molar": 0.1,
        "water_per_site": 12.0,
        "label": 0.31,
        "label_kind": "mean",
    }
    return [
        point,
        {**point, "salt_molar": 1.0, "label": 0.45},
        {**point, "salt": "LiCl", "salt_smiles": "[Cl-].[Li+]", "label": 0.36},
    ]


@pytest.fixture
def study_rows() -> list[dict[str, Any]]:
    """Four made-up points under the column names of the study's supplement."""
    rows = []
    for number, (polymer, salt, smiles) in enumerate(
        [
            ("CR61", "NaCl", "[Na+].[Cl-]"),
            ("CR61", "MgCl2", "[Mg+2].[Cl-].[Cl-]"),
            ("NAFION", "NaCl", "[Na+].[Cl-]"),
            ("PVAS_RCE", "NaCl", "[Na+].[Cl-]"),
        ]
    ):
        row: dict[str, Any] = {
            "row": number,
            "system": f"{polymer}/{salt}",
            "polymer": polymer,
            "membrane_type": "CEM",
            "salt": salt,
            "counter_ion": "Na+",
            "polymer_smiles": "C" * (number // 2 + 1) + "S(=O)(=O)[O-]",
            "salt_smiles": smiles,
            "water_per_ion": 20.0,
            "salt_conc_M": 0.1,
        }
        if polymer == "PVAS_RCE":
            row["polymer_smiles"] = "CCCCOS(=O)(=O)[O-]"
        for i, pair in enumerate(("ion_ow", "fix_ow", "fix_ion")):
            for j, quantity in enumerate(("gr_min", "gr_peakpos", "gr_peakh", "cn")):
                row[f"{quantity}_{pair}"] = 10.0 * i + j + 1
        rows.append({**row, "activity_coefficient": 0.5})
    return rows


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Mapping[str, Any]], name: str = "lab.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(dict.fromkeys(n for r in rows for n in r)))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def run_row() -> Callable[..., dict[str, Any]]:
    """Return a maker of rows of descriptors.parquet: CR61/NaCl near 0.1 mol/L unless said."""

    def make(run_id: str, **changes: Any) -> dict[str, Any]:
        row: dict[str, Any] = {
            "run_id": run_id,
            "system": "CR61/NaCl",
            "membrane": "CR61",
            "salt": "NaCl",
            "polymer_hash": load_membrane("CR61").polymer.hash,
            "conditions_hash": "quick",
            "temperature_K": 298.15,
            "salt_molar": 0.1,
            "realised_salt_molar": 0.12,
            "donnan_salt_molar": 0.01,
            "salt_molar_low": 0.06,
            "salt_molar_high": 0.18,
            "water_per_site": 21.0,
            "n_sites": 20,
            "n_waters": 420,
            "n_counterions": 21,
            "n_coions": 1,
            "seed": 1,
            "n_frames": 50,
            "sampled_ps": 50.0,
            "site_convention": "paper",
            "bin_A": 0.05,
            "r_max_A": 12.0,
            "estimator": "spline 1",
            "oxygens_per_counterion": 6.0,
            "oxygens_per_counterion_expected": 6.2,
            "trajectory_hash": "0",
            **TWELVE,
            **{f"{name}_se": 0.1 for name in DESCRIPTORS},
        }
        for pair in PAIRS:
            row |= {
                f"{pair}_coordination_number_fixed": 4.0,
                f"{pair}_coordination_number_fixed_se": 0.1,
                f"{pair}_error_kind": "references",
                f"{pair}_contact_survival": None,
                f"{pair}_fixed_radius_A": 3.2,
                f"{pair}_reason": None,
                f"{pair}_flags": "",
            }
        assert set(row) == set(DESCRIPTOR_TABLE.names)
        return {**row, **changes}

    return make
