import json
from pathlib import Path

import numpy as np
import pytest

from iemhpc.descriptors.extract import extract_runs
from iemhpc.descriptors.from_rdf import descriptors_from_rdf
from iemhpc.descriptors.reading import Asked
from iemhpc.errors import MissingInputError, UnknownNameError
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE, PAIRS, QUANTITIES
from iemhpc.tables.io import read_frame, write_table
from iemhpc.tables.rdf import RDF_TABLE
from iemhpc.tables.roles import ROLE_TABLE
from iemhpc.workspace import Workspace, content_hash


def read_rows(workspace: Workspace):
    return read_frame(workspace.descriptors, DESCRIPTOR_TABLE, made_by="").set_index("run_id")


def test_a_run_gives_twelve_numbers_with_errors(tmp_path, make_run):
    make_run(n_frames=100)
    summary = extract_runs(Workspace(tmp_path))
    assert (summary.n_done, summary.n_skipped, summary.failed) == (1, 0, {})
    row = read_rows(Workspace(tmp_path)).loc["0f3a"]
    assert row["counterion_water_peak_position_A"] == pytest.approx(2.4, abs=0.05)
    assert row["tethered_counterion_peak_position_A"] == pytest.approx(2.35, abs=0.05)
    assert row["counterion_water_coordination_number"] == pytest.approx(5.0, rel=0.1)
    assert np.isnan(row["counterion_water_coordination_number_se"])  # always five: unknown
    assert 0.0 < row["counterion_water_peak_height_se"] < 0.1 * row["counterion_water_peak_height"]
    assert row["counterion_water_fixed_radius_A"] == 3.2
    assert row["tethered_counterion_coordination_number_fixed"] == pytest.approx(2 / 3, rel=0.1)
    assert row["n_frames"] == 100
    assert row["sampled_ps"] == pytest.approx(99.0)
    assert row["r_max_A"] == pytest.approx(10.0)


def test_descriptors_from_the_stored_counts_equal_those_from_the_trajectory(tmp_path, make_run):
    make_run(n_frames=40)
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    row = read_rows(workspace).loc["0f3a"]
    rdf = read_frame(workspace.rdf, RDF_TABLE, made_by="")
    (again,) = descriptors_from_rdf(rdf)
    for column in (f"{p}_{q}{s}" for p in PAIRS for q in QUANTITIES for s in ("", "_se")):
        wanted = None if np.isnan(row[column]) else row[column]
        assert again[column] == wanted, column


def test_a_second_time_nothing_is_read(tmp_path, make_run):
    make_run()
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    before = workspace.descriptors.stat().st_mtime_ns
    summary = extract_runs(workspace)
    assert (summary.n_done, summary.n_skipped, summary.nothing_new) == (0, 1, True)
    assert workspace.descriptors.stat().st_mtime_ns == before


def test_only_the_new_run_is_read_and_the_old_one_stays(tmp_path, make_run):
    make_run("aaaa")
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    make_run("bbbb", seed=2)
    lines: list[str] = []
    summary = extract_runs(workspace, say=lines.append)
    assert (summary.n_done, summary.n_skipped) == (1, 1)
    assert "aaaa: up to date" in lines[0]
    assert list(read_rows(workspace).index) == ["aaaa", "bbbb"]
    assert set(read_frame(workspace.rdf, RDF_TABLE, made_by="")["run_id"]) == {"aaaa", "bbbb"}


def test_a_longer_trajectory_another_convention_and_fresh_are_read_again(tmp_path, make_run):
    folder = make_run(n_frames=30)
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    (folder / "production.0.dcd").unlink()
    other = make_run("other", n_frames=40)
    (other / "production.0.dcd").rename(folder / "production.0.dcd")
    (other / "status.json").write_text('{"state": "failed"}')
    assert extract_runs(workspace).n_done == 1
    assert read_rows(workspace).loc["0f3a", "n_frames"] == 40
    assert extract_runs(workspace, asked=Asked(site_convention="center")).n_done == 1
    row = read_rows(workspace).loc["0f3a"]
    assert (row["site_convention"], row["tethered_water_fixed_radius_A"]) == ("center", 4.6)
    assert extract_runs(workspace, asked=Asked(site_convention="center"), fresh=True).n_done == 1


def test_a_changed_request_needs_no_trajectory(tmp_path, make_run):
    folder = make_run()
    workspace = Workspace(tmp_path)
    extract_runs(workspace)
    plan = json.loads((folder / "plan.json").read_text())
    plan["request"]["salt_molar_high"] = 0.9
    (folder / "plan.json").write_text(json.dumps(plan))
    lines: list[str] = []
    extract_runs(workspace, say=lines.append)
    assert "counts reused" in lines[0]
    assert read_rows(workspace).loc["0f3a", "salt_molar_high"] == 0.9


def test_replicas_share_the_hash_of_their_conditions_and_no_other_run_does(tmp_path, make_run):
    for number, (run_id, temperature_K) in enumerate([("a", 298), ("b", 298), ("c", 350)]):
        folder = make_run(run_id, seed=number)
        plan = json.loads((folder / "plan.json").read_text())
        plan["physics"]["temperature_K"] = temperature_K
        plan["run_id"] = content_hash(plan["physics"])
        plan["request"]["donnan_salt_molar"] = None if run_id == "c" else 0.05
        (folder / "plan.json").write_text(json.dumps(plan))
    extract_runs(Workspace(tmp_path))
    rows = read_rows(Workspace(tmp_path))
    hashes = rows["conditions_hash"]
    assert hashes["a"] == hashes["b"] != hashes["c"]
    assert set(rows["polymer_hash"]) == {"5effe98122b7"}
    assert rows["donnan_salt_molar"].fillna(-1.0).tolist() == [0.05, 0.05, -1.0]
    assert extract_runs(Workspace(tmp_path)).n_skipped == 3


