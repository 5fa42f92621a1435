import pandas as pd
import pytest

from iemhpc.dataset.assemble import (
    build_dataset,
    dataset_hash,
    describe_dataset,
    read_dataset,
    refresh_dataset,
    show_dataset,
)
from iemhpc.dataset.importing import import_table
from iemhpc.dataset.joining import join
from iemhpc.errors import InputError, MissingInputError, TableError
from iemhpc.polymer.catalog import load_membrane
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, DESCRIPTORS
from iemhpc.tables.io import write_table

POSITION = "counterion_water_peak_position_A"


def write_runs(workspace, rows):
    write_table(workspace.descriptors, DESCRIPTOR_TABLE, rows)


def point(frame, molar, system="CR61/NaCl"):
    return frame[(frame["system"] == system) & (frame["salt_molar"] == molar)].iloc[0]


def test_without_runs_the_theory_set_is_a_dataset_of_null_descriptors(workspace):
    summary = build_dataset(workspace)
    assert (summary.n_rows, summary.n_complete, len(summary.systems)) == (90, 0, 18)
    assert summary.null_reasons == {"no runs yet": 90}
    assert any("Donnan-Manning" in line for line in summary.lines())


def test_a_run_serves_the_concentrations_that_round_to_its_box(workspace, run_row):
    write_runs(workspace, [run_row("a", salt_molar_low=0.05, salt_molar_high=0.3)])
    summary = build_dataset(workspace)
    frame = read_dataset(workspace)
    assert summary.n_complete == 1
    served = point(frame, 0.1)
    assert served["run_ids"] == "a"
    assert served["descriptor_source"] == "runs"
    assert served["realised_salt_molar"] == 0.12
    assert served[POSITION] == 1.0
    assert point(frame, 0.3)["null_reason"] == "no run at the concentration"
    assert point(frame, 0.1, "CR61/KCl")["null_reason"] == "no run of the system"


def test_points_of_equal_composition_share_one_run(workspace, run_row):
    write_runs(workspace, [run_row("a", salt_molar_low=0.0, salt_molar_high=0.2)])
    frame = read_after_build(workspace)
    assert [point(frame, molar)["run_ids"] for molar in (0.01, 0.03, 0.1)] == ["a"] * 3


def read_after_build(workspace):
    build_dataset(workspace)
    return read_dataset(workspace)


def test_replicas_that_agree_are_averaged_by_their_errors_and_their_spread_is_kept(
    workspace, run_row
):
    precise = run_row("b", seed=2, **{POSITION: 2.0, f"{POSITION}_se": 0.1})
    vague = run_row("a", seed=1, **{POSITION: 2.2, f"{POSITION}_se": 0.2})
    write_runs(workspace, [precise, vague])
    served = point(read_after_build(workspace), 0.1)
    assert served["run_ids"] == "a,b"
    assert served[POSITION] == pytest.approx(2.04)
    assert served[f"{POSITION}_spread"] == pytest.approx(0.2 * 0.5**0.5)


def test_a_small_error_does_not_decide_between_builds_that_disagree(workspace, run_row):
    precise = run_row("b", seed=2, **{POSITION: 2.0, f"{POSITION}_se": 0.001})
    vague = run_row("a", seed=1, **{POSITION: 3.0, f"{POSITION}_se": 0.2})
    write_runs(workspace, [precise, vague])
    served = point(read_after_build(workspace), 0.1)
    assert served[POSITION] == pytest.approx(2.5)
    assert served[f"{POSITION}_spread"] == pytest.approx(0.5**0.5)


def test_a_run_of_another_polymer_of_that_name_does_not_serve(workspace, run_row):
    write_runs(workspace, [run_row("a", polymer_hash="0123456789ab")])
    served = point(read_after_build(workspace), 0.1)
    assert served["null_reason"] == "run of another polymer of that name"
    assert pd.isna(served["run_ids"])


def test_runs_of_two_protocols_are_not_averaged_and_the_longest_sampled_is_taken(
    workspace, run_row
):
    write_runs(
        workspace,
        [
            run_row("a", seed=1, conditions_hash="demo", sampled_ps=20.0, **{POSITION: 9.0}),
            run_row("b", seed=2, conditions_hash="demo", sampled_ps=20.0, **{POSITION: 9.0}),
            run_row("c", seed=1, conditions_hash="full", sampled_ps=1000.0, **{POSITION: 2.4}),
        ],
    )
    summary = build_dataset(workspace)
    served = point(read_dataset(workspace), 0.1)
    assert (served["run_ids"], served[POSITION]) == ("c", 2.4)
    said = (
        "CR61/NaCl at 0.1 mol/L: runs of 2 protocols, polymers or boxes, which are not averaged; "
        "used c (1000 ps); left a, b (40 ps)"
    )
    assert summary.warnings == (said,)
    assert build_dataset(workspace).warnings == (said,)  # nothing new, and still to be known
    assert f"look at this: {said}" in summary.lines()


