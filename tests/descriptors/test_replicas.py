import numpy as np
import pytest

from iemhpc.descriptors.replicas import combine_replicas, write_replicas
from iemhpc.tables.averaging import average
from iemhpc.tables.descriptors import PAIRS
from iemhpc.tables.io import read_table
from iemhpc.tables.replicas import NUMBERS, REPLICA_TABLE

F = "counterion_water_coordination_number"


def row(run_id, *, number=4.0, error=0.1, **changes):
    return {
        "run_id": run_id,
        "system": "CR61/NaCl",
        "polymer_hash": "p",
        "conditions_hash": "c",
        "temperature_K": 298.15,
        "realised_salt_molar": 0.1,
        "sampled_ps": 50.0,
        "site_convention": "paper",
        "estimator": "e",
        **dict.fromkeys(NUMBERS, 1.0),
        **{f"{name}_se": 0.1 for name in NUMBERS},
        **{f"{pair}_flags": "" for pair in PAIRS},
        F: number,
        f"{F}_se": error,
        **changes,
    }


def test_the_spread_between_builds_is_the_error_of_their_mean():
    # two builds whose blocks of time say .006: twenty times too little
    (found,) = combine_replicas(
        [row("a", number=0.177, error=6e-3), row("b", number=0.357, error=6e-3)]
    )
    assert found[F] == pytest.approx(0.267)
    assert found[f"{F}_se"] == pytest.approx(0.09)
    assert found[f"{F}_spread"] == pytest.approx(0.18 / np.sqrt(2))
    assert (found["run_ids"], found["n_builds"], found["sampled_ps"]) == ("a,b", 2, 100.0)


def test_builds_that_agree_by_chance_are_not_known_better_than_their_runs():
    (found,) = combine_replicas([row("a", error=0.1), row("b", error=0.2)])
    assert found[f"{F}_spread"] == 0.0
    assert found[f"{F}_se"] == pytest.approx(1 / np.sqrt(1 / 0.01 + 1 / 0.04))


def test_the_error_of_three_builds_holds_the_truth():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(1000):
        values = 4.0 + rng.normal(scale=np.hypot(0.1, 0.3), size=3)  # runs see only .1 of it
        found = average(values.tolist(), [0.1] * 3)
        covered.append(abs(found.value - 4.0) <= found.error)
    assert 0.5 < np.mean(covered) < 0.75


def test_a_number_that_some_builds_lack_is_the_mean_of_the_others_and_flags_are_of_any():
    rows = [
        row("a", number=None, error=None, counterion_water_flags="not_converged"),
        row("b", counterion_water_flags="plateau"),
        row("c", counterion_water_flags=""),
    ]
    (found,) = combine_replicas(rows)
    assert (found[F], found[f"{F}_n_builds"], found["n_builds"]) == (4.0, 2, 3)
    assert found["counterion_water_flags"] == "plateau,not_converged"
    (nobody,) = combine_replicas(rows[:1])
    assert (nobody[F], nobody[f"{F}_se"], nobody[f"{F}_n_builds"]) == (None, None, 0)


def test_a_single_build_keeps_its_own_error_and_has_no_spread():
    (found,) = combine_replicas([row("a", error=0.3)])
    assert (found[F], found[f"{F}_se"], found[f"{F}_spread"]) == (4.0, pytest.approx(0.3), None)


def test_only_runs_that_differ_by_the_seed_alone_are_combined(tmp_path):
    rows = [
        row("a"),
        row("b", conditions_hash="d"),
        row("c", site_convention="center"),
        row("d", conditions_hash=None, polymer_hash=None, system=None),
    ]
    assert [found["run_ids"] for found in combine_replicas(rows)] == ["a", "b", "c"]
    path = tmp_path / "replicas.parquet"
    write_replicas(path, rows[3:], provenance={})
    assert not path.exists()
    write_replicas(path, rows, provenance={"estimator": "e"})
    assert read_table(path, REPLICA_TABLE, made_by="").num_rows == 3
