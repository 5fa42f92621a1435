"""From campaign.toml to finished runs; the slow one builds and runs a real membrane."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from iemhpc.campaign import UNFINISHED, HowToSubmit, plan_campaign, submit_campaign, unbuilt
from iemhpc.errors import InputError, MissingInputError, ProgramError
from iemhpc.lammps.run_folder import plan_json, read_plan
from iemhpc.settings.targets import load_campaign
from iemhpc.workspace import Workspace, write_json

DRY, BUILD_ONLY = HowToSubmit(dry_run=True), HowToSubmit(submit=False)

TEXT = """\
box_A = 24.0
replicas = 1
protocol = "test"

[[systems]]
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [0.9, 1.0]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "campaign.toml").write_text(TEXT)
    return Workspace(tmp_path)


def test_named_membranes_take_the_campaigns_other_settings(workspace: Workspace) -> None:
    campaign = load_campaign(workspace, ["Nafion"], overrides={"salt_molar": [0.5]})
    assert [system.membrane for system in campaign.systems] == ["Nafion"]
    assert campaign.systems[0].salt_molar == (0.5,)
    assert (campaign.box_A, campaign.protocol) == (24.0, "test")


def test_a_campaign_file_may_be_named_and_stands_alone(workspace: Workspace) -> None:
    other = workspace.root / "other.toml"
    other.write_text(TEXT.replace("24.0", "30.0"))
    assert load_campaign(workspace, [str(other)], overrides={}).box_A == 30.0
    with pytest.raises(InputError, match="a campaign TOML stands alone"):
        load_campaign(workspace, [str(other), "CR61"], overrides={})


def test_without_a_campaign_the_error_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="iemhpc init"):
        submit_campaign(Workspace(tmp_path))


@pytest.fixture
def two_runs(workspace: Workspace, write_water_box: Callable[..., Path]) -> list[Path]:
    """Two planned runs of the campaign whose folders are there: a box of water each."""
    workspace.campaign.write_text(TEXT.replace("replicas = 1", "replicas = 2"))
    planned, _ = plan_campaign(load_campaign(workspace, (), overrides={}))
    folders = []
    for one in planned:
        folder = write_water_box(workspace.run(one.plan.run_id))
        write_json(folder / "plan.json", plan_json(one.plan))
        folders.append(folder)
    return folders


def write_profile(workspace: Workspace, text: str) -> str:
    path = workspace.root / "mine.toml"
    path.write_text(f'scheduler = "local"\n{text}')
    return str(path)


def test_a_run_that_ends_at_once_has_not_finished(
    workspace: Workspace, two_runs: list[Path], lmp: str
) -> None:
    (two_runs[1] / "status.json").write_text(
        '{"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": "", '
        '"n_steps": 1000000}'
    )
    summary = submit_campaign(workspace, cluster=write_profile(workspace, 'setup = ["exit 3"]\n'))
    assert summary.failed == summary.unfinished == (two_runs[0].name,)
    row = next(run for run in summary.runs if run.run_id == two_runs[0].name)
    assert (row.state, row.reason) == ("planned", UNFINISHED)


def test_where_all_is_done_or_cancelled_it_is_said(
    workspace: Workspace, two_runs: list[Path], lmp: str
) -> None:
    done = (
        '{"state": "done", "stage": "production", "attempt": 1, "rc": 0, "reason": "", '
        '"n_steps": 1000000}'
    )
    (two_runs[0] / "status.json").write_text(done)
    (two_runs[1] / "cancelled.json").write_text("{}")
    summary = submit_campaign(workspace)
    assert (summary.started, summary.failed, summary.unfinished) == ((), (), ())
    assert "nothing to do (1 done, 1 cancelled: iemhpc resubmit RUN)" in summary.lines()
    assert "1 cancelled: iemhpc resubmit RUN" in summary.notes
    dry = submit_campaign(workspace, how=DRY).lines()
    assert "nothing to do (1 done, 1 cancelled: iemhpc resubmit RUN)" in dry

    (two_runs[1] / "cancelled.json").unlink()
    (two_runs[1] / "status.json").write_text(done)
    assert "nothing to do (2 done)" in submit_campaign(workspace).lines()


def test_a_dry_run_says_what_would_follow(workspace: Workspace, lmp: str) -> None:
    summary = submit_campaign(workspace, how=HowToSubmit(dry_run=True, then="descriptors"))
    assert summary.lines()[-1] == "iemhpc descriptors would follow when the runs have ended"


