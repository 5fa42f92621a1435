"""What a probe's answers are worth: styles, processes and threads, energies, stages.

Two energies agree where they differ by at most 0.005 kcal/mol or 1e-4 of their size: packages that
compute in single precision differ by a tenth of that, another mixing rule, another factor of 1-4
pairs or another unit by a hundred times.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iemhpc.errors import InputError, ProgramError
from iemhpc.lammps.failures import explain_error
from iemhpc.lammps.log_file import error_lines
from iemhpc.lammps.needed_styles import (
    ACCELERATORS,
    NEEDED_STYLES,
    missing_styles,
    parse_packages,
    parse_styles,
    parse_version,
    with_suffix,
)
from iemhpc.probing.one_off import text_of
from iemhpc.resources import resource
from iemhpc.scheduler.run_files import read_status
from iemhpc.workspace import read_json

FIELDS = ("gaff2", "oplsaa")
"""Force fields of the tiny box."""

ABSOLUTE_KCAL_MOL, RELATIVE = 0.005, 1e-4
"""By how much a kind of energy may differ: the larger of the two."""

_GRID = re.compile(r"(\d+) by (\d+) by (\d+) MPI processor grid")
_THREADS = re.compile(r"(\d+) OpenMP thread\(s\) per MPI task|MPI tasks? x (\d+) OpenMP threads")
_ENDED_AT_ITS_LIMIT = (124, 137)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEnergies:
    """``data/probe/energies.json``: what two engines say of the tiny box."""

    cutoff_A: float
    """Of Lennard-Jones and of the Coulomb sum in real space."""
    kcal_mol: Mapping[str, Mapping[str, float]]
    """Force field -> kind of term -> energy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAnswer:
    """What one force field gave."""

    force_field: str
    energies_kcal_mol: Mapping[str, float]
    """Kind of term -> energy; empty where LAMMPS ended before."""
    worst: str
    """Kind that is farthest from the known energy, compared with what is allowed."""
    difference_kcal_mol: float
    """By so much."""
    agrees: bool
    """Whether every kind does."""
    stages: str
    """``done``, or why a run of all stages ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What a cluster's LAMMPS can do, and where it cannot do what we need."""

    cluster: str
    """Name of the profile."""
    host: str
    """Node that answered."""
    ended: str
    """When, UTC."""
    version: str
    """Of LAMMPS; empty where it did not start."""
    packages: tuple[str, ...]
    """It was built with."""
    missing: tuple[str, ...]
    """Styles that we use and it has not, and the package that brings each."""
    suffix: str
    """That the profile turns on."""
    accelerated: tuple[str, ...]
    """Styles that the suffix makes faster."""
    plain: tuple[str, ...]
    """Styles that have no such version here: LAMMPS takes the plain ones."""
    processes_asked: int
    processes: int
    """MPI processes that LAMMPS started with, by its own log; 0 where it did not say."""
    threads_asked: int
    threads: int
    """OpenMP threads of each; 1 where LAMMPS was built without."""
    fields: tuple[FieldAnswer, ...]
    """One a force field."""
    problems: tuple[str, ...]
    """What has to be mended before runs go there."""

    @property
    def passes(self) -> bool:
        """Whether runs can go there."""
        return not self.problems

    def lines(self) -> list[str]:
        """Return what a person reads."""
        lines = [f"probe of {self.cluster} on {self.host}, {self.ended}"]
        if self.version:
            has = len(NEEDED_STYLES) - len(self.missing)
            started = f"{self.processes} MPI {'process' if self.processes == 1 else 'processes'}"
            threads = f"{self.threads} {'thread' if self.threads == 1 else 'threads'} each"
            lines += [
                f"  LAMMPS {self.version}, {len(self.packages)} packages; {has} of "
                f"{len(NEEDED_STYLES)} styles we use",
                f"  started: {started}, {threads} (asked for: {self.processes_asked}, "
                f"{self.threads_asked})",
            ]
        if self.suffix and self.version:
            lines.append(f"  suffix {self.suffix}: faster are {', '.join(self.accelerated)}")
            lines.append(f"  as they are: {', '.join(self.plain) or 'none'}")
        for answer in self.fields:
            if answer.energies_kcal_mol:
                verdict = "as known" if answer.agrees else "NOT as known"
                lines.append(
                    f"  {answer.force_field}: energies {verdict}, largest difference "
                    f"{answer.difference_kcal_mol:.1g} kcal/mol ({answer.worst}); all stages: "
                    f"{answer.stages}"
                )
        lines += [f"  PROBLEM: {problem}" for problem in self.problems]
        if self.passes:
            lines.append("  runs can go there")
        return lines


def known_energies() -> KnownEnergies:
    """Return what the tiny box has to give."""
    stored = read_json(resource("data", "probe", "energies.json"))
    return KnownEnergies(cutoff_A=stored["cutoff_A"], kcal_mol=stored["kcal_mol"])


