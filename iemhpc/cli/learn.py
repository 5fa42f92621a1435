"""Commands of the ML half: dataset, tune, saliency, predict, report."""

from pathlib import Path
from typing import Annotated

import typer

from iemhpc.cli.options import (
    HERE,
    AddressOption,
    FreshOption,
    GpusOption,
    JsonOption,
    WorkspaceOption,
    integers,
    names,
    numbers,
    say,
    show,
)
from iemhpc.workspace import Workspace


def dataset_build(
    mix_label_kinds: Annotated[
        bool, typer.Option("--mix-label-kinds", help="Let product and mean labels mix.")
    ] = False,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Where no run of yours serves a theory label, take the shipped descriptors of "
            "docs/reference-campaign.md: to try the levels with, no more.",
        ),
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Numbers of dynamics.parquet to take in, e.g. water_cluster_mean_size; a model "
            "sees them by: iemhpc tune --inputs.",
        ),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Join labels with descriptors: one row a point."""
    from iemhpc.dataset.assemble import build_dataset

    show(
        build_dataset(
            Workspace(workspace),
            mix_label_kinds=mix_label_kinds,
            with_reference=reference,
            more=names(more),
            say=say,
        ),
        json=json,
        then="iemhpc tune",
    )


def dataset_import(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx table of measured points.")],
    label_kind: Annotated[
        str | None, typer.Option(help="What the labels are: product, mean or unknown.")
    ] = None,
    label_source: Annotated[str | None, typer.Option(help="Where they come from.")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Take in a lab's own table, or the study's Table S1."""
    from iemhpc.dataset.importing import import_table

    summary = import_table(
        Workspace(workspace), file, label_kind=label_kind, label_source=label_source, say=say
    )
    show(summary, json=json, then="iemhpc dataset build")


def dataset_show(json: JsonOption = False, workspace: WorkspaceOption = HERE) -> None:
    """Show what the dataset holds."""
    from iemhpc.dataset.assemble import describe_dataset

    show(describe_dataset(Workspace(workspace)), json=json)


def tune(
    level: Annotated[
        list[str] | None,
        typer.Option(help="graph, graph+conditions, graph+conditions+md; default: all there are."),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="paper, or demo: a small grid.")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Folds of the cross-validation.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seeds, e.g. 28,42,48.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Widths, e.g. 128,256.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="Rows a step, e.g. 10,20.")] = None,
    learning_rate: Annotated[str | None, typer.Option(help="Rates, e.g. 0.005,0.0005.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs at most.")] = None,
    target: Annotated[str | None, typer.Option(help="gamma or ln_gamma.")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            help="Columns of the dataset that graph+conditions+md sees beside the twelve, e.g. "
            "water_cluster_mean_size."
        ),
    ] = None,
    gpus: GpusOption = 0,
    address: AddressOption = None,
    fresh: FreshOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Train the graph network over the grid, in cross-validation, under Ray."""
    from iemhpc.dataset.assemble import refresh_dataset
    from iemhpc.model.trials import Machines, check_machines
    from iemhpc.model.tuning import TuneRequest
    from iemhpc.model.tuning import tune as run_tuning

    request = TuneRequest.of(
        preset,
        levels=names(level) or None,
        folds=folds,
        seeds=integers(seed, option="--seed"),
        hidden=integers(hidden, option="--hidden"),
        batch_size=integers(batch_size, option="--batch-size"),
        learning_rate=numbers(learning_rate, option="--learning-rate"),
        max_epochs=epochs,
        target=target,
        inputs=names(inputs) or None,
    )
    check_machines(Machines(gpus=gpus, address=address))
    refresh_dataset(Workspace(workspace), say=say)
    summary = run_tuning(
        Workspace(workspace), request, gpus=gpus, address=address, fresh=fresh, say=say
    )
    show(summary, json=json, then="iemhpc saliency")


def saliency(
    model: Annotated[
        str | None, typer.Option(help="A bundle's hash; default: the current one of each level.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Only this level.")] = None,
    columns: Annotated[str, typer.Option(help="Feature columns summed: type or all.")] = "type",
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Draw which atoms raise and which lower the prediction, for every molecule."""
    from iemhpc.saliency.export import export_saliency

    summary = export_saliency(
        Workspace(workspace), bundle=model, level=level, columns=columns, say=say
    )
    show(summary, json=json, then="iemhpc report")


def predict(
    membrane: Annotated[
        str, typer.Argument(help="A catalogue name, a membrane TOML, or a polymer SMILES.")
    ],
    salt: Annotated[str, typer.Option(help="A salt of the catalogue, or its SMILES.")],
    salt_molar: Annotated[float, typer.Option(help="Outer salt concentration, mol/L.")],
    water_per_site: Annotated[
        float | None, typer.Option(help="Water per tethered charge; default: the catalogue's.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Run whose descriptors a +md model takes.")
    ] = None,
    descriptors: Annotated[
        Path | None, typer.Option(help="Parquet or CSV row with the twelve descriptors.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Level of the current model.")] = None,
    model: Annotated[str | None, typer.Option(help="A bundle's hash.")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Predict one activity coefficient, with the spread over the ensemble."""
    from iemhpc.model.asking import predict_point

    prediction = predict_point(
        Workspace(workspace),
        membrane,
        salt,
        salt_molar=salt_molar,
        water_per_site=water_per_site,
        run=run,
        descriptors_file=descriptors,
        level=level,
        bundle=model,
    )
    show(prediction, json=json)


def report(json: JsonOption = False, workspace: WorkspaceOption = HERE) -> None:
    """Write the page: one self-contained HTML file."""
    from iemhpc.report.page import write_report

    show(write_report(Workspace(workspace), say=say), json=json)