def test_failed_runs_start_again_when_that_is_asked_for(
    workspace: Workspace, two_runs: list[Path]
) -> None:
    words = '"/bin/bash", "-c", "echo ERROR: Unknown fix style; exit 1"'
    cluster = write_profile(workspace, f"lammps = [{words}]\n")
    for retry_failed, attempts in ((False, 1), (False, 1), (True, 2)):
        with pytest.raises(ProgramError, match=r"every run failed: .*md-submit --retry-failed"):
            submit_campaign(workspace, cluster=cluster, how=HowToSubmit(retry_failed=retry_failed))
        for folder in two_runs:
            assert len((folder / "attempts.log").read_text().splitlines()) == attempts


def test_a_folder_without_a_plan_does_not_stop_the_other_runs(
    workspace: Workspace, two_runs: list[Path]
) -> None:
    (two_runs[0] / "plan.json").unlink()
    summary = submit_campaign(workspace, how=BUILD_ONLY)
    assert summary.failed == (two_runs[0].name,)
    assert f"delete runs/{two_runs[0].name} and run md-submit again" in "\n".join(summary.lines())


def test_missing_lammps_is_said_before_a_box_is_built(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(workspace.root))
    monkeypatch.setattr("sys.executable", str(workspace.root / "python"))
    with pytest.raises(ProgramError, match="lmp is needed to run molecular dynamics"):
        submit_campaign(workspace)
    assert not workspace.runs.exists()


def test_a_dry_run_shows_runs_and_scripts_and_writes_nothing(
    workspace: Workspace, lmp: str
) -> None:
    before = sorted(workspace.root.rglob("*"))
    summary = replace(submit_campaign(workspace, how=DRY), show_scripts=True)
    text = "\n".join(summary.lines())
    assert "CR61/NaCl  0.9 1" in text
    assert "by theory inside" in text
    by_theory = " ".join(f"{molar:.2g}" for molar in summary.runs[0].donnan_salt_molar)
    assert f"  {by_theory} " in text
    assert "== composition of CR61/NaCl at 0.9, 1 mol/L, run " in text
    assert "cross-links" in text
    assert "  unit styrenesulfonate" in text
    assert "tethered sites    styrenesulfonate: O x3 (atoms " in text
    assert summary.runs[0].state == "new"
    assert f"lammps=({lmp} -sf opt)" in text
    assert sorted(workspace.root.rglob("*")) == before


def test_what_is_planned_is_said_first(workspace: Workspace, lmp: str) -> None:
    said: list[str] = []
    submit_campaign(workspace, overrides={"replicas": 3}, how=DRY, say=said.append)
    assert said == [
        "3 runs: boxes of about 24 Å, protocol test, 1 ps of production each, 3 replicas, "
        "on this-machine"
    ]


def test_without_a_campaign_named_membranes_take_defaults_and_it_is_said(
    tmp_path: Path, lmp: str
) -> None:
    said: list[str] = []
    overrides = {"salt": "NaCl", "salt_molar": 1.0, "production_ns": 500.0}
    submit_campaign(
        Workspace(tmp_path),
        ["Nafion"],
        overrides=overrides,
        how=DRY,
        say=said.append,
    )
    assert said[0].startswith("3 runs: boxes of about 40 Å, protocol quick, 500 ns of production")
    assert said[0].endswith("on this-machine (no campaign.toml here: defaults)")


def test_a_dry_run_shows_equal_scripts_once_and_the_table_last(
    workspace: Workspace, lmp: str
) -> None:
    overrides = {"replicas": 3}
    dry = submit_campaign(workspace, overrides=overrides, how=DRY)
    brief = dry.lines()
    assert brief[0].startswith("== composition of CR61/NaCl")
    assert brief[-1].endswith("--scripts shows the job scripts too")
    summary = replace(dry, show_scripts=True)
    lines = summary.lines()
    assert lines[0].startswith("== ")
    assert len([line for line in lines if line.startswith("== /")]) == 1
    blocks = [line for line in lines if line.startswith("== composition of CR61/NaCl at 0.9, 1 ")]
    assert len(blocks) == 1, "replicas share a block"
    assert blocks[0].endswith(" ".join(run.run_id for run in summary.runs))
    more = lines.index("… and 2 more like it, differing in run_id, seed")
    assert more < lines.index(next(line for line in lines if line.startswith("run  ")))
    table = lines[lines.index(next(line for line in lines if line.startswith("run  "))) :]
    assert [line.rsplit(maxsplit=1)[-1] for line in table[1:4]] == ["new"] * 3
    assert table[-1].startswith("note: core-hours by a rate measured on one core")


