"""A workspace with every table filled: invented numbers of plausible size, true to the schemas."""

from pathlib import Path

import numpy as np
import pytest

from iemhpc.model.evaluation import scores
from iemhpc.saliency.drawing import AtomMap, Picture, draw, picture_path
from iemhpc.tables.dataset import DATASET_TABLE, LEVELS
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS, PAIRS
from iemhpc.tables.io import write_table
from iemhpc.tables.plan import SCHEMA_VERSION
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.tables.saliency import SALIENCY_TABLE
from iemhpc.tables.tuning import CURVE_TABLE, PREDICTION_TABLE, TRAINING_TABLE
from iemhpc.workspace import Workspace, content_hash, write_json

SYSTEMS = ("CR61/NaCl", "Nafion/NaCl", "PVAS/NaCl", "PSbNMP_BCE/KI", "AR103/NaCl", "CEM1/NaCl")
SMILES = "CC(CC(CC(C)c1ccccc1)c1ccc(S(=O)(=O)[O-])cc1)c1ccc(S(=O)(=O)[O-])cc1"
MOLARS = (0.01, 0.03, 0.1, 0.3, 1.0)
SHELLS = {
    "counterion_water": (2.35, 9.4, 3.15, 4.84),
    "tethered_water": (2.75, 2.0, 3.6, 4.1),
    "tethered_counterion": (2.35, 12.6, 3.05, 0.31),
}
REASONS = {
    3: "tethered_counterion: low_counts",
    4: "no run of the system",
    5: "no run at the concentration",
}
STATES = ("done", "done", "failed")


def physics_of(n: int) -> dict[str, object]:
    membrane, salt = SYSTEMS[n].split("/")
    return {
        "membrane": membrane,
        "system": SYSTEMS[n],
        "salt": salt,
        "n_counterions": 22,
        "n_coions": 2,
        "force_field": "gaff2",
        "charges": "am1bcc",
        "water_model": "tip3p",
        "ion_set": "joung-cheatham",
        "topology": "linear",
        "protocol": {"cutoff_A": 8.0, "pppm": 5e-4, "anneal_ps": 12.5},
    }


def run_id_of(n: int) -> str:
    return content_hash(physics_of(n))


def write_runs(workspace: Workspace) -> None:
    for n, state in enumerate(STATES):
        folder = workspace.run(run_id_of(n))
        membrane = SYSTEMS[n].split("/")[0]
        write_json(
            folder / "plan.json",
            {
                "schema_version": SCHEMA_VERSION,
                "run_id": folder.name,
                "physics": physics_of(n),
                "request": {
                    "salt_molar": 0.3,
                    "realised_salt_molar": 0.262,
                    "donnan_salt_molar": 0.0512,
                    "water_per_site": 21.0,
                    "crosslinker": "divinylbenzene" if membrane == "CR61" else None,
                },
                "sampling": {"production_ps": 20.0},
            },
        )
        status = {"state": state, "stage": "production", "attempt": 1, "rc": 0, "reason": ""}
        if state == "failed":
            status |= {"stage": "minimize", "rc": 1, "reason": "ERROR: Lost atoms <1 of 1700>"}
        write_json(folder / "status.json", status)


def write_rdfs(workspace: Workspace) -> None:
    rng = np.random.default_rng(0)
    r = np.arange(0.025, 11.0, 0.05)
    rows = []
    for n in range(2):
        for pair, (peak, height, minimum, _) in SHELLS.items():
            rise = 1 / (1 + np.exp(-(r - peak - 0.05) / 0.06))
            g = rise * (
                1
                + (height - 1) * np.exp(-(((r - peak) / 0.16) ** 2))
                - 0.75 * np.exp(-(((r - minimum) / 0.35) ** 2))
                + 0.35 * np.exp(-(((r - 4.6) / 0.5) ** 2))
            )
            volume = 4 / 3 * np.pi * ((r + 0.025) ** 3 - (r - 0.025) ** 3)
            for block in range(2):
                count = rng.poisson(250 * 22 * 400 * volume / 24.0**3 * np.clip(g, 0, None))
                rows += [
                    {
                        "run_id": run_id_of(n),
                        "pair": pair,
                        "split": "time",
                        "block": block,
                        "bin": i,
                        "r_A": float(r[i]),
                        "bin_A": 0.05,
                        "count": int(count[i]),
                        "n_frames": 250,
                        "n_reference": 22,
                        "n_neighbour": 400,
                        "mean_inverse_volume_A3": 24.0**-3,
                        "elements": "Na-O",
                        "fixed_radius_A": 3.5,
                        "site_convention": "paper",
                    }
                    for i in range(len(r))
                ]
    write_table(workspace.rdf, RDF_TABLE, rows)


