"""Each benchmark keeps to its own section of the results."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType


def test_a_section_is_replaced_where_it_was_and_a_new_one_comes_last(
    load_benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    results, path = load_benchmark("results"), tmp_path / "RESULTS.md"
    results.write_section("One", ["old", "", "## part", "text"], path=path)
    results.write_section("Two", ["| a |"], path=path)
    results.write_section("One", ["new"], path=path)
    assert path.read_text() == "# One\n\nnew\n\n# Two\n\n| a |\n"
