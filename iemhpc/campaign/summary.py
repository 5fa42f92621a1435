"""What became of a campaign, for a person to read: its runs, what each box holds, what was done."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from iemhpc.polymer.network import counted
from iemhpc.system.composition import Composition
from iemhpc.system.uptake import box_charge_molar

BRIEF = 120
"""Characters of a reason that was said in full before."""

CANCELLED = "cancelled: iemhpc resubmit RUN"
"""What to say of runs that only a person starts again."""

MOST_BLOCKS = 12
"""Boxes whose composition a dry run shows figure by figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRun:
    """One run of a campaign, and what has become of it."""

    run_id: str
    """Name of its folder."""
    system: str
    """Membrane and salt."""
    salt_molar: tuple[float, ...]
    """Concentrations of the outer solution that it stands for, mol/L."""
    donnan_salt_molar: tuple[float | None, ...]
    """What the sorbed water would hold by Donnan-Manning, mol/L; None where theory cannot say."""
    realised_salt_molar: float
    """Concentration that its whole ions make in the sorbed water, mol/L."""
    water_per_site: float
    """Water molecules per tethered charge."""
    seed: int
    """Which replica."""
    state: str
    """As in ``iemhpc status``; ``new`` where nothing was built, ``not built`` where that failed."""
    reason: str
    """Why, where it failed or did not finish."""
    composition: Composition
    """Counts, capacity, water content, density aimed at, and what was rounded."""
    counterion: str
    """The ion in whose form the dry polymer is weighed."""
    chemistry: Mapping[str, str | float]
    """Arrangement and tacticity, force field, charges, water and ions."""
    units: Mapping[str, str]
    """Name of each repeat unit -> its SMILES."""
    tethered: Mapping[str, str]
    """Name of each charged unit -> its tethered sites, in words."""
    n_atoms: int
    """Of the box."""
    cores_per_run: int
    """Cores that it asks for."""
    core_hours: float
    """Estimated, of the whole run."""
    disk_bytes: int
    """Estimated, of the finished run."""
    core_hours_left: float
    """Of these, for what is not done yet."""
    disk_bytes_left: int
    """Of these, for what is not written yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """What ``iemhpc md-submit`` did, or would do."""

    runs: tuple[CampaignRun, ...]
    """Every run of the campaign."""
    notes: tuple[str, ...]
    """Where rounding to whole ions has moved a concentration; what is not simulated."""
    started: tuple[str, ...]
    """Runs handed over now."""
    job_ids: tuple[str, ...] = ()
    """Jobs of a queue."""
    is_dry: bool = False
    """Whether nothing was done; then what each box would hold is shown."""
    is_submitted: bool = False
    """Whether what was to be done was handed over, be it nothing."""
    retry_failed: bool = False
    """Whether failed runs start again too."""
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Of a dry run: path -> text of the scripts that would be written, equal ones once."""
    show_scripts: bool = False
    """Whether they are among the lines."""
    like_it: Mapping[str, str] = field(default_factory=dict)
    """Path of a script that stands for others -> how many, and what they differ in."""
    cluster: str = ""
    """Where to."""
    unfinished: tuple[str, ...] = ()
    """Runs that are not done though they were waited for."""
    then: str = ""
    """What follows when the runs have ended, and as which job."""
    is_followed: bool = True
    """Whether that was handed over, or has run and ended well, where it was asked for."""
    next_command: str = ""
    """What to type next."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Runs that failed, could not be built, or did not finish though they were waited for."""
        return tuple(
            run.run_id
            for run in self.runs
            if run.state in ("failed", "not built") or run.run_id in self.unfinished
        )

    def lines(self) -> list[str]:
        """Return compositions of a dry run, the table, notes, and what was done.

        The scripts of a dry run come first where they are wanted.
        """
        lines = []
        for path, text in self.scripts.items() if self.show_scripts else ():
            lines += [f"== {path}", *text.rstrip().splitlines()]
            if path in self.like_it:
                lines.append(f"… and {self.like_it[path]}")
            lines.append("")
        if self.is_dry:
            lines += _composition_blocks(self.runs)
        lines += _table(self.runs, with_costs=self.is_dry)
        if self.is_dry:
            lines.append(totals(self.runs, retry_failed=self.retry_failed))
        lines += [f"note: {note}" for note in self.notes]
        if self.scripts and not self.show_scripts:
            lines.append("nothing was written; --scripts shows the job scripts too")
        if self.job_ids:
            lines.append(f"handed over to {self.cluster}: job {', '.join(self.job_ids)}")
        if self.is_submitted and not self.started:
            lines.append(f"nothing to do{_in_brackets(self.runs)}")
        if self.then:
            lines.append(self.then)
        return lines