def test_a_run_that_cannot_be_read_stops_no_other(tmp_path, make_run):
    bad = make_run("bad")
    make_run("good", seed=2)
    dcd = bad / "production.0.dcd"
    dcd.write_bytes(dcd.read_bytes()[:-10])
    summary = extract_runs(Workspace(tmp_path))
    assert summary.n_done == 1
    assert "cut short" in summary.failed["bad"]
    assert not summary.nothing_new
    assert any("bad: FAILED" in line for line in summary.lines())
    assert list(read_rows(Workspace(tmp_path)).index) == ["good"]


def test_a_plan_without_a_needed_key_is_named(tmp_path, make_run):
    folder = make_run()
    plan = json.loads((folder / "plan.json").read_text())
    plan["physics"] = {"system": "CR61/NaCl"}
    plan["run_id"] = content_hash(plan["physics"])
    (folder / "plan.json").write_text(json.dumps(plan))
    failed = extract_runs(Workspace(tmp_path)).failed["0f3a"]
    assert "physics of its plan.json lacks membrane, salt" in failed
    assert "iemhpc md-submit" in failed


@pytest.mark.parametrize(
    ("part", "values", "says"),
    [
        ("schema_version", 2, "plan.json of schema 2, this iemhpc reads 4: delete runs/bad and "),
        ("physics", {"system": "CR61/KCl"}, "plan.json was changed by hand: its physics hashes"),
    ],
)
def test_a_plan_of_another_version_or_changed_by_hand_is_left_out(
    tmp_path, make_run, part, values, says
):
    bad = make_run("bad")
    make_run("good", seed=2)
    plan = json.loads((bad / "plan.json").read_text())
    (bad / "plan.json").write_text(json.dumps(plan | {part: values}))
    summary = extract_runs(Workspace(tmp_path))
    assert summary.n_done == 1
    assert summary.failed["bad"].startswith(says)
    assert list(read_rows(Workspace(tmp_path)).index) == ["good"]


def test_unfinished_runs_wait_and_say_so(tmp_path, make_run):
    make_run("aaaa")
    make_run("bbbb", state="running")
    summary = extract_runs(Workspace(tmp_path))
    assert (summary.n_done, summary.n_unfinished, summary.failed) == (1, 1, {})
    assert "1 runs are not finished yet" in summary.lines()
    named = extract_runs(Workspace(tmp_path), ["aaaa", "bbbb"])
    assert named.failed == {"bbbb": "not finished: running"}


def test_an_unreadable_status_is_unknown_and_stops_no_other_run(tmp_path, make_run):
    make_run("aaaa")
    (make_run("bbbb") / "status.json").write_text('{"state": "done", "sta')
    named = extract_runs(Workspace(tmp_path), ["aaaa", "bbbb"])
    assert (named.n_done, named.failed) == (1, {"bbbb": "not finished: unknown"})


def test_no_finished_run_names_the_command_that_makes_one(tmp_path: Path, make_run):
    with pytest.raises(MissingInputError, match=r"holds no run.*iemhpc md-submit"):
        extract_runs(Workspace(tmp_path))
    make_run("aaaa", state="queued")
    with pytest.raises(MissingInputError, match=r"aaaa is queued.*iemhpc md-submit"):
        extract_runs(Workspace(tmp_path))
    assert not (tmp_path / "descriptors.parquet").exists()


def test_an_unknown_run_lists_the_known_ones(tmp_path, make_run):
    make_run("aaaa")
    with pytest.raises(UnknownNameError, match="unknown run 'aaab'; did you mean 'aaaa'"):
        extract_runs(Workspace(tmp_path), ["aaab"])


def test_tables_of_an_older_schema_are_made_anew(tmp_path, make_run):
    make_run()
    workspace = Workspace(tmp_path)
    workspace.descriptors.write_bytes(b"no parquet")
    lines: list[str] = []
    assert extract_runs(workspace, say=lines.append).n_done == 1
    assert lines[0].startswith("reading all runs again")


def test_a_box_without_counterions_gives_null_with_its_reason(tmp_path, make_run):
    make_run(counts=(6, 0, 0, 60))
    extract_runs(Workspace(tmp_path))
    row = read_rows(Workspace(tmp_path)).loc["0f3a"]
    assert row["counterion_water_reason"] == "no_pairs"
    assert np.isnan(row["counterion_water_peak_height"])
    assert np.isnan(row["counterion_water_coordination_number_fixed"])


def test_atom_ids_with_gaps_are_refused(tmp_path, make_run, make_roles):
    folder = make_run()
    roles = make_roles(n_sites=6, n_counterions=6, n_coions=1, n_waters=60)
    roles["atom_id"] -= 1
    write_table(folder / "roles.parquet", ROLE_TABLE, roles)
    assert "atom_id must run from 1 to 211" in extract_runs(Workspace(tmp_path)).failed["0f3a"]


def test_what_was_read_before_an_interruption_is_kept(tmp_path, make_run, monkeypatch):
    make_run("aaaa")
    make_run("bbbb", seed=2)
    monkeypatch.setattr("iemhpc.descriptors.extract.SAVE_EVERY_S", 0.0)

    def stop(line: str) -> None:
        if "bbbb" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_runs(Workspace(tmp_path), say=stop)
    summary = extract_runs(Workspace(tmp_path))
    assert (summary.n_done, summary.n_skipped) == (1, 1)
    assert not list(tmp_path.glob(".*"))
