"""Where runs that are started again go: as before, or as ``campaign.toml`` says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iemhpc.errors import IemhpcError, InputError
from iemhpc.scheduler.facts import JobFacts
from iemhpc.scheduler.submission import open_scheduler
from iemhpc.settings.campaign import read_campaign
from iemhpc.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run goes."""

    cluster: str
    """Name or path of a profile."""
    cores_per_run: int | None
    """None: as the profile says."""


def places_of(
    workspace: Workspace,
    jobs: Mapping[Path, JobFacts | None],
    *,
    cluster: str | None,
    cores_per_run: int | None,
) -> tuple[dict[Path, Place], dict[str, str]]:
    """Return where runs go, and of those that can go nowhere why.

    Parameters
    ----------
    workspace : Workspace
        Whose profiles and ``campaign.toml`` are read.
    jobs : mapping of Path to JobFacts or None
        Run -> how it was handed over before.
    cluster : str, optional
        Wins over both.
    cores_per_run : int, optional
        Wins over the campaign's.

    Raises
    ------
    IemhpcError
        What is wrong, where that is the same for all of them.
    """
    found, errors = dict[Path, Place](), dict[Path, IemhpcError]()
    unusable = dict[Place, IemhpcError | None]()
    for run, job in jobs.items():
        try:
            place = _place(workspace, job, run, cluster=cluster, cores_per_run=cores_per_run)
        except IemhpcError as error:
            errors[run] = error
            continue
        if place not in unusable:
            unusable[place] = _what_is_wrong(workspace, place)
        wrong = unusable[place]
        if wrong is None:
            found[run] = place
        else:
            errors[run] = wrong
    if errors and len(errors) == len(jobs) and len({str(error) for error in errors.values()}) == 1:
        raise next(iter(errors.values()))
    return found, {run.name: str(error) for run, error in errors.items()}


def _place(
    workspace: Workspace,
    job: JobFacts | None,
    run: Path,
    *,
    cluster: str | None,
    cores_per_run: int | None,
) -> Place:
    if cluster:
        return Place(cluster=cluster, cores_per_run=cores_per_run)
    if job is not None:
        name = job.cluster or {"local": "this-machine"}.get(job.scheduler, job.scheduler)
        return Place(cluster=name, cores_per_run=cores_per_run)
    if not workspace.campaign.exists():
        raise InputError(
            f"{run.name} was never submitted, and there is no {workspace.campaign.name} that says "
            "where to; give --cluster NAME (iemhpc cluster list)"
        )
    campaign = read_campaign(workspace.campaign)
    return Place(cluster=campaign.cluster, cores_per_run=cores_per_run or campaign.cores_per_run)


def _what_is_wrong(workspace: Workspace, place: Place) -> IemhpcError | None:
    try:
        open_scheduler(workspace, place.cluster, cores_per_run=place.cores_per_run)
    except IemhpcError as error:
        return error
    return None