def _table(runs: tuple[CampaignRun, ...], *, with_costs: bool) -> Iterator[str]:
    """Yield a line a run, as wide as its columns need; numbers stand on the right."""
    columns: dict[str, list[str]] = {
        "run": [run.run_id for run in runs],
        "system": [run.system for run in runs],
        "wanted mol/L": [" ".join(f"{value:g}" for value in run.salt_molar) for run in runs],
        "realised": [f"{run.realised_salt_molar:.3g}" for run in runs],
        "by theory inside": [" ".join(map(_number, run.donnan_salt_molar)) for run in runs],
        "water/site": [f"{run.water_per_site:.4g}" for run in runs],
        "atoms": [f"{run.n_atoms}" for run in runs],
        "force field": _fields(runs),
        "cores": [f"{run.cores_per_run}" for run in runs] if with_costs else [],
        "core-hours": [f"{run.core_hours:.2g}" for run in runs] if with_costs else [],
        "disk": [in_bytes(run.disk_bytes) for run in runs] if with_costs else [],
        "seed": [f"{run.seed}" for run in runs],
        "state": [run.state + _reason(run) for run in runs],
    }
    shown = {name: cells for name, cells in columns.items() if cells or not runs}
    widths = {name: max(map(len, [name, *cells])) for name, cells in shown.items()}
    for row in zip(*([name, *cells] for name, cells in shown.items()), strict=True):
        cells = (
            f"{cell:>{widths[name]}}" if name in _ON_THE_RIGHT else f"{cell:<{widths[name]}}"
            for name, cell in zip(shown, row, strict=True)
        )
        yield "  ".join(cells).rstrip()


_ON_THE_RIGHT = ("realised", "water/site", "atoms", "cores", "core-hours", "disk", "seed")


def _reason(run: CampaignRun) -> str:
    brief = in_brief(run.reason) if run.state == "not built" else run.reason
    return f": {brief}" if brief else ""


def _fields(runs: tuple[CampaignRun, ...]) -> list[str]:
    """Return the force field of each run, charges with it; nothing where all have the same."""
    fields = [
        f"{run.chemistry['force_field']} {str(run.chemistry['charges'])[:12]}" for run in runs
    ]
    return fields if len(set(fields)) > 1 else []


def totals(runs: Sequence[CampaignRun], *, retry_failed: bool = False) -> str:
    """Return what the runs that md-submit would start will cost together, and what of others.

    Parameters
    ----------
    runs : sequence of CampaignRun
        All of the campaign.
    retry_failed : bool
        Whether failed runs start again too.
    """
    states = (*_TO_DO, "failed") if retry_failed else _TO_DO
    left = [run for run in runs if run.state in states or _is_lengthened(run)]
    others = _in_brackets([run for run in runs if run not in left])
    if not left:
        return f"nothing to do{others}"
    return (
        f"in all {counted(len(left), 'run')} to do{others}: about "
        f"{sum(run.core_hours_left for run in left):.3g} core-hours and "
        f"{in_bytes(sum(run.disk_bytes_left for run in left))} of disk"
    )


_TO_DO = ("new", "planned", "interrupted")
"""States from which md-submit starts a run."""

_IN_BRACKETS = {
    "done": "done",
    "queued": "at work",
    "running": "at work",
    "unknown": "unknown: iemhpc status",
    "failed": "failed: --retry-failed starts them again",
    "cancelled": CANCELLED,
    "not built": "not built",
}
"""State of a run that is not started -> what to say of it."""


def _is_lengthened(run: CampaignRun) -> bool:
    return run.state == "done" and run.core_hours_left > 0.0


def _in_brackets(runs: Sequence[CampaignRun]) -> str:
    """Return how many runs are not started and why, in brackets; empty where there are none."""
    counts = Counter(_IN_BRACKETS.get(run.state, run.state) for run in runs)
    order = list(dict.fromkeys(_IN_BRACKETS.values()))
    said = sorted(counts, key=lambda what: order.index(what) if what in order else len(order))
    return f" ({', '.join(f'{counts[what]} {what}' for what in said)})" if said else ""


