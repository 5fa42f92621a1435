"""Train the challengers and judge each against the current model of its level."""

from iemhpc.lifecycle.promotion import Verdict, carry_out, judge
from iemhpc.model.bundle import load_bundle
from iemhpc.model.request import TuneRequest
from iemhpc.model.tuning import TuneSummary, tune
from iemhpc.progress import Say, quiet
from iemhpc.settings.retrain import RetrainSettings, TuneSettings
from iemhpc.workspace import Workspace


def request_of(settings: TuneSettings) -> TuneRequest:
    """Return the grid of a ``retrain.toml``.

    Examples
    --------
    >>> request_of(TuneSettings(preset="demo")) == TuneRequest.of("demo")
    True
    """
    changes = settings.model_dump(exclude={"preset", "gpus", "address"})
    return TuneRequest.of(settings.preset, **changes)


def challenge(
    workspace: Workspace, settings: RetrainSettings, *, say: Say = quiet
) -> tuple[str, tuple[Verdict, ...]]:
    """Train the grid, compare the best model of each level with the current one, and switch.

    Parameters
    ----------
    workspace : Workspace
        With its ``dataset.parquet``.
    settings : RetrainSettings
        The grid, and how clear a difference must be.

    Returns
    -------
    str
        The tuning.
    tuple of Verdict
        One a level that the data allow.
    """
    summary = tune(
        workspace,
        request_of(settings.tune),
        gpus=settings.tune.gpus,
        address=settings.tune.address,
        say=say,
    )
    verdicts = []
    for level, name in {one.level: one.bundle for one in summary.levels}.items():
        if level in summary.current:
            verdict = _first(summary, level)
        else:
            challenger = load_bundle(workspace.models / name)
            verdict = judge(workspace, challenger, settings=settings.compare)
            carry_out(workspace, verdict)
        say(verdict.line())
        verdicts.append(verdict)
    return summary.tuning_id, tuple(verdicts)


def _first(summary: TuneSummary, level: str) -> Verdict:
    """Return the verdict on a bundle that the tuning made current itself."""
    return Verdict(
        level=level,
        challenger=summary.current[level],
        champion=None,
        is_switched=True,
        reason="there was no current model",
    )
