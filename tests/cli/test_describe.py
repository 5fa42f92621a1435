"""``iemhpc descriptors`` as a person types it."""

import json
from pathlib import Path

import mdtraj
import numpy as np
import pytest
from typer.testing import CliRunner

from iemhpc.cli.app import app
from iemhpc.tables.descriptors import DESCRIPTOR_TABLE
from iemhpc.tables.io import read_frame

ROLES = "[roles]\nwater_oxygen = { type = 1 }\ncounterion = { type = 2 }\ntethered = { type = 3 }\n"


def write(folder: Path, name: str, n_frames: int, seed: int) -> Path:
    """Write a DCD of 4 waters' O, 2 ions and 2 sites at random in 20 Å."""
    path = folder / name
    positions = np.random.default_rng(seed).uniform(0, 20, size=(n_frames, 8, 3))
    with mdtraj.formats.DCDTrajectoryFile(str(path), "w", force_overwrite=True) as stream:
        stream.write(
            positions.astype(np.float32),
            cell_lengths=np.full((n_frames, 3), 20, dtype=np.float32),
            cell_angles=np.full((n_frames, 3), 90, dtype=np.float32),
        )
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    types = [1, 1, 1, 1, 2, 2, 3, 3]
    lines = ["x", "", "8 atoms", "3 atom types", "", "Masses", "", "1 16.0", "2 22.99", "3 16.0"]
    lines += ["", "Atoms # atomic", "", *(f"{k} {t} 0 0 0" for k, t in enumerate(types, 1))]
    Path("system.data").write_text("\n".join(lines) + "\n")
    Path("roles.toml").write_text(ROLES)
    write(tmp_path, "a.dcd", 20, 1)
    write(tmp_path, "b.dcd", 20, 2)
    return tmp_path


ANY = ["--topology", "system.data", "--roles", "roles.toml", "--out", "d.parquet"]


def run(*words: str):
    answer = CliRunner().invoke(app, ["descriptors", *words])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        return answer.exit_code, f"{type(answer.exception).__name__}: {answer.exception}"
    return answer.exit_code, answer.output


def test_any_trajectory_becomes_a_table_and_pictures(folder):
    code, text = run(
        "--trajectory", "a.dcd", "b.dcd", *ANY, "--rdf-out", "r.parquet", "--plot",
        "--pair", "tethered_tethered", "--r-max", "9", "--timestep", "2", "--stride", "500",
    )  # fmt: skip
    assert code == 0, text
    assert "1 runs read, 0 up to date -> d.parquet" in text
    row = read_frame(Path("d.parquet"), DESCRIPTOR_TABLE, made_by="").iloc[0]
    assert (row["run_id"], row["n_frames"], row["sampled_ps"]) == ("a", 40, 39.0)
    assert (row["r_max_A"], row["n_waters"]) == (9.0, 4)
    assert sorted(path.name for path in Path("rdf").iterdir()) == ["a.png", "a.svg"]
    code, text = run("--from-rdf", "r.parquet", "--out", "e.parquet")
    assert code == 0, text
    assert "1 runs computed from the counts in r.parquet -> e.parquet" in text


def test_a_summary_is_json_where_asked(folder):
    code, text = run("--trajectory", "a.dcd", *ANY, "--name", "mine", "--json")
    assert code == 0, text
    said = json.loads(text[text.index("{") :])
    assert (said["n_done"], list(said["notes"])) == (1, ["mine"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trajectory", "a.dcd"], "needs --trajectory, --topology, --roles and --out; missing: "),
        (["--roles", "roles.toml"], "missing: --trajectory, --topology, --out"),
        (["0f3a", "--trajectory", "a.dcd", *ANY], "got 0f3a with --trajectory: give runs of the"),
        (["--trajectory", "a.dcd", *ANY, "--plot"], "--plot draws from stored pair counts; give"),
        (["--out", "d.parquet"], "--out is for --trajectory or --from-rdf; runs have their tables"),
        (["--from-rdf", "--topology", "x"], "--topology has no place beside --from-rdf"),
        (["--from-rdf", "r.parquet"], "--from-rdf r.parquet: give --out, the table of descriptors"),
        (["--from-rdf", "0f3a"], "computes all runs of one table; got 0f3a"),
        (["--processes", "2", "--address", "auto"], "give one of them"),
        (["--trajectory", "a.dcd", *ANY, "--pair", "water_salt"], "unknown pair 'water_salt'"),
        (["--trajectory", "a.dcd", *ANY, "--r-max", "11"], "more than half the smallest height"),
        (["--trajectory", "a.dcd", *ANY, "--r-max", "0.01"], "is shorter than a bin of 0.05 Å"),
        (["--trajectory", "none.dcd", *ANY], "none.dcd is not a file"),
        (["--trajectory", "a.dcd", *ANY, "--address", "127.0.0.1:1"], "nobody listens there"),
        ([], "iemhpc md-submit"),
    ],
)
def test_what_cannot_be_done_is_said(folder, words, says):
    code, text = run(*words)
    assert code != 0
    assert says in text
    assert not Path("d.parquet").exists()
