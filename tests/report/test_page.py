import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from iemhpc.dataset.assemble import build_dataset
from iemhpc.errors import MissingInputError
from iemhpc.report.page import ReportSummary, write_report
from iemhpc.tables.dataset import DATASET_TABLE
from iemhpc.tables.io import read_table, write_table
from iemhpc.workspace import Workspace, content_hash, read_json, write_json

SECTIONS = ("overview", "runs", "descriptors", "dataset", "results", "grid", "saliency")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """Every tag with its attributes, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def summary(full_workspace, said) -> ReportSummary:
    return write_report(full_workspace, say=said.append)


@pytest.fixture(scope="module")
def page_path(full_workspace, summary) -> Path:
    assert summary.path == str(full_workspace.report)
    return full_workspace.report


@pytest.fixture
def copied(full_workspace, tmp_path) -> Workspace:
    shutil.copytree(full_workspace.root, tmp_path / "copy")
    return Workspace(tmp_path / "copy")


def read(workspace: Workspace) -> str:
    write_report(workspace)
    return workspace.report.read_text()


def test_the_page_has_all_sections(page_path):
    ids = {attrs.get("id") for tag, attrs in Page(page_path.read_text()).tags if tag == "section"}
    assert ids >= {*SECTIONS, "provenance"}


def test_nothing_on_the_page_is_fetched(page_path):
    text = page_path.read_text()
    for tag, attrs in Page(text).tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attrs.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert "@import" not in text
    assert re.search(r"url\((?!#|['\"]?#)", text) is None


def test_every_picture_says_what_it_shows(page_path):
    tags = Page(page_path.read_text()).tags
    pictures = [attrs for tag, attrs in tags if tag == "img"]
    assert len(pictures) == 2
    assert all((attrs["alt"] or "").startswith("Saliency map of") for attrs in pictures)
    assert all(attrs.get("aria-label") for tag, attrs in tags if tag == "svg")


def test_the_page_says_what_the_scores_are_and_are_not(page_path):
    words = " ".join(Page(page_path.read_text()).words.split())
    assert "Labels are Donnan-Manning theory (30 of 30 rows)" in words
    assert "Interpolation in concentration. All 6 systems" in words
    assert "system mean" in words


def test_numbers_name_their_table(page_path):
    text = page_path.read_text()
    for source in ("descriptors.parquet", "rdf.parquet", "dataset.parquet", "status.json"):
        assert source in text
    assert "tuning/77aa02c1d3e4/predictions.parquet" in text


def test_a_name_with_a_tag_in_it_is_only_text(copied):
    evil = "<script>alert(1)</script>"
    rows = read_table(copied.dataset, DATASET_TABLE, made_by="x").to_pylist()
    rows = [{**row, "system": evil, "label_source": "lab"} for row in rows]
    write_table(copied.dataset, DATASET_TABLE, rows)
    plan_path = next(copied.runs.glob("*/plan.json"))
    plan = read_json(plan_path)
    plan["physics"]["system"] = evil
    write_json(plan_path, plan)
    text = read(copied)
    assert evil not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert sum(tag == "script" for tag, _ in Page(text).tags) == 1
    assert "Labels are Donnan-Manning" not in text


def test_only_points_and_runs_with_all_twelve_count_as_described(page_path):
    words = " ".join(Page(page_path.read_text()).words.split())
    assert "15 of them with all twelve descriptors and 5 with some" in words
    assert "Runs with all twelve descriptors1of 2 read; 1 with some" in words


def test_points_without_descriptors_are_told_apart_by_their_reason(page_path):
    words = " ".join(Page(page_path.read_text()).words.split())
    for reason in ("no run of the system", "no run at the concentration"):
        assert f"{reason} (5)" in words
    assert "tethered counterion: low counts (5)" in words


def test_the_page_says_how_runs_were_made_and_that_they_are_short(page_path):
    text = page_path.read_text()
    words = " ".join(Page(text).words.split())
    for head in ("cut-offÅ", "PPPMaccuracy", "annealps", "productionps", "inside, bytheory, mol/L"):
        assert head in words
    for value in ("8", "0.0005", "12.5", "20", "0.051"):
        assert f'<td class="n">{value}</td>' in text
    assert "Short demonstration runs: 3 of the 3 runs have a cut-off under 10 Å or a prod" in words


def test_runs_of_a_usual_length_are_not_called_short(copied):
    for path in copied.runs.glob("*/plan.json"):
        plan = read_json(path)
        plan["physics"]["protocol"]["cutoff_A"] = 10.0
        plan["sampling"]["production_ps"] = 500.0
        write_json(path, plan)
    assert "Short demonstration" not in read(copied)


def test_the_page_tells_networks_and_what_fills_the_water(copied):
    for path in copied.runs.glob("*/plan.json"):
        plan = read_json(path)
        plan["physics"] |= {"topology": "network", "salt_inside": "donnan"}
        plan["run_id"] = content_hash(plan["physics"])
        write_json(path, plan)
    text = read(copied)
    assert "cross-links were not simulated" not in text
    assert "CR61/NaCl: the sorbed water holds what Donnan-Manning leaves of that out" in text


def test_the_page_says_that_cross_links_are_not_simulated(page_path):
    words = " ".join(Page(page_path.read_text()).words.split())
    said = "cross-links were not simulated: linear chains, cross-linkers as side groups."
    assert words.count(said) == words.count(f"CR61: {said}") == 1


def test_a_failed_run_says_why(page_path):
    assert "ERROR: Lost atoms &lt;1 of 1700&gt;" in page_path.read_text()


def test_a_null_descriptor_says_why(page_path):
    assert "null: low counts" in page_path.read_text()


def test_an_empty_workspace_has_nothing_to_show(tmp_path):
    with pytest.raises(MissingInputError, match=r"nothing to show: no runs.* iemhpc init -w"):
        write_report(Workspace(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_page_says_which_commands_make_what_it_lacks(tmp_path):
    workspace = Workspace(tmp_path)
    build_dataset(workspace)
    summary = write_report(workspace)
    text = workspace.report.read_text()
    for command in ("md-submit", "descriptors", "tune", "saliency"):
        assert f"<code>iemhpc {command}</code>" in text
    assert set(summary.missing) == {"runs", "descriptors", "results", "gallery"}
    assert "without gallery; make it with: iemhpc saliency" in summary.lines()


@pytest.mark.parametrize("lost", [("rdf.parquet", "dataset.parquet"), ("tuning", "runs")])
def test_the_page_is_written_without_some_inputs(copied, lost):
    for name in lost:
        path = copied.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "</html>" in read(copied)


def test_the_same_tables_give_the_same_page(full_workspace, page_path):
    before = page_path.read_text()
    assert read(full_workspace) == before


def test_the_summary_says_where_the_page_is(full_workspace, summary, said):
    assert summary.path.endswith("report/index.html")
    assert summary.size_bytes == full_workspace.report.stat().st_size < 15e6
    assert summary.missing == {}
    assert said == ["runs and descriptors", "dataset, tuning and models", "saliency pictures"]


def test_a_folder_that_does_not_exist_is_no_workspace(tmp_path):
    with pytest.raises(MissingInputError, match=r"is no workspace; make one with: iemhpc init"):
        write_report(Workspace(tmp_path / "nowhere"))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the path")
def test_a_browser_shows_every_section_without_a_complaint(page_path, tmp_path):
    answer = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            page_path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    dom = Page(answer.stdout)
    assert {attrs.get("id") for tag, attrs in dom.tags if tag == "section"} >= set(SECTIONS)
    assert "2 of 2 pictures" in dom.words  # written by the script: it has run
    assert "CONSOLE" not in answer.stderr