def in_bytes(size: float) -> str:
    """Return a size of files as people say it.

    Examples
    --------
    >>> in_bytes(7_800_000), in_bytes(2.5e9)
    ('7.8 MB', '2.5 GB')
    """
    units = {1: "kB", 2: "MB", 3: "GB", 4: "TB"}
    power = next((power for power in units if size < 1000.0 ** (power + 1)), 4)
    return f"{size / 1000.0**power:.3g} {units[power]}"


def in_brief(reason: str) -> str:
    r"""Return the beginning of a reason that was said in full before.

    Examples
    --------
    >>> in_brief("mine.toml has no charges for styrene; add:\n\n[[unit]]")
    'mine.toml has no charges for styrene; add: …'
    >>> in_brief(f"antechamber failed: {'its words ' * 20}; give it other charges")[-46:]
    's its words its words …; give it other charges'
    """
    first = reason.partition("\n")[0]
    start, semicolon, remedy = first.rpartition("; ")
    if not semicolon:
        start, remedy = first, ""
    brief = start if len(start) <= BRIEF else f"{start[:BRIEF].rpartition(' ')[0]} …"
    brief += semicolon + remedy
    return brief if first == reason or brief.endswith("…") else f"{brief} …"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _composition_blocks(runs: tuple[CampaignRun, ...]) -> Iterator[str]:
    """Yield a block a box; replicas of one share it."""
    blocks: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        blocks.setdefault(tuple(composition_lines(run)), []).append(run.run_id)
    if len(blocks) > MOST_BLOCKS:
        yield (
            f"{len(blocks)} boxes: what each holds is in --json, or shown with fewer of them; the "
            "table says what was wanted and what whole numbers make of it"
        )
        yield ""
        return
    for (title, *lines), run_ids in blocks.items():
        yield f"== {title}, run{'s' if len(run_ids) > 1 else ''} {' '.join(run_ids)}"
        yield from lines
        yield ""


def composition_lines(run: CampaignRun) -> list[str]:
    """Return what the box of a run holds: a title, then a line a figure."""
    box, chemistry = run.composition, run.chemistry
    architecture = f"{chemistry['arrangement']}, {chemistry['tacticity']}, {box.topology}"
    if box.n_crosslinks:
        architecture += f" with {counted(box.n_crosslinks, 'cross-link')}"
    scale = chemistry["charge_scale"]
    outside = ", ".join(f"{molar:g}" for molar in run.salt_molar)
    units = ", ".join(f"{unit.number} {unit.name}" for unit in box.units)
    form = f"dry in the {run.counterion} form"
    held = {
        "external": "as outside",
        "donnan": "what Donnan-Manning leaves of it beside the box's own fixed charge, "
        f"{box_charge_molar(box.water_per_site):.3g} mol/L",
    }[box.salt_inside]
    figures = {
        "architecture": architecture,
        "chains": f"{box.n_chains} of {counted(box.units_per_chain, 'unit')}: {units}",
        **{f"unit {name.removeprefix('unit ')}": text for name, text in run.units.items()},
        "tethered sites": ", ".join(f"{name}: {what}" for name, what in run.tethered.items()),
        "force field": f"{chemistry['force_field']}, charges {chemistry['charges']}"
        + (f" scaled by {scale:g}" if scale != 1 else ""),
        "water and ions": f"{chemistry['water_model']}, {chemistry['ion_set']}",
        "capacity": f"{box.iec_meq_g:.3f} meq/g {form}",
        "water content": f"{box.water_per_site:.4g} per site, "
        f"{box.water_uptake_g_g:.3g} g/g {form}",
        "counts": f"{counted(box.n_sites, 'site')}, {counted(box.n_counterions, 'counter-ion')}, "
        f"{counted(box.n_coions, 'co-ion')}, {counted(box.n_waters, 'water')}; net charge "
        f"{box.net_charge}",
        "salt outside": f"{outside} mol/L",
        "salt inside": f"wanted {box.inside_salt_molar:.3g} mol/L ({held}), realised "
        f"{box.realised_salt_molar:.3g} ({counted(box.n_pairs, 'ion pair')})",
        "density aimed at": f"{box.density_g_cm3:.3f} g/cm³, a box of {box.box_A:.1f} Å",
        "rounded": "; ".join(box.rounded) or "nothing",
    }
    title = f"composition of {box.system} at {outside} mol/L"
    return [title, *(f"  {name:<17} {text}" for name, text in figures.items())]