def write_descriptors(workspace: Workspace) -> None:
    rows = []
    for n in range(2):
        row: dict[str, object] = {
            "run_id": run_id_of(n),
            "system": SYSTEMS[n],
            "membrane": SYSTEMS[n].split("/")[0],
            "salt": "NaCl",
            "polymer_hash": "5effe98122b7",
            "conditions_hash": "0123456789ab",
            "temperature_K": 298.15,
            "salt_molar": 0.3,
            "realised_salt_molar": 0.262,
            "donnan_salt_molar": 0.0512,
            "salt_molar_low": 0.2,
            "salt_molar_high": 0.4,
            "water_per_site": 21.0,
            "n_sites": 20,
            "n_waters": 420,
            "n_counterions": 22,
            "n_coions": 2,
            "seed": 1,
            "n_frames": 500,
            "sampled_ps": 50.0,
            "site_convention": "paper",
            "bin_A": 0.05,
            "r_max_A": 11.0,
            "estimator": "spline-1",
            "trajectory_hash": "abc",
        }
        for pair, shell in SHELLS.items():
            names = [name for name in DESCRIPTORS if name.startswith(pair + "_")]
            known = not (n == 1 and pair == "tethered_counterion")
            for name, value in zip(names, shell, strict=True):
                row[name] = value if known else None
                row[f"{name}_se"] = 0.0123 * value if known else None
            row[f"{pair}_coordination_number_fixed"] = shell[3] if known else None
            row[f"{pair}_fixed_radius_A"] = 3.5
            row[f"{pair}_reason"] = None if known else "low_counts"
            row[f"{pair}_flags"] = "shallow_minimum,not_converged" if pair == PAIRS[1] else ""
        rows.append(row)
    write_table(workspace.descriptors, DESCRIPTOR_TABLE, rows)


def dataset_rows() -> list[dict[str, object]]:
    return [
        {
            "system": system,
            "polymer": system.split("/")[0],
            "polymer_smiles": SMILES,
            "salt": system.split("/")[1],
            "salt_smiles": "[Na+].[Cl-]",
            "salt_molar": molar,
            "water_per_site": 20.0,
            "label": 0.15 + 0.11 * n + 0.08 * molar,
            "label_kind": "product",
            "nu": 2,
            "label_source": "theory",
            "descriptor_source": "runs" if n < 4 else None,
            "run_ids": "a" if n < 4 else None,
            "null_reason": REASONS.get(n),
            **dict.fromkeys(DESCRIPTORS, 1.0 if n < 4 else None),
            **({"tethered_counterion_coordination_number": None} if n == 3 else {}),
        }
        for n, system in enumerate(SYSTEMS)
        for molar in MOLARS
    ]


