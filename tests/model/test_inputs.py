"""Models that see further columns of the dataset beside the twelve descriptors."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from iemhpc.errors import InputError
from iemhpc.model.asking import predict_point
from iemhpc.model.blocks import TrainedBlock, block_path, read_block, train_block, write_block
from iemhpc.model.bundle import load_bundle, set_current, write_bundle
from iemhpc.model.gcn import scalars_of
from iemhpc.model.learning import learning_data
from iemhpc.model.request import Block, TuneRequest
from iemhpc.model.results import Best, bundle_of
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTORS
from iemhpc.tables.io import write_table
from iemhpc.workspace import Workspace

MD = "graph+conditions+md"
SIZE = "water_cluster_mean_size"


@pytest.fixture
def wetter(dataset: pd.DataFrame) -> pd.DataFrame:
    """The made-up dataset with cluster sizes, one of which is not known."""
    sizes = np.linspace(5.0, 50.0, len(dataset))
    sizes[3] = np.nan
    reasons = dataset["null_reason"].astype(object).tolist()
    reasons[3] = f"{SIZE}: no_atoms"
    return dataset.assign(**{SIZE: sizes, "null_reason": reasons})


@pytest.fixture
def block(tiny: TuneRequest) -> Block:
    (made,) = replace(tiny, levels=(MD,), inputs=(SIZE,)).blocks()
    return made


@pytest.fixture
def trained_wet(wetter: pd.DataFrame, block: Block) -> TrainedBlock:
    return train_block(wetter, block)


def test_only_the_level_with_descriptors_sees_inputs(tiny: TuneRequest) -> None:
    assert scalars_of(MD, (SIZE,)) == (*scalars_of(MD), SIZE)
    assert scalars_of("graph+conditions", (SIZE,)) == scalars_of("graph+conditions")
    blocks = replace(tiny, levels=("graph", MD), inputs=(SIZE,)).blocks()
    assert {b.configuration.level: b.configuration.inputs for b in blocks} == {
        "graph": (),
        MD: (SIZE,),
    }


def test_the_model_is_given_the_numbers(wetter: pd.DataFrame) -> None:
    data = learning_data(wetter, MD, (SIZE,))
    np.testing.assert_array_equal(data.inputs.scalars[:, -1], wetter[SIZE].dropna())
    assert data.inputs.scalars.shape[1] == 2 + 12 + 1


def test_rows_without_an_input_are_left_out_and_counted(wetter: pd.DataFrame) -> None:
    assert len(learning_data(wetter, MD).rows) == len(wetter)
    data = learning_data(wetter, MD, (SIZE,))
    assert 3 not in data.rows
    n = len(wetter)
    assert data.line() == f"{MD}: {n - 1} of {n} rows; 1 without {SIZE}: no_atoms"
    unsaid = wetter.assign(null_reason=None)
    assert learning_data(unsaid, MD, (SIZE,)).left_out == f"1 without {SIZE}"


def test_a_label_is_no_input(wetter: pd.DataFrame) -> None:
    for name in ("label", "nu", DESCRIPTORS[0]):
        with pytest.raises(InputError, match=f"{name} can be no further input"):
            learning_data(wetter, MD, (name,))


def test_a_column_that_is_not_there_names_the_command(wetter: pd.DataFrame) -> None:
    with pytest.raises(
        InputError, match=r"no column 'water_size'; added were water_cluster_mean_size; .*--with"
    ):
        learning_data(wetter, MD, ("water_size",))


def test_inputs_without_a_level_that_sees_them_are_refused() -> None:
    with pytest.raises(InputError, match=r"--inputs water_cluster_mean_size: no level asked"):
        TuneRequest(levels=("graph",), inputs=(SIZE,))


def test_without_inputs_names_of_blocks_and_tunings_stay_as_they_were(tiny: TuneRequest) -> None:
    (plain,) = replace(tiny, levels=(MD,)).blocks()
    assert "inputs" not in plain.configuration.said
    assert "inputs" not in tiny.said
    (wet,) = replace(tiny, levels=(MD,), inputs=(SIZE,)).blocks()
    assert wet.block_id != plain.block_id
    assert wet.configuration.said["inputs"] == (SIZE,)


def test_blocks_and_requests_survive_json(tiny: TuneRequest, block: Block) -> None:
    assert Block.from_json(json.loads(json.dumps(asdict(block)))) == block
    request = replace(tiny, levels=(MD,), inputs=(SIZE,))
    assert TuneRequest.from_json(json.loads(json.dumps(asdict(request)))) == request


def test_a_block_is_written_and_read(tmp_path, wetter, block, trained_wet) -> None:
    path = block_path(tmp_path, block)
    write_block(path, trained_wet)
    again = read_block(path, wetter, block)
    np.testing.assert_array_equal(again.trainings[0].gamma, trained_wet.trainings[0].gamma)


def test_a_bundle_keeps_its_inputs_and_a_question_must_answer_them(
    workspace: Workspace, wetter: pd.DataFrame, trained_wet: TrainedBlock, tmp_path
) -> None:
    best = Best(trained=trained_wet, validation_loss=0.1)
    bundle = bundle_of(best, wetter, dataset_hash="d", tuning_id="t")
    folder = write_bundle(workspace, bundle)
    loaded = load_bundle(folder)
    assert loaded.inputs == (SIZE,)
    assert loaded.scalars[-1] == SIZE
    rows = wetter.iloc[trained_wet.data.rows]
    np.testing.assert_allclose(
        loaded.gamma(rows)[0], trained_wet.trainings[0].gamma, rtol=1e-5, atol=1e-6
    )

    set_current(workspace, MD, folder.name)
    write_table(workspace.dataset, DATASET_TABLE, wetter)
    row = wetter.iloc[12]

    def asked(**changes):
        return predict_point(
            workspace,
            row["polymer_smiles"],
            row["salt_smiles"],
            salt_molar=row["salt_molar"],
            water_per_site=row["water_per_site"],
            **changes,
        )

    wanted = float(loaded.gamma(wetter.iloc[[12]]).mean())
    assert asked().mean == pytest.approx(wanted)  # of the dataset
    numbers = {name: [row[name]] for name in (*DESCRIPTORS, SIZE)}
    pd.DataFrame(numbers).to_csv(tmp_path / "point.csv", index=False)
    assert asked(descriptors_file=tmp_path / "point.csv").mean == pytest.approx(wanted)
    del numbers[SIZE]
    pd.DataFrame(numbers).to_csv(tmp_path / "twelve.csv", index=False)
    with pytest.raises(
        InputError, match=f"the twelve descriptors and {SIZE} of this point; missing: {SIZE}"
    ):
        asked(descriptors_file=tmp_path / "twelve.csv")
