import tomllib

import pytest

from iemhpc.errors import InputError
from iemhpc.resources import resource
from iemhpc.settings.profile_text import with_size, with_values

PROFILE = """\
# ours
scheduler = "slurm"   # the only one
# suffix = "kk"       not yet
lammps_options = [    # two words
  "-var", "a#b",
]  # end
wall_hours = 2

[[sizes]]             # small
up_to_atoms = 8000
cores_per_run = 8     # measured

[[sizes]]
up_to_atoms = 90000
cores_per_run = 32
"""


def test_comments_order_and_other_keys_stay() -> None:
    new = with_values(PROFILE, {"lammps_options": ["-nc"], "suffix": "omp"}, note="tuned")
    assert '\nlammps_options = ["-nc"]  # end\nwall_hours = 2\n# tuned\nsuffix = "omp"\n\n' in new
    for kept in ("# ours", "# the only one", '# suffix = "kk"       not yet', "# small", "# meas"):
        assert kept in new
    assert tomllib.loads(new) == tomllib.loads(PROFILE) | {
        "lammps_options": ["-nc"],
        "suffix": "omp",
    }


def test_setting_the_same_values_again_changes_nothing() -> None:
    once = with_values(PROFILE, {"suffix": "omp"}, note="tuned")
    assert with_values(once, {"suffix": "omp"}, note="tuned") == once


@pytest.mark.parametrize(("n_atoms", "cores"), [(6300, (4, 32)), (20_000, (8, 4)), (10**7, (8, 4))])
def test_the_size_that_holds_the_box_is_changed(n_atoms: int, cores: tuple[int, int]) -> None:
    new = with_size(PROFILE, n_atoms=n_atoms, cores_per_run=4)
    sizes = tomllib.loads(new)["sizes"]
    assert tuple(size["cores_per_run"] for size in sizes) == cores
    assert "# measured" in new


def test_sizes_in_one_line_are_changed_too() -> None:
    text = "sizes = [{ up_to_atoms = 9, cores_per_run = 1 }] # here\n"
    assert with_size(text, n_atoms=5, cores_per_run=2) == (
        "sizes = [{ up_to_atoms = 9, cores_per_run = 2 }] # here\n"
    )


@pytest.mark.parametrize(
    "path", sorted(resource("jobs", "clusters").glob("*.toml")), ids=lambda path: path.stem
)
def test_every_shipped_profile_can_be_tuned(path) -> None:
    text = path.read_text()
    values = {"suffix": "omp", "threads_per_process": 2, "lammps_options": []}
    new = with_size(with_values(text, values), n_atoms=6300, cores_per_run=4)
    assert tomllib.loads(new)["suffix"] == "omp"
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments == [line for line in new.splitlines() if line.startswith("#")]


def test_a_profile_that_hides_its_key_is_not_changed() -> None:
    with pytest.raises(InputError, match=r'changed as text; write into it by hand: suffix = "omp"'):
        with_values('"suffix" = "opt"\n', {"suffix": "omp"})