def test_of_protocols_sampled_alike_the_one_with_more_runs_is_taken(workspace, run_row):
    one = run_row("a", conditions_hash="x", sampled_ps=40.0)
    two = [run_row(n, conditions_hash="y", sampled_ps=20.0) for n in ("b", "c")]
    write_runs(workspace, [one, *two])
    assert point(read_after_build(workspace), 0.1)["run_ids"] == "b,c"


def test_a_descriptor_that_one_replica_lacks_comes_from_the_other(workspace, run_row):
    lacking = run_row("a", **{POSITION: None, "counterion_water_reason": "low_counts"})
    write_runs(workspace, [lacking, run_row("b", **{POSITION: 2.5})])
    served = point(read_after_build(workspace), 0.1)
    assert served[POSITION] == 2.5
    assert pd.isna(served["null_reason"])


def test_a_null_descriptor_stays_null_with_its_reason(workspace, run_row):
    name = "tethered_counterion_coordination_number"
    write_runs(
        workspace, [run_row("a", **{name: None, "tethered_counterion_reason": "low_counts"})]
    )
    summary = build_dataset(workspace)
    served = point(read_dataset(workspace), 0.1)
    assert pd.isna(served[name])
    assert served["null_reason"] == "tethered_counterion: low_counts"
    assert summary.n_complete == 0
    assert summary.null_reasons["tethered_counterion: low_counts"] == 1


def test_a_run_with_other_water_does_not_serve(workspace, run_row):
    write_runs(workspace, [run_row("a", water_per_site=10.0)])
    reason = point(read_after_build(workspace), 0.1)["null_reason"]
    assert reason == "no run with so much water per site"


def test_imported_descriptors_stay_even_where_a_run_would_serve(
    workspace, study_rows, write_csv, run_row
):
    import_table(workspace, write_csv(study_rows))
    write_runs(workspace, [run_row("a", water_per_site=20.0)])
    frame = read_after_build(workspace)
    assert set(frame["descriptor_source"]) == {"imported"}
    assert frame.loc[0, "counterion_water_first_minimum_A"] == 1.0


def test_partly_imported_descriptors_say_which_are_missing(workspace, own_rows, write_csv):
    import_table(workspace, write_csv([{**own_rows[0], POSITION: 2.4}]))
    reason = read_after_build(workspace).loc[0, "null_reason"]
    assert reason.startswith("not in the imported table: counterion_water_peak_height")


def test_building_again_changes_no_byte_and_new_data_does(workspace, run_row):
    first = build_dataset(workspace)
    before = workspace.dataset.read_bytes()
    again = build_dataset(workspace)
    assert again.nothing_new
    assert not first.nothing_new
    assert workspace.dataset.read_bytes() == before
    write_runs(workspace, [run_row("a")])
    third = build_dataset(workspace)
    assert not third.nothing_new
    assert third.dataset_hash != first.dataset_hash
    assert dataset_hash(read_dataset(workspace)) == third.dataset_hash


def test_only_what_can_be_learnt_from_counts_in_the_hash(workspace, run_row):
    first = build_dataset(workspace)
    write_runs(workspace, [run_row("a", system="CR61/KI")])
    second = build_dataset(workspace)
    assert second.null_reasons["no run of the system"] == 90
    assert not second.nothing_new
    assert second.dataset_hash == first.dataset_hash
    write_runs(workspace, [run_row("a")])
    third = build_dataset(workspace).dataset_hash
    write_runs(workspace, [run_row("renamed")])
    assert build_dataset(workspace).dataset_hash == third != first.dataset_hash


def test_the_same_rows_give_the_same_bytes(workspace, tmp_path):
    build_dataset(workspace)
    before = workspace.dataset.read_bytes()
    workspace.dataset.unlink()
    build_dataset(workspace)
    assert workspace.dataset.read_bytes() == before


def test_a_damaged_dataset_is_made_again(workspace):
    build_dataset(workspace)
    workspace.dataset.write_bytes(b"half")
    assert not build_dataset(workspace).nothing_new
    assert describe_dataset(workspace).n_rows == 90


def test_mixed_kinds_are_refused_and_nothing_is_written(workspace, own_rows, write_csv):
    rows = [own_rows[0], {**own_rows[1], "label_kind": "product"}]
    import_table(workspace, write_csv(rows))
    with pytest.raises(InputError, match=r"product labels .* mixed with mean .*--mix-label-kinds"):
        build_dataset(workspace)
    assert not workspace.dataset.exists()
    assert build_dataset(workspace, mix_label_kinds=True).warnings


