"""A tuning's best setting, written into the profile where that is still what was measured."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iemhpc.campaign.tuning_choice import TuneReport
from iemhpc.errors import InputError, ProgramError
from iemhpc.probing.timing import coulomb_options, plain_options
from iemhpc.probing.timing_answers import Measurement
from iemhpc.resources import resource
from iemhpc.settings.cluster import ClusterSettings
from iemhpc.settings.profile_text import with_size, with_values
from iemhpc.settings.reading import validate_settings
from iemhpc.workspace import Workspace, lock, write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile as it was before the measurements."""

    name: str
    path: Path
    text: str

    def target(self, workspace: Workspace) -> Path:
        """Return where changes go: a shipped one is copied to the workspace."""
        is_shipped = self.path.parent == resource("jobs", "clusters")
        return workspace.root / "clusters" / f"{self.name}.toml" if is_shipped else self.path


def remember(name: str, path: Path) -> Profile:
    """Return a profile as it is now."""
    return Profile(name=name, path=path, text=path.read_text(encoding="utf-8"))


def write_best(workspace: Workspace, profile: Profile, report: TuneReport) -> Path:
    """Write the best setting into a profile; a shipped one is copied to the workspace first.

    Comments, order and all other keys stay. The file is replaced whole, under a lock, and only
    where it says what it said before the measurements: two tunes, or a tune and an editor, do not
    undo each other.

    Raises
    ------
    ProgramError
        Where nothing could be measured.
    InputError
        Where the profile has changed since, or cannot be changed as text.
    LockedError
        Where another process is writing it.
    """
    best = report.best
    if best is None:
        raise ProgramError(f"{profile.name}: no setting could be measured: nothing is written")
    target = profile.target(workspace)
    new = _new_text(profile, report, best, where=f"the best for {target}")
    with lock(target.with_name(f".{target.name}.lock"), what=f"tuning {profile.name}"):
        _check_unchanged(profile, target)
        write_text(target, new)
    return target


def _check_unchanged(profile: Profile, target: Path) -> None:
    there = target.read_text(encoding="utf-8") if target.exists() else None
    if there != (profile.text if target == profile.path else None):
        raise InputError(
            f"{target} has changed since the measurements began, by another tune or by hand, and "
            "stays as it is; tune again, or write the best into it by hand"
        )


def _new_text(profile: Profile, report: TuneReport, best: Measurement, *, where: str) -> str:
    old = validate_settings(tomllib.loads(profile.text), ClusterSettings, where=str(profile.path))
    changed = {
        key: value
        for key, value in _values(old, best, cutoff_A=report.cutoff_A).items()
        if _plain(getattr(old, key)) != value
    }
    note = (
        f"iemhpc cluster tune, {datetime.now(UTC):%Y-%m-%d}: {report.what}, {report.n_atoms} atoms"
    )
    new = with_values(profile.text, changed, note=note)
    new = with_size(new, n_atoms=report.n_atoms, cores_per_run=best.cores, note=note)
    validate_settings(tomllib.loads(new), ClusterSettings, where=where)
    return new


def _values(old: ClusterSettings, best: Measurement, *, cutoff_A: float) -> dict[str, Any]:
    options = plain_options(old.lammps_options)
    if best.coulomb_A != cutoff_A:
        options += coulomb_options(best.coulomb_A)
    return {
        "suffix": best.suffix,
        "threads_per_process": best.threads,
        "lammps_options": list(options),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
