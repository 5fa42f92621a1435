from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iemhpc.errors import ChemistryError, InputError, MissingInputError, UnknownNameError
from iemhpc.model.asking import choose_bundle, predict_point, resolve_polymer
from iemhpc.model.blocks import TrainedBlock
from iemhpc.model.bundle import Bundle, load_bundle, set_current, write_bundle
from iemhpc.model.prediction import predict
from iemhpc.model.results import Best, bundle_of
from iemhpc.polymer.catalog import load_membrane
from iemhpc.polymer.oligomer import oligomer
from iemhpc.resources import resource
from iemhpc.tables.dataset import DATASET_TABLE, LEVELS
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace

MD = "graph+conditions+md"


@pytest.fixture
def modelled(
    workspace: Workspace, trained: Callable[[str], TrainedBlock], dataset: pd.DataFrame
) -> Workspace:
    """A workspace with a current bundle of each level; graph+conditions has the lowest loss."""
    for level, loss in zip(LEVELS, (0.3, 0.1, 0.2), strict=True):
        bundle = bundle_of(
            Best(trained=trained(level), validation_loss=loss),
            dataset,
            dataset_hash="d",
            tuning_id="t",
        )
        set_current(workspace, level, write_bundle(workspace, bundle).name)
    return workspace


def current(workspace: Workspace, level: str) -> Bundle:
    return load_bundle(workspace.models / "current" / level)


def test_prediction_is_mean_and_spread_of_the_ensemble(
    modelled: Workspace, dataset: pd.DataFrame
) -> None:
    bundle = current(modelled, MD)
    row = dataset.iloc[12]
    found = predict(
        bundle,
        polymer_smiles=row["polymer_smiles"],
        salt_smiles=row["salt_smiles"],
        salt_molar=row["salt_molar"],
        water_per_site=row["water_per_site"],
        descriptors={name: row[name] for name in DESCRIPTORS},
    )
    gamma = bundle.gamma(dataset.iloc[[12]])[:, 0]
    assert found.n_models == len(gamma) == 3
    assert found.mean == pytest.approx(gamma.mean(), rel=1e-6)
    assert found.spread == pytest.approx(gamma.std(), rel=1e-4)
    assert found.notes == ()
    assert found.lines()[2] == ("  product gamma_ct^nu_ct gamma_co^nu_co; learnt from made up")


def test_another_spelling_is_the_same_question(modelled: Workspace) -> None:
    bundle = current(modelled, "graph+conditions")
    answers = [
        predict(
            bundle,
            polymer_smiles=smiles,
            salt_smiles=salt,
            salt_molar=0.1,
            water_per_site=20.0,
        )
        for smiles, salt in (
            ("CC(O)CCOS(=O)(=O)[O-]", "[Na+].[Cl-]"),
            ("[O-]S(=O)(=O)OC[CH2]C(O)[CH3]", "[Cl-].[Na+]"),
        )
    ]
    assert answers[0] == answers[1]


def test_name_file_and_smiles_of_a_membrane_are_one_polymer() -> None:
    by_name = resolve_polymer("cr61")
    by_file = resolve_polymer(str(resource("data", "membranes", "CR61.toml")))
    by_smiles = resolve_polymer(oligomer(load_membrane("CR61").polymer).smiles)
    assert by_name == by_file
    assert by_smiles.smiles == by_name.smiles
    assert by_smiles.water_per_site is None


def test_a_catalogued_name_means_the_graph_that_the_model_learnt_under_it(
    modelled: Workspace,
) -> None:
    bundle = current(modelled, "graph")
    ours = oligomer(load_membrane("AR103").polymer).smiles
    theirs = "CC(CC(C)c1ccccc1)c1ccc(C[N+](C)(C)C)cc1"
    points = tuple(
        {**point, "polymer_smiles": theirs} if point["polymer_smiles"] == ours else point
        for point in bundle.points
    )
    assert points != bundle.points
    other = write_bundle(modelled, replace(bundle, points=points)).name
    asked = {"salt": "NaCl", "salt_molar": 0.1, "bundle": other}
    by_name = predict_point(modelled, "ar103", **asked)
    assert by_name.mean == predict_point(modelled, theirs, **asked).mean
    assert by_name.mean != predict_point(modelled, ours, **asked).mean
    path = str(resource("data", "membranes", "AR103.toml"))  # a file means what it says
    assert (
        predict_point(modelled, path, **asked).mean == predict_point(modelled, ours, **asked).mean
    )


def test_a_point_is_found_in_the_dataset_however_its_smiles_are_spelt(
    modelled: Workspace, dataset: pd.DataFrame
) -> None:
    row = dataset.iloc[12]
    found = predict_point(
        modelled, row["polymer_smiles"], row["salt_smiles"], level=MD,
        salt_molar=row["salt_molar"], water_per_site=row["water_per_site"],
    )  # fmt: skip
    spelt = dataset.assign(
        salt_smiles=[".".join(reversed(s.split("."))) for s in dataset["salt_smiles"]]
    )
    write_table(modelled.dataset, DATASET_TABLE, spelt)
    again = predict_point(
        modelled, row["polymer_smiles"], row["salt_smiles"], level=MD,
        salt_molar=row["salt_molar"], water_per_site=row["water_per_site"],
    )  # fmt: skip
    assert again == found


def test_catalogued_point_takes_water_from_the_catalogue(modelled: Workspace) -> None:
    found = predict_point(modelled, "AR103", "NaCl", salt_molar=0.1)
    said = predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, water_per_site=16.0)
    assert found == said
    assert found.level == "graph+conditions"


