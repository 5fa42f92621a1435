"""How fast pairs are counted and trajectories read, beside mdtraj, MDAnalysis and freud.

    python benchmarks/descriptors.py [--quick]

Three radial distributions (ion-water, site-water, site-ion) to 12 Å in bins of 0.05 Å, each peer in
the best of the ways that it offers, in one process and one run with ours. Numbers are frames per
second of CPU time, the best of several rounds that take turns, as other work on the machine
disturbs all; imports and the first compilation, which is kept on disk, are not in them. ``--quick``
takes about a minute. Writes its section of ``benchmarks/RESULTS.md``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from descriptors_box import Case, large_box, small_box, write_files  # beside this script
from results import circumstances, write_section

from iemhpc.descriptors.conventions import BIN_A, R_MAX_A
from iemhpc.descriptors.dcd import DcdFile
from iemhpc.descriptors.frames import FrameSource, one_pass
from iemhpc.descriptors.lammpstrj import open_dumps
from iemhpc.descriptors.pairs import PairAtoms, PairCounter, count_pairs
from iemhpc.descriptors.segments import join_files

TITLE = "Results of the benchmark of descriptors"
N_BINS = round(R_MAX_A / BIN_A)
Counter = Callable[[], list[np.ndarray]]
"""Counts the three pairs of all frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way of counting."""

    name: str
    n_frames: int
    count: Counter


def frames_per_cpu_s(contenders: Sequence[Contender], *, rounds: int) -> dict[str, float]:
    """Return the best of some rounds by name; contenders take turns."""
    best: dict[str, float] = {}
    for one in contenders:  # caches, files, compilation
        one.count()
    for _ in range(rounds):
        for one in contenders:
            began = time.process_time()
            one.count()
            rate = one.n_frames / (time.process_time() - began)
            best[one.name] = max(rate, best.get(one.name, 0.0))
    return best


def count_frames(source: FrameSource, pairs: Mapping[str, PairAtoms]) -> list[np.ndarray]:
    """Count by iemhpc."""
    found = count_pairs(source.chunks(), pairs, n_frames=source.n_frames)
    return [counts.counts.sum(axis=0) for counts in found.values()]


def in_memory(case: Case) -> list[np.ndarray]:
    """Count frames that are in memory by iemhpc."""
    found = count_pairs([case.frames()], case.pairs(), n_frames=len(case.positions_A))
    return [counts.counts.sum(axis=0) for counts in found.values()]


def open_dcd(folder: Path, case: Case, *, times: int = 1) -> FrameSource:
    """Open the DCD file as one that is several times as long."""
    n = len(case.positions_A)
    files = [
        DcdFile(path=folder / "t.dcd", steps=500 * np.arange(k * n, (k + 1) * n))
        for k in range(times)
    ]
    return join_files(files, n_atoms=case.n_atoms, timestep_fs=2.0)


def open_text(folder: Path) -> FrameSource:
    """Open the dump."""
    return open_dumps([folder / "t.lammpstrj"], timestep_fs=2.0).trajectory


def kernels(case: Case, *, rounds: int, n_peer: int, with_mdtraj: bool) -> dict[str, float]:
    """Return the rates of counting frames in memory."""
    import descriptors_peers as peers

    few, fewer = case.first(n_peer), case.first(max(5, n_peer // 5))
    how = {"n_bins": N_BINS, "r_max_A": R_MAX_A}
    tree, linked = (peers.by_freud(some, **how) for some in (few, fewer))
    contenders = [
        Contender(name="iemhpc", n_frames=len(case.positions_A), count=lambda: in_memory(case)),
        Contender(name="freud, AABBQuery", n_frames=n_peer, count=tree["freud, AABBQuery"]),
        Contender(
            name="freud, LinkCell",
            n_frames=len(fewer.positions_A),
            count=linked["freud, LinkCell"],
        ),
        Contender(
            name="MDAnalysis",
            n_frames=len(fewer.positions_A),
            count=lambda: peers.by_mdanalysis(fewer, **how),
        ),
    ]
    if with_mdtraj:
        contenders.append(
            Contender(
                name="mdtraj",
                n_frames=n_peer,
                count=lambda: peers.by_mdtraj(few, **how),
            )
        )
    return frames_per_cpu_s(contenders, rounds=rounds)


def end_to_end(case: Case, folder: Path, *, rounds: int, n_slow: int) -> dict[str, float]:
    """Return the rates from a DCD file on disk to counts."""
    import descriptors_peers as peers

    source = open_dcd(folder, case)
    how = {"n_bins": N_BINS, "r_max_A": R_MAX_A}
    contenders = [
        Contender(
            name="iemhpc",
            n_frames=source.n_frames,
            count=lambda: count_frames(open_dcd(folder, case), case.pairs()),
        ),
        Contender(
            name="mdtraj",
            n_frames=n_slow,
            count=lambda: peers.mdtraj_file(case, folder / "t.dcd", n_frames=n_slow, **how),
        ),
        *(
            Contender(name=name, n_frames=n_slow, count=count)
            for name, count in peers.mdanalysis_file(case, folder, n_frames=n_slow, **how).items()
        ),
    ]
    return frames_per_cpu_s(contenders, rounds=rounds)


def from_text(case: Case, folder: Path, *, rounds: int) -> dict[str, float]:
    """Return the rates from a text dump to counts, its index included."""
    import descriptors_peers as peers

    n = open_text(folder).n_frames
    n_slow = min(n, 40)
    contenders = [
        Contender(
            name="iemhpc", n_frames=n, count=lambda: count_frames(open_text(folder), case.pairs())
        ),
        Contender(
            name="mdtraj",
            n_frames=n_slow,
            count=lambda: peers.mdtraj_file(
                case,
                folder / "t.lammpstrj",
                n_frames=n_slow,
                n_bins=N_BINS,
                r_max_A=R_MAX_A,
            ),
        ),
    ]
    return frames_per_cpu_s(contenders, rounds=rounds)


def count_stretch(task: tuple[Path, int, int, int]) -> float:
    """Count some frames of a trajectory in this process and return the CPU time that took."""
    folder, times, first, last = task
    began = time.process_time()
    case = small_case_of(folder)
    source = open_dcd(folder, case, times=times)
    counter = PairCounter(case.pairs(), n_frames=source.n_frames)
    one_pass(source, [counter], first=first, last=last)
    return time.process_time() - began


def small_case_of(folder: Path) -> Case:
    """Return the groups of the small box and as many empty frames as its DCD file has."""
    n = int((folder / "n_frames").read_text(encoding="utf-8"))
    one = small_box(1)
    return Case(
        positions_A=np.broadcast_to(one.positions_A, (n, one.n_atoms, 3)),
        edges_A=one.edges_A,
        groups=one.groups,
    )


def two_processes(folder: Path, n_frames: int, *, times: int, rounds: int) -> list[str]:
    """Return how much faster two processes are, by the clock, both of them started already."""
    n = n_frames * times
    halves = [(folder, times, 0, n // 2), (folder, times, n // 2, n)]
    seconds = {}
    for n_processes in (1, 2):
        with ProcessPoolExecutor(n_processes) as pool:
            list(pool.map(count_stretch, [(folder, 1, 0, 5)] * 4 * n_processes))
            taken = []
            for _ in range(rounds):
                began = time.monotonic()
                cpu_s = sum(pool.map(count_stretch, halves))
                taken.append((time.monotonic() - began, cpu_s))
            seconds[n_processes] = min(taken)
    (one, cpu_one), (two, cpu_two) = seconds[1], seconds[2]
    return [
        f"Two processes, half of {n:,} frames from DCD each: {two:.2f} s by the clock against "
        f"{one:.2f} s in one process, ratio {one / two:.2f} (aim: 1.7 on idle cores; the load "
        f"average of the last minute was {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores). "
        f"CPU time, both together: {cpu_two:.2f} s against {cpu_one:.2f} s, so sharing costs a "
        f"factor of {cpu_two / cpu_one:.2f}; no clock can show more than "
        f"{2 * cpu_one / cpu_two:.2f}."
    ]


def peak_memory(folder: Path, *, times: Sequence[int], n_frames: int) -> list[str]:
    """Return the peak memory of processes that count ever longer trajectories."""
    words = []
    for factor in times:
        command = [sys.executable, __file__, "--count", str(folder), str(factor)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        words.append(f"{answer.stdout.split()[-1]} MiB for {factor * n_frames:,} frames")
    return [f"Peak memory of a process from DCD, imports included: {', '.join(words)} (aim: 400)."]


def count_and_tell_memory(folder: Path, times: int) -> None:
    """Count a trajectory from DCD and print the peak memory of this process, MiB."""
    case = small_case_of(folder)
    count_frames(open_dcd(folder, case, times=times), case.pairs())
    # not ru_maxrss, which begins with that of the process that started this one
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(round(int(status.split("VmHWM:")[1].split()[0]) / 1024))


def differences(case: Case) -> list[str]:
    """Return how many counts differ from freud's, and from those in double precision."""
    import descriptors_peers as peers

    n_frames = len(case.positions_A)
    ours = in_memory(case)
    total = sum(int(counts.sum()) for counts in ours)
    freud = peers.by_freud(case, n_bins=N_BINS, r_max_A=R_MAX_A)["freud, AABBQuery"]()
    five = case.first(5)
    double = peers.in_double(five, n_bins=N_BINS, r_max_A=R_MAX_A)
    by = {"freud, in single precision": (ours, freud, n_frames)}
    by["numpy, in double precision"] = (in_memory(five), double, 5)
    words = [
        f"{sum(np.abs(a - b).sum() for a, b in zip(*both, strict=True)) / 2 / n:.2f} by {who}"
        for who, (*both, n) in by.items()
    ]
    return [
        f"Of {total / n_frames:,.0f} counts a frame ({case.n_atoms:,} atoms) so many are put into "
        f"another bin: {', '.join(words)}."
    ]


