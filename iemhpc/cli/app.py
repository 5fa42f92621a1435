"""The command line: one Typer application, one way of ending in an error.

Nothing heavy is imported here; each command imports what it needs in its body, so that
``iemhpc --help`` is immediate.
"""

import os
import signal
import sys
import traceback
from typing import Annotated

import typer

from iemhpc import __version__
from iemhpc.cli import clusters, describe, learn, operate, simulate, watch
from iemhpc.errors import IemhpcError

app = typer.Typer(
    name="iemhpc",
    help="Activity coefficients of ions in ion-exchange membranes, from chemical structure: "
    "init, md-submit, descriptors, tune, saliency, report, in this order.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

dataset = typer.Typer(
    name="dataset",
    help="Labels joined with descriptors: what is learnt from.",
    no_args_is_help=True,
)
models = typer.Typer(
    name="models", help="Trained ensembles in this workspace.", no_args_is_help=True
)
cluster = typer.Typer(
    name="cluster", help="The machines that runs go to: profiles.", no_args_is_help=True
)


INTERRUPTED = 130
"""Exit code of Ctrl-C, as shells have it."""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"iemhpc {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    show_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error was raised.")
    ] = False,
) -> None:
    """Read the options that may stand before or after the command."""
    # --traceback never arrives here: main() takes it out of the words, wherever it stands.


app.command("init")(operate.init)
app.command("demo")(operate.demo)
app.command("doctor")(operate.doctor)
app.command("systems")(operate.systems)
app.command("md-submit")(simulate.md_submit)
app.command("build-run", hidden=True)(simulate.build_run)
app.command("status")(watch.status)
app.command("logs")(watch.logs)
app.command("check")(watch.check)
app.command("cancel")(watch.cancel)
app.command("resubmit")(watch.resubmit)
app.command("descriptors")(describe.descriptors)
dataset.command("build")(learn.dataset_build)
dataset.command("import")(learn.dataset_import)
dataset.command("show")(learn.dataset_show)
app.add_typer(dataset)
app.command("tune")(learn.tune)
app.command("saliency")(learn.saliency)
app.command("predict")(learn.predict)
app.command("report")(learn.report)
app.command("retrain")(operate.retrain)
models.command("list")(operate.models_list)
models.command("show")(operate.models_show)
app.add_typer(models)
cluster.command("list")(clusters.cluster_list)
cluster.command("show")(clusters.cluster_show)
cluster.command("tune")(clusters.cluster_tune)
app.add_typer(cluster)


def main() -> None:
    """Run the command line; errors of ours end in one sentence and their exit code."""
    words = [word for word in sys.argv[1:] if word != "--traceback"]
    for number in (signal.SIGTERM, signal.SIGHUP):
        # so that programs that we started are ended on the way out, as with Ctrl-C
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has HUP ignored: leave that
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        app(words)
    except IemhpcError as error:
        if "--traceback" in sys.argv:
            traceback.print_exc()
        print(f"iemhpc: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if "--traceback" in sys.argv:
            traceback.print_exc()
        print(f"iemhpc: {error}; choose another folder with -w, or mend this one", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("iemhpc: interrupted; the same command goes on where it was", file=sys.stderr)
        raise
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # who read us, head say, has gone: keep Python's own last flush from complaining
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
