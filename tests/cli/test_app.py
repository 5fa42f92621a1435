import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iemhpc import __version__
from iemhpc.cli import options
from iemhpc.errors import InputError

HEAVY = ("torch", "torch_geometric", "ray", "mdtraj", "rdkit", "scipy", "sklearn", "pandas")


def iemhpc(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from iemhpc.cli.app import main; main()", *words],
        capture_output=True, text=True, cwd=cwd, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200", "IEMHPC_WORKSPACE": ""} | {"IEMHPC_WORKSPACE": "."},
    )  # fmt: skip


def test_the_command_line_imports_nothing_heavy() -> None:
    code = f"import sys, iemhpc.cli.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_every_command_of_the_surface_has_help(tmp_path: Path) -> None:
    for command in (
        "init", "demo", "doctor", "systems", "md-submit", "status", "logs", "check", "descriptors",
        "dataset build", "dataset import", "dataset show", "tune", "saliency", "predict",
        "report", "retrain", "models list", "models show",
    ):  # fmt: skip
        answer = iemhpc(*command.split(), "--help", cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert "Usage:" in answer.stdout
    assert os.listdir(tmp_path) == []


def test_version_is_the_package_version(tmp_path: Path) -> None:
    assert iemhpc("--version", cwd=tmp_path).stdout == f"iemhpc {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["md-submit"], "iemhpc init"),
        (["md-submit", "--unit", "[*]CC[*]"], "wanted SMILES:fraction"),
        (["md-submit", "CR61", "--name", "mine"], "got --name without --unit"),
        (["md-submit", "CR61", "--charges", "opls"], "'opls' do not belong to gaff2"),
        (["md-submit", "CR61", "--salt-molar", "0.5", "1"], "repeat it for each"),
        (["md-submit", "CR61", "--scripts"], "give --dry-run with it"),
        (["descriptors"], "iemhpc md-submit"),
        (["dataset", "show"], "iemhpc dataset build"),
        (["saliency"], "iemhpc tune"),
        (["predict", "CR61", "--salt", "NaCl", "--salt-molar", "0.1"], "iemhpc tune"),
        (["systems", "Nafoin"], "did you mean 'Nafion'"),
        (["tune", "--hidden", "wide"], "--hidden: got 'wide', wanted numbers"),
        (["tune", "--hidden", "inf"], "--hidden: got 'inf', wanted numbers"),
        (["tune", "--seed", "99999999999"], "--seed 1e+11; wanted 4294967295 or less"),
        (["tune", "--gpus", "999"], "use: iemhpc tune --gpus"),
        (["models", "show", "abc"], "iemhpc tune"),
    ],
)
def test_a_command_without_its_input_ends_with_2_and_says_what_to_do(
    tmp_path: Path, words: list[str], message: str
) -> None:
    answer = iemhpc(*words, cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
    assert os.listdir(tmp_path) == []


def test_traceback_is_shown_where_asked_wherever_it_stands(tmp_path: Path) -> None:
    for words in (["--traceback", "descriptors"], ["descriptors", "--traceback"]):
        answer = iemhpc(*words, cwd=tmp_path)
        assert answer.returncode == 2
        assert "Traceback (most recent call last)" in answer.stderr


def test_the_catalogue_is_listed_and_a_membrane_drawn(tmp_path: Path) -> None:
    listed = iemhpc("systems", cwd=tmp_path)
    assert "Nafion" in listed.stdout
    explained = iemhpc("systems", "nafion", cwd=tmp_path)
    assert explained.returncode == 0, explained.stderr
    assert (tmp_path / "Nafion.png").read_bytes().startswith(b"\x89PNG")


def test_the_help_of_md_submit_states_the_defaults(tmp_path: Path) -> None:
    answer = iemhpc("md-submit", "--help", cwd=tmp_path).stdout
    for said in ("default: 0.1 and 1", "default: 40", "quick (default", "default: 3", "gaff2 (def"):
        assert said in answer
    assert "Options win over campaign.toml" in answer


def test_init_writes_a_campaign_that_md_submit_reads_and_never_overwrites_it(
    tmp_path: Path,
) -> None:
    assert iemhpc("init", cwd=tmp_path).returncode == 0
    before = (tmp_path / "campaign.toml").read_text()
    dry = iemhpc("md-submit", "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert sorted(os.listdir(tmp_path)) == ["campaign.toml", "retrain.toml"]
    assert "#!/" not in dry.stdout
    scripts = iemhpc("md-submit", "--dry-run", "--scripts", cwd=tmp_path)
    assert "#!/" in scripts.stdout
    again = iemhpc("init", cwd=tmp_path)
    assert again.returncode == 2
    assert (tmp_path / "campaign.toml").read_text() == before


def test_json_is_json(tmp_path: Path) -> None:
    assert json.loads(iemhpc("systems", "CR61", "--json", cwd=tmp_path).stdout)["name"] == "CR61"


def test_lists_of_numbers_say_what_they_want() -> None:
    with pytest.raises(InputError, match=r"--seed: got '1\.5', wanted whole numbers"):
        options.integers("1.5", option="--seed")
    with pytest.raises(InputError, match="--hidden: got '1,,2', wanted numbers"):
        options.numbers("1,,2", option="--hidden")


def test_the_whole_catalogue_is_json_too(tmp_path: Path) -> None:
    assert len(json.loads(iemhpc("systems", "--json", cwd=tmp_path).stdout)) == 12


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = iemhpc("init", "-w", "file/inside", cwd=tmp_path)
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    assert "file" in answer.stderr


def test_a_terminated_command_ends_what_it_started(tmp_path: Path) -> None:
    code = (
        "import sys, iemhpc.cli.app as app, iemhpc.programs as programs\n"
        "app.app = lambda words: programs.run_program(['sleep', '345.6'], limit_s=99)\n"
        "app.main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    for _ in range(200):
        if _sleepers():
            break
        time.sleep(0.1)
    assert _sleepers()
    process.terminate()
    assert process.wait(30) == 143
    assert not _sleepers()


def _sleepers() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == b"sleep\x00345.6\x00":
                found.append(path.parent.name)
    return found


def test_a_polymer_of_units_is_planned_with_all_its_figures(tmp_path: Path) -> None:
    words = ["--unit", "[*:1]CC([*:2])C(=O)[O-]:0.5", "--unit", "[*]CC([*])O:0.5", "--salt", "NaCl"]
    words += ["--water-uptake", "1.2", "--salt-molar", "1", "--box", "30", "--min-pairs", "5"]
    answer = iemhpc("md-submit", *words, "--dry-run", "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    runs = json.loads(answer.stdout)["runs"]
    composition = runs[0]["composition"]
    assert composition["net_charge"] == 0
    assert composition["n_coions"] >= 5
    assert composition["water_uptake_g_g"] == pytest.approx(1.2, rel=0.05)
    for name in ("iec_meq_g", "density_g_cm3", "realised_salt_molar", "box_A", "topology"):
        assert composition[name]
    assert runs[0]["chemistry"]["ion_set"] == "joung-cheatham"
    assert os.listdir(tmp_path) == []