def test_descriptors_come_from_the_dataset_where_it_has_the_very_point(
    modelled: Workspace, dataset: pd.DataFrame
) -> None:
    found = predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, level=MD)
    expected = current(modelled, MD).gamma(dataset.iloc[[2]]).mean()
    assert found.mean == pytest.approx(float(expected), rel=1e-6)


def test_model_with_descriptors_refuses_a_point_without_and_names_the_best_without(
    modelled: Workspace,
) -> None:
    other = current(modelled, "graph+conditions").hash
    with pytest.raises(InputError, match="needs the twelve descriptors of this point") as caught:
        predict_point(modelled, "AR103", "NaCl", salt_molar=0.2, level=MD)
    assert f"--model {other} (graph+conditions)" in str(caught.value)


def test_descriptors_come_from_a_file_of_one_row(
    modelled: Workspace, dataset: pd.DataFrame, tmp_path: Path
) -> None:
    file = tmp_path / "descriptors.csv"
    dataset.iloc[[2]][list(DESCRIPTORS)].to_csv(file, index=False)
    found = predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, descriptors_file=file)
    assert found.level == MD
    assert found.mean == predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, level=MD).mean


def test_bad_files_of_descriptors_are_refused(
    modelled: Workspace, dataset: pd.DataFrame, tmp_path: Path
) -> None:
    def ask(table: pd.DataFrame) -> None:
        file = tmp_path / "descriptors.csv"
        table.to_csv(file, index=False)
        predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, descriptors_file=file)

    good = dataset.iloc[[2]][list(DESCRIPTORS)]
    name = DESCRIPTORS[3]
    with pytest.raises(InputError, match="50 rows; wanted one row"):
        ask(dataset)
    with pytest.raises(InputError, match=f"has no column {name}"):
        ask(good.drop(columns=name))
    with pytest.raises(InputError, match=f"column {name} holds text"):
        ask(good.astype({name: object}).assign(**{name: "high"}))
    with pytest.raises(InputError, match=f"missing: {name}"):
        ask(good.assign(**{name: np.nan}))
    with pytest.raises(MissingInputError, match=r"nowhere.csv does not exist"):
        predict_point(
            modelled, "AR103", "NaCl", salt_molar=0.1, descriptors_file=Path("nowhere.csv")
        )


def test_extrapolation_is_said(modelled: Workspace) -> None:
    found = predict_point(modelled, "CC(O)C", "[Br-].[K+]", salt_molar=4.0, water_per_site=20.0)
    text = "\n".join(found.lines())
    assert "no point of this polymer was in the dataset" in text
    assert "no point of this salt was in the dataset" in text
    assert "salt_molar 4 is outside the dataset's 0.01 to 1" in text


def test_what_a_level_does_not_see_is_said(modelled: Workspace) -> None:
    found = predict_point(modelled, "AR103", "NaCl", salt_molar=0.1, level="graph")
    assert "level graph does not see the concentration" in found.notes


def test_bundle_is_found_by_the_start_of_its_hash(modelled: Workspace) -> None:
    name = current(modelled, "graph").hash
    assert choose_bundle(modelled, bundle=name[:8]).hash == name
    with pytest.raises(UnknownNameError, match="unknown bundle 'zzz'.*" + name):
        choose_bundle(modelled, bundle="zzz")


@pytest.mark.parametrize(
    ("membrane", "salt", "message"),
    [
        ("CR6", "NaCl", "unknown membrane 'CR6'; did you mean 'CR61'.* It is no SMILES either"),
        ("CR61", "NaC1", "unknown salt 'NaC1'; did you mean 'NaCl'.* It is no SMILES either"),
    ],
)
def test_unknown_names_are_refused(
    membrane: str, salt: str, message: str, modelled: Workspace
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        predict_point(modelled, membrane, salt, salt_molar=0.1)


def test_impossible_numbers_and_foreign_elements_are_refused(modelled: Workspace) -> None:
    with pytest.raises(InputError, match="salt_molar: got -1, wanted a number of mol/L above 0"):
        predict_point(modelled, "CR61", "NaCl", salt_molar=-1.0)
    with pytest.raises(InputError, match="needs the water per site; give --water-per-site"):
        predict_point(modelled, "CCO", "NaCl", salt_molar=0.1)
    with pytest.raises(ChemistryError, match="holds Te"):
        predict_point(modelled, "C[Te]C", "NaCl", salt_molar=0.1, water_per_site=9.0)
    with pytest.raises(InputError, match="both a run and a file"):
        predict_point(modelled, "CR61", "NaCl", salt_molar=0.1, run="a", descriptors_file=Path("b"))


def test_workspace_without_models_names_the_command(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(MissingInputError, match=r"make one with: iemhpc tune$"):
        predict_point(workspace, "CR61", "NaCl", salt_molar=0.1)
    with pytest.raises(MissingInputError, match="iemhpc tune --level graph"):
        predict_point(workspace, "CR61", "NaCl", salt_molar=0.1, level="graph")
    with pytest.raises(MissingInputError, match="make it with: iemhpc descriptors"):
        predict_point(workspace, "CR61", "NaCl", salt_molar=0.1, run="a")


@pytest.mark.parametrize("salt", ["C", "[Na+]", "[Na+].[Cl-].C"])
def test_what_is_no_salt_is_refused(modelled: Workspace, salt: str) -> None:
    with pytest.raises(ChemistryError, match="wanted the ions of one neutral formula unit"):
        predict_point(modelled, "CR61", salt, salt_molar=0.1)
