"""Train the challengers and judge each against the current model of its level."""

from dataclasses import replace

from iemhpc.lifecycle.promotion import Verdict, carry_out, judge
from iemhpc.model.request import TuneRequest
from iemhpc.model.tuning import tune
from iemhpc.progress import Say, quiet
from iemhpc.settings.retrain import RetrainSettings, TuneSettings
from iemhpc.workspace import Workspace


def request_of(settings: TuneSettings) -> TuneRequest:
    """Return the grid of a ``retrain.toml``.

    Several seeds share one test set, the first seed's: otherwise hardly any point would be held
    out both by the new model and by the old one.

    Examples
    --------
    >>> request_of(TuneSettings(preset="paper")).split_seed
    28
    >>> request_of(TuneSettings(preset="demo")) == TuneRequest.of("demo")
    True
    """
    changes = settings.model_dump(exclude={"preset", "gpus", "address"})
    request = TuneRequest.of(settings.preset, **changes)
    if len(request.seeds) > 1 and request.split_seed is None:
        return replace(request, split_seed=request.seeds[0])
    return request


def challenge(
    workspace: Workspace, settings: RetrainSettings, *, fresh: bool = False, say: Say = quiet
) -> tuple[str, tuple[Verdict, ...]]:
    """Train the grid, compare the best model of each level with the current one, and switch.

    Parameters
    ----------
    workspace : Workspace
        With its ``dataset.parquet``.
    settings : RetrainSettings
        The grid, and how clear a difference must be.
    fresh : bool
        Whether to train anew what is trained already, because its bundles are damaged.

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
        fresh=fresh,
        say=say,
    )
    verdicts = []
    for bundle in summary.bundles:
        verdict = judge(workspace, bundle, settings=settings.compare)
        carry_out(workspace, verdict)
        say(verdict.line())
        verdicts.append(verdict)
    return summary.tuning_id, tuple(verdicts)
