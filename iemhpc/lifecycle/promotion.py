"""Whether a new model takes over, and the switch of ``models/current`` that nobody sees half done.

A model that cannot be used always gives way. One that can stays unless the new one is better on
held-out points of both, more clearly than chance would have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from iemhpc.errors import BundleError
from iemhpc.lifecycle.comparison import Comparison, compare_errors, held_out_by_both
from iemhpc.model.bundle import Bundle, current_path, load_bundle, set_current
from iemhpc.settings.retrain import CompareSettings
from iemhpc.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one level."""

    level: str
    """What the models see."""
    challenger: str
    """Hash of the new bundle."""
    champion: str | None
    """Hash of the bundle that was current; None: there was none that could be used."""
    is_switched: bool
    """Whether the new one is current now."""
    reason: str
    """Why."""
    comparison: Comparison | None = None
    """The errors of both, where they were compared."""

    def line(self) -> str:
        """Return what a person reads."""
        what = f"switched to {self.challenger}" if self.is_switched else f"stays {self.champion}"
        return f"{self.level}: {what}: {self.reason}"


def judge(workspace: Workspace, challenger: Bundle, *, settings: CompareSettings) -> Verdict:
    """Compare a new bundle with the current one of its level; changes nothing.

    Parameters
    ----------
    workspace : Workspace
        Where the current bundle lies.
    challenger : Bundle
        The new one.
    settings : CompareSettings
        How clear the difference must be.
    """
    champion, problem = _champion(workspace, challenger)
    if champion is None:
        return _verdict(challenger, None, is_switched=True, reason=problem)
    if champion.hash == challenger.hash:
        return _verdict(challenger, champion, is_switched=False, reason="it is the same model")
    unknown = [name for name in champion.inputs if name not in challenger.inputs]
    if unknown:
        reason = f"the current model sees {', '.join(unknown)}, the new one's points lack it"
        return _verdict(challenger, champion, is_switched=False, reason=reason)
    points = held_out_by_both(challenger.points, champion.points)
    if len(points) < settings.min_rows:
        reason = (
            f"{len(points)} points are held out by both, fewer than the {settings.min_rows} that "
            "a comparison needs (compare.min_rows)"
        )
        return _verdict(challenger, champion, is_switched=False, reason=reason)
    old, new = _errors(champion, points), _errors(challenger, points)
    if not np.isfinite(old).all() or not np.isfinite(new).all():
        is_switched = bool(np.isfinite(new).all())
        whose = "the current" if is_switched else "the new"
        reason = f"predictions of {whose} model are not all numbers"
        return _verdict(challenger, champion, is_switched=is_switched, reason=reason)
    comparison = compare_errors(old, new)
    is_better = comparison.share_better >= settings.confidence
    wanted = "" if is_better else f", wanted {100 * settings.confidence:.0f} %"
    reason = comparison.line() + wanted
    return _verdict(challenger, champion, is_switched=is_better, reason=reason, found=comparison)


def carry_out(workspace: Workspace, verdict: Verdict) -> None:
    """Make the new bundle current where the verdict says so, in one step."""
    if verdict.is_switched:
        set_current(workspace, verdict.level, verdict.challenger)


def _champion(workspace: Workspace, challenger: Bundle) -> tuple[Bundle | None, str]:
    """Return the current bundle, or None and why there is none that could be compared."""
    path = current_path(workspace, challenger.level)
    if not path.is_symlink():
        return None, "there was no current model"
    try:
        champion = load_bundle(path)
    except BundleError as error:
        return None, f"the current model cannot be used: {error}"
    if not set(champion.label_kinds) & set(challenger.label_kinds):
        return None, (
            f"the current model {champion.hash} predicts {'/'.join(champion.label_kinds)}, the "
            f"data now holds {'/'.join(challenger.label_kinds)}"
        )
    return champion, ""


def _errors(bundle: Bundle, points: list[Mapping[str, Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    frame = pd.DataFrame([dict(point) for point in points])
    errors = np.abs(bundle.gamma(frame).mean(axis=0) - frame["label"].to_numpy())
    return np.asarray(errors, dtype=np.float64)


def _verdict(
    challenger: Bundle,
    champion: Bundle | None,
    *,
    is_switched: bool,
    reason: str,
    found: Comparison | None = None,
) -> Verdict:
    return Verdict(
        level=challenger.level,
        challenger=challenger.hash,
        champion=champion.hash if champion else None,
        is_switched=is_switched,
        reason=reason,
        comparison=found,
    )