def read_probe(folder: Path) -> ProbeReport:
    """Judge the answers in a probe's folder.

    Raises
    ------
    ProgramError
        Where the folder does not hold an ended probe.
    """
    try:
        asked: dict[str, Any] = read_json(folder / "asked.json")
        host, _, ended = text_of(folder / "end.txt").split()
        codes = dict(line.split() for line in text_of(folder / "answers.txt").splitlines())
        name, suffix = str(asked["cluster"]), str(asked["suffix"])
        processes, threads = int(asked["processes"]), int(asked["threads"])
    except (OSError, InputError, KeyError, TypeError, ValueError) as error:
        raise ProgramError(
            f"{folder} does not hold the answers of a probe ({error}); delete it and probe again"
        ) from error
    info = text_of(folder / "info.log")
    styles = parse_styles(info)
    faster, plain = with_suffix(styles, suffix) if suffix in ACCELERATORS else ((), ())
    log = text_of(folder / "energy.gaff2.log")
    fields = tuple(_field(folder, field, codes) for field in FIELDS)
    report = ProbeReport(
        cluster=name,
        host=host,
        ended=ended,
        version=parse_version(info) if styles else "",
        packages=parse_packages(info),
        missing=tuple(
            f"{each} ({f'package {each.package}' if each.package else 'in every newer LAMMPS'})"
            for each in missing_styles(styles)
        )
        if styles
        else (),
        suffix=suffix,
        accelerated=tuple(map(str, faster)),
        plain=tuple(map(str, plain)),
        processes_asked=processes,
        processes=_processes(log),
        threads_asked=threads,
        threads=_threads(log),
        fields=fields,
        problems=(),
    )
    return _with_problems(report, folder, codes)


def parse_energies(log: str) -> dict[str, float]:
    r"""Read what ``energy_box.in`` prints.

    Examples
    --------
    >>> parse_energies("print ...\nenergy bond 12.5\nenergy vdw -3\n")
    {'bond': 12.5, 'vdw': -3.0}
    """
    found = re.findall(r"^energy (\w+) ([-+.\deE]+)$", log, re.MULTILINE)
    return {kind: float(value) for kind, value in found}


def _field(folder: Path, field: str, codes: Mapping[str, str]) -> FieldAnswer:
    energies = parse_energies(text_of(folder / f"energy.{field}.log"))
    known = known_energies().kcal_mol[field]
    energies = energies if energies.keys() == known.keys() else {}
    shares = {
        kind: abs(energies[kind] - value) / max(ABSOLUTE_KCAL_MOL, RELATIVE * abs(value))
        for kind, value in known.items()
        if energies
    }
    worst = max(shares, key=lambda kind: shares[kind], default="")
    # nan is no agreement
    agrees = bool(shares) and all(share <= 1.0 for share in shares.values())
    return FieldAnswer(
        force_field=field,
        energies_kcal_mol=energies,
        worst=worst,
        difference_kcal_mol=abs(energies[worst] - known[worst]) if worst else 0.0,
        agrees=agrees,
        stages=_stages(folder / field, codes.get(f"stages.{field}", "")),
    )


def _stages(run: Path, code: str) -> str:
    status = read_status(run)
    if status is None:
        return f"run.sh ended with {code or 'nothing'} and without a word"
    if status.state == "done":
        return "done"
    return f"{status.state} in {status.stage}: {status.reason}"


def _with_problems(report: ProbeReport, folder: Path, codes: Mapping[str, str]) -> ProbeReport:
    return replace(report, problems=tuple(_problems(report, folder, codes)))


def _problems(report: ProbeReport, folder: Path, codes: Mapping[str, str]) -> Iterator[str]:
    if not report.version:
        yield f"LAMMPS does not start on {report.host}: {_why(folder, 'info', codes)}"
        return
    for style in report.missing:
        yield f"this LAMMPS has no {style}: build it with that package, or name another one"
    yield from _count_problems(report)
    for answer in report.fields:
        name = f"energy.{answer.force_field}"
        if not answer.energies_kcal_mol:
            yield f"{answer.force_field}: no energies: {_why(folder, name, codes)}"
        elif not answer.agrees:
            yield (
                f"{answer.force_field}: the {answer.worst} energy is "
                f"{answer.energies_kcal_mol[answer.worst]:.4f} kcal/mol, wanted "
                f"{known_energies().kcal_mol[answer.force_field][answer.worst]:.4f}; do not run "
                "with this LAMMPS and suffix: try another suffix, or report it"
            )
        if answer.stages != "done":
            meaning = explain_error(answer.stages)
            yield f"{answer.force_field}: {answer.stages}" + (f"; {meaning}" if meaning else "")


def _count_problems(report: ProbeReport) -> Iterator[str]:
    if report.processes and report.processes != report.processes_asked:
        yield (
            f"asked for {report.processes_asked} MPI processes, LAMMPS has {report.processes}: "
            "its MPI is not the launcher's, so that copies of the same run write over each other; "
            "use the mpiexec or srun that belongs to this LAMMPS"
        )
    if report.processes and report.threads != report.threads_asked:
        yield (
            f"asked for {report.threads_asked} threads of a process, LAMMPS has {report.threads}: "
            "set threads_per_process, and no OMP_NUM_THREADS of another number in setup"
        )


def _why(folder: Path, name: str, codes: Mapping[str, str]) -> str:
    """Return why a question has no answer: LAMMPS's error, its last words, or its limit."""
    log, screen = text_of(folder / f"{name}.log"), text_of(folder / f"{name}.screen")
    code = codes.get(name, "nothing")
    if code.isdigit() and int(code) in _ENDED_AT_ITS_LIMIT:
        return "it did not end in time; does the launcher wait for something?"
    errors = error_lines(log)
    if errors:
        return errors[0] + (f"; {meaning}" if (meaning := explain_error(errors[0])) else "")
    words = [line.strip() for line in screen.splitlines() if line.strip()]
    return f"exit code {code}" + (f", {words[-1]}" if words else "")


def _processes(log: str) -> int:
    found = _GRID.search(log)
    return int(found[1]) * int(found[2]) * int(found[3]) if found else 0


def _threads(log: str) -> int:
    found = _THREADS.search(log)
    return int(found[1] or found[2]) if found else 1
