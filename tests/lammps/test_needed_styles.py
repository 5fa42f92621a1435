"""The list of styles is what the templates and the writers of styles.in say."""

import re
import subprocess
from pathlib import Path

import pytest

from iemhpc.lammps import styles_file
from iemhpc.lammps.needed_styles import (
    ACCELERATORS,
    NEEDED_STYLES,
    missing_styles,
    packages_of,
    parse_packages,
    parse_styles,
    parse_version,
    with_suffix,
)
from iemhpc.resources import resource

TEMPLATES = sorted(resource("lammps_templates").glob("*.in"))
UNSAID = {("integrate", "verlet"), ("compute", "temp"), ("compute", "pressure")}
"""What LAMMPS uses without an input naming it."""
KINDS = ("pair", "bond", "angle", "dihedral", "improper")


def by_kind(kind: str) -> set[str]:
    return {each.name for each in NEEDED_STYLES if each.kind == kind}


def commands(path: Path) -> list[str]:
    """Return every command of a template, those in the quotes of an ``if`` too."""
    text = re.sub(r"#.*", "", path.read_text()).replace("&\n", " ")
    found = []
    for line in text.splitlines():
        parts = re.findall(r""""([^"]*)"|'([^']*)'""", line) if line.startswith("if ") else []
        found += [line, *(first or second for first, second in parts[1:])]
    return [" ".join(command.split()) for command in found if command.strip()]


def test_every_style_that_a_template_names_is_in_the_list_and_no_other() -> None:
    named = set(UNSAID)
    for command in (each for path in TEMPLATES for each in commands(path)):
        words = command.split()
        if words[0] in ("fix", "compute", "dump"):
            named.add((words[0], words[3]))
        elif words[0].endswith("_style") and words[0] != "thermo_style":
            kind = words[0].removesuffix("_style").replace("min", "minimize")
            named.add((kind, words[1]))
    for module_kind in ("compute", "fix", "dump", "atom", "minimize", "kspace"):
        listed = {pair for pair in NEEDED if pair[0] == module_kind} | {
            pair for pair in UNSAID if pair[0] == module_kind
        }
        assert {pair for pair in named if pair[0] == module_kind} == listed
    assert {pair for pair in named if pair[0] == "pair"} <= NEEDED


NEEDED = {(each.kind, each.name) for each in NEEDED_STYLES}


def test_every_style_that_styles_in_can_name_is_in_the_list_and_no_other() -> None:
    (pair,) = re.findall(r"^pair_style (\S+)", styles_file._HEAD, re.MULTILINE)
    soft = {"soft"}  # of minimize.in
    assert by_kind("pair") == {pair} | soft
    bonded = set().union(*(by_kind(kind) for kind in KINDS[1:]))
    assert bonded == set(styles_file._WRITERS)


def test_both_fields_write_styles_of_the_list_under_their_kind() -> None:
    for field in ("gaff2", "oplsaa"):
        text = resource("data", "probe", f"{field}.styles.in").read_text()
        for kind, name in re.findall(r"^(\w+)_style (\S+)", text, re.MULTILINE):
            assert name in by_kind(kind), (field, kind)


@pytest.mark.lammps
def test_every_command_of_the_templates_is_built_in_or_in_the_list(lmp: str) -> None:
    answer = subprocess.run([lmp, "-h"], capture_output=True, text=True, check=True).stdout
    add_on = parse_styles(answer)["command"]
    used = {command.split()[0] for path in TEMPLATES for command in commands(path)}
    assert used & add_on == by_kind("command")


@pytest.mark.lammps
def test_this_lammps_has_them_all_and_says_its_packages(lmp: str) -> None:
    answer = subprocess.run([lmp, "-h"], capture_output=True, text=True, check=True).stdout
    styles = parse_styles(answer)
    assert missing_styles(styles) == ()
    assert parse_version(answer)
    assert set(packages_of(NEEDED_STYLES)) <= set(parse_packages(answer))
    faster, others = with_suffix(styles, "omp")
    assert "dihedral fourier" in map(str, faster)
    assert "fix shake" in map(str, others)
    assert set(ACCELERATORS.values()) >= {"OPT", "OPENMP"}


def test_a_lammps_without_a_package_lacks_its_styles() -> None:
    has = "* Dihedral styles:\n\nopls opls/kk\n\n* Improper styles:\n\ncvff\n"
    missing = [each for each in missing_styles(parse_styles(has)) if each.kind == "dihedral"]
    assert list(map(str, missing)) == ["dihedral fourier"]
    assert packages_of(missing) == ("EXTRA-MOLECULE",)