@pytest.mark.lammps
@pytest.mark.slow
def test_a_campaign_is_built_and_run_once(workspace: Workspace, lmp: str) -> None:
    said: list[str] = []
    summary = submit_campaign(workspace, say=said.append)
    (run,) = summary.runs
    assert run.state == "done"
    assert summary.started == (run.run_id,)
    assert summary.failed == ()
    folder = workspace.run(run.run_id)
    assert read_plan(folder).run_id == run.run_id
    for name in ("production.0.dcd", "segments.json", "status.json", "roles.parquet"):
        assert (folder / name).stat().st_size > 0
    assert any(line.endswith(": production") for line in said)

    again = submit_campaign(workspace)
    assert (again.started, again.runs[0].state) == ((), "done")

    longer = submit_campaign(workspace, overrides={"production_ns": 0.0012})
    assert longer.started == (run.run_id,)
    assert longer.runs[0].state == "done"
    assert len((folder / "attempts.log").read_text().splitlines()) == 2


def test_what_a_box_repeats_and_why_boxes_fail_is_said_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "no charges for styrene; add:\n\n[[unit]]\n" + "x" * 200

    def fail(*, say: Callable[[str], None], **_: object) -> None:
        for _number in range(3):
            say("ca-h4-ca-na is a rough estimate")
        raise InputError(why)

    monkeypatch.setattr(unbuilt, "build_box", fail)
    said: list[str] = []
    with pytest.raises(ProgramError) as caught:
        submit_campaign(workspace, overrides={"replicas": 2}, how=BUILD_ONLY, say=said.append)
    assert sum("rough estimate" in line for line in said) == 2, "once a box"
    assert sum(why in line for line in said) == 1
    assert said[-1] == "CR61/NaCl: not built: for the same reason"
    assert "[[unit]]" not in str(caught.value)
    assert str(caught.value).count("no charges for styrene; add: …") == 1


def test_of_several_force_fields_a_box_says_its_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise InputError("no room")

    monkeypatch.setattr(unbuilt, "build_box", fail)
    for fields, names in (
        (["gaff2", "oplsaa"], ("gaff2 am1bcc, ", "oplsaa opls, ")),
        ("gaff2", ""),
    ):
        said: list[str] = []
        with pytest.raises(ProgramError):
            submit_campaign(
                workspace, overrides={"force_field": fields}, how=BUILD_ONLY, say=said.append
            )
        boxes = [line for line in said if line.startswith("box ")]
        wanted = names or ("",)
        assert boxes == [
            f"box {number} of {len(wanted)}: CR61/NaCl, {name}0.941 mol/L, seed 1"
            for number, name in enumerate(wanted, 1)
        ]


def test_a_dry_run_says_what_each_box_would_hold(workspace: Workspace, lmp: str) -> None:
    overrides = {"salt_molar": [0.3], "water_per_site": [20.5]}
    summary = submit_campaign(workspace, overrides=overrides, how=DRY)
    (run,) = summary.runs
    box, lines = run.composition, summary.lines()
    block = lines[lines.index(f"== composition of CR61/NaCl at 0.3 mol/L, run {run.run_id}") :]
    said = "\n".join(block[: block.index("")])
    for part in (
        f"random, atactic, network with {box.n_crosslinks} cross-links",
        "gaff2, charges am1bcc",
        "tip3p, joung-cheatham",
        f"{box.iec_meq_g:.3f} meq/g dry in the Na form",
        f"{box.water_uptake_g_g:.3g} g/g dry in the Na form",
        f"{box.n_sites} sites, {box.n_counterions} counter-ions, {box.n_coions} co-ions, "
        f"{box.n_waters} waters; net charge 0",
        "wanted 0.3 mol/L (as outside), realised",
        f"{box.density_g_cm3:.3f} g/cm³, a box of {box.box_A:.1f} Å",
        "salt in the sorbed water 0.3 -> ",
    ):
        assert part in said
