"""What is told of the networks of a campaign."""

from dataclasses import asdict, replace
from pathlib import Path

from iemhpc.campaign.connectedness import in_short, network_notes
from iemhpc.polymer.network import NetworkShape
from iemhpc.workspace import write_json

GOOD = NetworkShape(
    n_units=200,
    n_chains=5,
    n_crosslinks=20,
    n_components=1,
    largest_share=1.0,
    n_loops=1,
    n_dangling_ends=9,
    n_free_chains=0,
    percolates_in=3,
)


def folder_of(path: Path, shape: NetworkShape | None) -> Path:
    path.mkdir()
    if shape is not None:
        write_json(path / "network.json", asdict(shape))
    return path


def test_a_system_has_a_note_and_a_poor_network_one_of_its_own(tmp_path: Path) -> None:
    poor = replace(GOOD, n_loops=9, percolates_in=1)
    runs = [
        ("CR61-NaCl", folder_of(tmp_path / "aaa", GOOD)),
        ("CR61-NaCl", folder_of(tmp_path / "bbb", poor)),
        ("Nafion-NaCl", folder_of(tmp_path / "ccc", None)),
    ]
    assert network_notes(runs) == (
        "CR61-NaCl: the networks of 2 boxes are each connected through their box in 1 or 3 of 3 "
        "directions; 25 % of the cross-links are idle loops (both sides in one chain, not round "
        "the box) that carry no load",
        "CR61-NaCl, run bbb: connected through the box in 1 of 3 directions and 9 of 20 "
        "cross-links are loops: less of a network than the membrane's; a larger box (--box) or "
        "longer chains (--chain-length) connect it better",
    )


def test_loops_round_the_box_are_no_fault() -> None:
    wound = replace(GOOD, n_loops=20, n_idle_loops=0)
    assert wound.doubts == ()
    assert in_short([wound]).startswith("the network of 1 box is connected through it in 3 of 3")
    assert "; 0 % of the cross-links are idle loops " in in_short([wound])


def test_chains_have_no_note(tmp_path: Path) -> None:
    assert network_notes([("Nafion-NaCl", folder_of(tmp_path / "ccc", None))]) == ()


def test_a_damaged_file_is_told_and_stops_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "aaa", GOOD)
    (folder / "network.json").write_text("{", encoding="utf-8")
    (note,) = network_notes([("CR61-NaCl", folder)])
    assert "network.json is not JSON" in note