def rows(what: str, rates: Mapping[str, float], aims: Mapping[str, float]) -> list[str]:
    """Return the rows of a table: each rate and how many times as fast ours is."""
    ours = rates["iemhpc"]
    lines = [f"| {what} | iemhpc | {ours:,.0f} | | |"]
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        if name != "iemhpc":
            aim = next((f"{value:g}" for key, value in aims.items() if name.startswith(key)), "")
            lines.append(f"| | {name} | {rate:,.1f} | {ours / rate:.1f} | {aim} |")
    print("\n".join(lines), flush=True)
    return lines


def main() -> None:
    """Measure, print as it goes, write its section of RESULTS.md."""
    if sys.argv[1:2] == ["--count"]:
        return count_and_tell_memory(Path(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # peers have much to say of topologies without names
    rounds, n_frames = (3, 300) if options.quick else (7, 1000)
    # freud's histograms have a start of their own, so it gets enough frames to make up for it
    n_peer, n_slow, n_large = (150, 30, 8) if options.quick else (400, 100, 20)
    small = small_box(n_frames)
    lines = [
        "| what | by | frames/s of CPU | ours is times as fast | aim |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    lines += rows(
        f"in memory, {small.n_atoms:,} atoms",
        kernels(small, rounds=rounds, n_peer=n_peer, with_mdtraj=True),
        {"freud": 5},
    )
    large = large_box(n_large)
    lines += rows(
        f"in memory, {large.n_atoms:,} atoms",
        kernels(large, rounds=min(rounds, 3), n_peer=n_large, with_mdtraj=False),
        {"freud": 6},
    )
    notes = differences(small.first(n_peer)) + differences(large.first(5))
    del large
    with tempfile.TemporaryDirectory(prefix="iemdescriptors.") as name:
        folder = Path(name)
        write_files(small, folder, n_dump_frames=n_slow * 3)
        (folder / "n_frames").write_text(str(n_frames), encoding="utf-8")
        lines += rows(
            "from DCD to counts",
            end_to_end(small, folder, rounds=rounds, n_slow=n_slow),
            {"mdtraj": 5, "MDAnalysis": 20},
        )
        lines += rows(
            "from text dump to counts", from_text(small, folder, rounds=rounds), {"mdtraj": 10}
        )
        notes += two_processes(
            folder, n_frames, times=8 if options.quick else 20, rounds=2 if options.quick else 4
        )
        notes += peak_memory(folder, times=(2, 16), n_frames=n_frames)
    print("\n".join(notes))
    command = "python benchmarks/descriptors.py" + (" --quick" if options.quick else "")
    libraries = ("numba", "numpy", "mdtraj", "MDAnalysis", "freud-analysis")
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    intro = f"{circumstances(command)} {versions}. One thread; CPU time of the process."
    what = (
        f"Ion-water, site-water and site-ion to {R_MAX_A:g} Å in bins of {BIN_A:g} Å. Of several "
        "ways of a peer the best is what counts. From files each reads every frame once (InterRDF "
        "once a pair), mdtraj in chunks of 10 frames; freud and MDAnalysis find pairs by their own "
        "cell or tree lists."
    )
    write_section(TITLE, [intro, "", what, "", *lines, "", *(f"- {note}" for note in notes)])
    return None


if __name__ == "__main__":
    main()