def write_tuning(workspace: Workspace, name: str = "77aa02c1d3e4") -> None:
    rng = np.random.default_rng(1)
    labels = np.array([row["label"] for row in dataset_rows()], dtype=float)
    test = np.arange(0, 30, 5) + rng.integers(0, 5, 6)
    rest = np.setdiff1d(np.arange(30), test)
    trainings, predictions, curves = [], [], []
    for level_n, level in enumerate(LEVELS):
        for hidden in (64, 128):
            for rate in (0.005, 0.001):
                for fold in range(5):
                    training = f"t{level_n}-{hidden}-{rate}-{fold}"
                    error = 0.05 / (level_n + 1) * (1 + 0.3 * (hidden == 64))
                    guess = labels + rng.normal(0, error, 30)
                    held = rest[fold::5]
                    splits = {"train": np.setdiff1d(rest, held), "validation": held, "test": test}
                    trainings.append(
                        {
                            "training_id": training,
                            "configuration_id": f"c{level_n}-{hidden}-{rate}",
                            "level": level,
                            "hidden": hidden,
                            "batch_size": 20,
                            "learning_rate": rate,
                            "target": "gamma",
                            "split_seed": 42,
                            "init_seed": 42,
                            "batch_seed": 42,
                            "fold": fold,
                            "n_train": len(splits["train"]),
                            "n_validation": len(held),
                            "n_test": len(test),
                            "epochs": 300,
                            "best_epoch": 250,
                            "best_validation_loss": error**2 * (1 + 0.1 * fold),
                            "seconds": 1.0,
                            **{
                                f"{metric}_{split}": value
                                for split, rows in splits.items()
                                for metric, value in scores(labels[rows], guess[rows]).items()
                            },
                        }
                    )
                    predictions += [
                        {
                            "training_id": training,
                            "row": int(row),
                            "split": split,
                            "label": float(labels[row]),
                            "prediction": float(guess[row]),
                        }
                        for split, rows in splits.items()
                        for row in rows
                    ]
                    epochs = np.arange(1, 301)
                    loss = error**2 + 0.1 * np.exp(-epochs / 30) * rng.uniform(0.8, 1.2)
                    noise = rng.lognormal(0, 0.05, (2, 300))
                    curves += [
                        {
                            "training_id": training,
                            "epoch": int(epoch),
                            "train_loss": float(loss[i] * 0.8 * noise[0, i]),
                            "validation_loss": float(loss[i] * noise[1, i]),
                        }
                        for i, epoch in enumerate(epochs)
                    ]
    folder = workspace.tuning / name
    write_table(folder / "trainings.parquet", TRAINING_TABLE, trainings)
    write_table(folder / "predictions.parquet", PREDICTION_TABLE, predictions)
    write_table(folder / "curves.parquet", CURVE_TABLE, curves)


def write_saliency(workspace: Workspace, systems: tuple[str, ...] = SYSTEMS[:2]) -> None:
    from rdkit import Chem

    rows = []
    for system in systems:
        atoms = [atom.GetSymbol() for atom in Chem.MolFromSmiles(SMILES).GetAtoms()]
        values = np.array([{"C": 0.3, "O": -0.7, "S": -1.0}[symbol] for symbol in atoms])
        agrees = np.ones(len(atoms), dtype=bool)
        png, _ = draw(
            Picture(
                polymer=AtomMap(smiles=SMILES, values=values, agrees=agrees),
                salt=AtomMap(smiles="[Na+].[Cl-]", values=np.array([1.0, -0.5]), agrees=agrees[:2]),
                title=system,
                subtitle="graph",
                caption=("invented",),
            )
        )
        stem = picture_path(workspace, "graph", system)
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_name(stem.name + ".png").write_bytes(png)
        rows += [
            {
                "bundle": "0f3a",
                "level": "graph",
                "system": system,
                "polymer": system.split("/")[0],
                "salt": system.split("/")[1],
                "molecule": "polymer",
                "smiles": SMILES,
                "atom": n,
                "element": element,
                "method": "gradient_times_input",
                "columns": "type",
                "saliency": float(values[n]),
                "saliency_scaled": float(values[n]),
                "spread_conditions": 0.0,
                "sign_agreement": 1.0,
                "n_models": 5,
                "n_points": 5,
            }
            for n, element in enumerate(atoms)
        ]
    write_table(workspace.saliency / "saliency.parquet", SALIENCY_TABLE, rows)


def fill(workspace: Workspace) -> None:
    write_runs(workspace)
    write_rdfs(workspace)
    write_descriptors(workspace)
    write_table(workspace.dataset, DATASET_TABLE, dataset_rows())
    write_tuning(workspace)
    write_saliency(workspace)


@pytest.fixture(scope="session")
def full_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root: Path = tmp_path_factory.mktemp("workspace")
    fill(Workspace(root))
    return Workspace(root)