def test_runs_of_two_site_conventions_are_refused(workspace, run_row):
    write_runs(workspace, [run_row("a"), run_row("b", site_convention="center")])
    with pytest.raises(TableError, match="mixes the site conventions center, paper"):
        build_dataset(workspace)


def test_damaged_descriptors_are_named(workspace):
    workspace.descriptors.write_bytes(b"PAR1 not really")
    with pytest.raises(TableError, match=r"descriptors.parquet cannot be read .*iemhpc descr"):
        build_dataset(workspace)


def test_show_says_which_command_is_missing(workspace):
    with pytest.raises(MissingInputError, match=r"dataset.parquet .* iemhpc dataset build"):
        show_dataset(workspace)


def test_show_lists_every_system(workspace):
    build_dataset(workspace)
    lines = show_dataset(workspace)
    assert sum(line.startswith("CR61/") for line in lines) == 5
    assert "90 points of 18 systems, 0 with all twelve descriptors" in "\n".join(lines)


def test_every_descriptor_of_a_served_point_is_taken(run_row):
    label = {**dict.fromkeys(DESCRIPTORS), "system": "CR61/NaCl", "salt_molar": 0.1}
    (row,) = join([{**label, "water_per_site": 21.4}], {"cr61/nacl": [run_row("a")]})
    assert [row[name] for name in DESCRIPTORS] == [run_row("a")[name] for name in DESCRIPTORS]


def test_the_theory_set_may_have_the_reference_descriptors_where_no_run_serves(workspace, run_row):
    assert build_dataset(workspace).n_reference == 0
    summary = build_dataset(workspace, with_reference=True)
    assert summary.n_reference > 0
    assert any("of the reference campaign" in line for line in summary.lines())
    mine = run_row("a", system="Nafion/NaCl", membrane="Nafion", salt_molar_high=0.02)
    mine |= {"polymer_hash": load_membrane("Nafion").polymer.hash, "water_per_site": 14.0}
    write_runs(workspace, [mine | {"salt_molar_low": 0.0}])
    summary = build_dataset(workspace, with_reference=True)
    frame = read_dataset(workspace)
    assert point(frame, 0.01, "Nafion/NaCl")["run_ids"] == "a"
    assert point(frame, 0.03, "Nafion/NaCl")["descriptor_source"] == "reference"
    assert summary.n_reference == (frame["descriptor_source"] == "reference").sum()
    refresh_dataset(workspace)
    assert read_dataset(workspace).equals(frame)
    write_runs(workspace, [{**mine, "site_convention": "center"}])
    assert build_dataset(workspace, with_reference=True).n_reference == 0


def test_labels_of_ones_own_never_have_the_reference_descriptors(workspace, own_rows, write_csv):
    import_table(workspace, write_csv([{**row, "polymer": "CR61"} for row in own_rows[:1]]))
    assert build_dataset(workspace, with_reference=True).n_reference == 0


def test_a_dataset_brought_alone_is_left_as_it_is_and_one_with_inputs_is_made_again(workspace):
    refresh_dataset(workspace)
    assert len(read_dataset(workspace)) == 90
    brought = read_dataset(workspace).head(20)
    write_table(workspace.dataset, DATASET_TABLE, brought)
    refresh_dataset(workspace)
    assert len(read_dataset(workspace)) == 20
    write_table(workspace.descriptors, DESCRIPTOR_TABLE, [])
    refresh_dataset(workspace)
    assert len(read_dataset(workspace)) == 90


def test_doubts_of_descriptors_that_are_there_go_with_them(workspace, run_row):
    rows = [
        run_row("a", tethered_water_flags="shallow_minimum,not_converged"),
        run_row("b", seed=2, tethered_water_flags="estimators_disagree"),
    ]
    write_runs(workspace, rows)
    summary = build_dataset(workspace)
    served = point(read_dataset(workspace), 0.1)
    wanted = "tethered_water: shallow_minimum, not_converged, estimators_disagree"
    assert served["descriptor_doubts"] == wanted
    assert summary.doubts["shallow_minimum"] == summary.n_complete
    assert any("1 rest on a shallow minimum" in line for line in summary.lines())
    assert pd.isna(point(read_dataset(workspace), 0.3)["descriptor_doubts"])


def test_a_trajectory_without_a_plan_serves_no_point(workspace, run_row):
    write_runs(workspace, [run_row("a"), run_row("b", system=None, polymer_hash=None)])
    build_dataset(workspace)
    assert point(read_dataset(workspace), 0.1)["run_ids"] == "a"
