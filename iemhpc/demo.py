"""The whole pipeline on three small real boxes and the theory set: what a newcomer runs first.

Nothing stored is read: LAMMPS runs now. Each stage is the function behind its command, so what the
demo does can be typed by hand in the same folder; run again, every stage finds its work done.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iemhpc.errors import IemhpcError, unknown_name
from iemhpc.progress import Say, quiet
from iemhpc.workspace import Workspace, lock, write_text

CAMPAIGN = """\
# The campaign of `iemhpc demo`: three membranes in boxes of about 24 Å, tens of picoseconds each.
# Real, but short: it shows that every stage works, and its numbers are examples. `iemhpc init` in
# another folder writes a campaign to start work from.
box_A = 24.0
replicas = 1
seed = 1
protocol = "{protocol}"
cluster = "this-machine"

[[systems]]                      # sulfonated polystyrene-divinylbenzene (cation exchange)
membrane = "CR61"
salts = ["NaCl"]
salt_molar = [1.0]

[[systems]]                      # Nafion with a divalent counter-ion
membrane = "Nafion"
salts = ["MgCl2"]
salt_molar = [1.0]

[[systems]]                      # pyridinium iodide block copolymer (anion exchange)
membrane = "PSbNMP-BCE"
salts = ["KI"]
salt_molar = [1.0]
"""

PROTOCOLS = {"demo": "demo", "test": "test"}
"""Size of the demo -> molecular-dynamics protocol of its campaign."""

TUNE_CHANGES: dict[str, dict[str, Any]] = {
    "demo": {},
    "test": {"hidden": (32,), "learning_rate": (0.005,), "max_epochs": 30, "patience": 15},
}
"""Size of the demo -> changes of the preset ``demo`` of ``iemhpc tune``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo left behind."""

    page: Path
    """The report."""
    retrain: Path
    """A retrain.toml to try."""
    seconds: dict[str, float]
    """Wall time of each stage."""

    def lines(self) -> list[str]:
        """Return what a person should do next."""
        total = sum(self.seconds.values())
        root = self.retrain.parent
        # as it was called: make demo calls it by its path, in an environment nobody activated
        program = sys.argv[0] if Path(sys.argv[0]).name == "iemhpc" else "iemhpc"
        return [
            f"The whole pipeline took {total / 60:.1f} minutes; everything is in {root}",
            f"predict:  {program} predict CR61 --salt NaCl --salt-molar 0.5 --workspace {root}",
            f"retrain:  {program} retrain --config {self.retrain} --workspace {root}",
            f"page:     {self.page}",
        ]


def run_demo(workspace: Workspace, *, size: str = "demo", say: Say = quiet) -> Demo:
    """Run every stage in its order; what is done already is not done again.

    Parameters
    ----------
    workspace : Workspace
        A folder of the demo's own; made where it does not exist.
    size : {"demo", "test"}
        ``demo``: ten minutes on two cores. ``test``: the same stages, picoseconds and few epochs.
    say : callable
        Gets the lines of progress.

    Raises
    ------
    IemhpcError
        Where a stage cannot go on; the message says why.
    """
    if size not in PROTOCOLS:
        raise unknown_name("size of the demo", size, PROTOCOLS)
    workspace.root.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    stages = _stages(workspace, size, say)
    with lock(workspace.root / ".demo.lock", what="iemhpc demo"):
        for number, (name, stage) in enumerate(stages.items(), start=1):
            say(f"[{number}/{len(stages)}] {name}")
            began = time.monotonic()
            for line in stage().lines():
                say(f"      {line}")
            seconds[name] = time.monotonic() - began
            say(f"      done in {seconds[name]:.1f} s")
    return Demo(page=workspace.report, retrain=_retrain_file(workspace), seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Said:
    """Lines of a stage that has no summary of its own."""

    text: tuple[str, ...]

    def lines(self) -> list[str]:
        return list(self.text)


def _stages(workspace: Workspace, size: str, say: Say) -> dict[str, Callable[[], Any]]:
    return {
        "doctor: what is here": lambda: _examine(workspace),
        "md-submit: build three membranes and run LAMMPS": lambda: _simulate(workspace, size, say),
        "descriptors: three RDFs, twelve numbers a run": lambda: _extract(workspace, say),
        "dataset: theory labels joined with the runs": lambda: _assemble(workspace, say),
        "tune: the graph network in 11 folds under Ray": lambda: _tune(workspace, size, say),
        "saliency: which atoms raise, which lower": lambda: _explain(workspace, say),
        "predict: CR61 in 0.5 mol/L NaCl": lambda: _predict(workspace),
        "report: one page": lambda: _report(workspace, say),
    }


def _examine(workspace: Workspace) -> _Said:
    from iemhpc.doctor import examine

    missing = [check for check in examine(workspace.root) if not check.found]
    names = ", ".join(check.name for check in missing) or "nothing"
    return _Said((f"not here: {names} (iemhpc doctor says what for)",))


def _simulate(workspace: Workspace, size: str, say: Say) -> Any:
    from iemhpc.campaign import submit_campaign

    if not workspace.campaign.exists():
        write_text(workspace.campaign, CAMPAIGN.format(protocol=PROTOCOLS[size]))
    summary = submit_campaign(workspace, say=_indented(say))
    if summary.failed:
        raise IemhpcError(
            f"{len(summary.failed)} of {len(summary.runs)} runs failed: "
            + "; ".join(f"{r.run_id} ({r.system}): {r.reason}" for r in summary.runs if r.reason)
        )
    return summary


def _extract(workspace: Workspace, say: Say) -> Any:
    from iemhpc.descriptors.extract import extract_runs

    summary = extract_runs(workspace, say=_indented(say))
    if summary.failed:
        raise IemhpcError("; ".join(f"{run}: {why}" for run, why in summary.failed.items()))
    return summary


def _assemble(workspace: Workspace, say: Say) -> Any:
    from iemhpc.dataset.assemble import build_dataset

    return build_dataset(workspace, say=_indented(say))


def _tune(workspace: Workspace, size: str, say: Say) -> Any:
    from iemhpc.model.tuning import TuneRequest, tune

    return tune(workspace, TuneRequest.of("demo", **TUNE_CHANGES[size]), say=_indented(say))


def _explain(workspace: Workspace, say: Say) -> Any:
    from iemhpc.saliency.export import export_saliency

    return export_saliency(workspace, say=_indented(say))


def _predict(workspace: Workspace) -> Any:
    from iemhpc.model.asking import predict_point

    return predict_point(workspace, "CR61", "NaCl", salt_molar=0.5)


def _report(workspace: Workspace, say: Say) -> Any:
    from iemhpc.report.page import write_report

    return write_report(workspace, say=_indented(say))


def _retrain_file(workspace: Workspace) -> Path:
    from iemhpc.settings.retrain import write_retrain

    return write_retrain(workspace)


def _indented(say: Say) -> Say:
    return lambda line: say(f"      {line}")
