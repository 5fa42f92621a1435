"""How long it takes from a name to a LAMMPS-ready box, beside RadonPy.

    python benchmarks/build.py [--sizes 24,40,60,80] [--peer PYTHON] [--limit SECONDS]

Every case runs in a fresh process on one core; wall clock, CPU time and peak memory are the
process's own, imports included. The peer (RadonPy, BSD-3, Hayashi et al., npj Comput. Mater. 8,
222 (2022)) wants an environment of its own and is skipped where there is none:

    python -m venv .venv-radonpy && .venv-radonpy/bin/pip install radonpy-pypi==0.2.11

Its chains are the polymers that both can name, with as many units and chains. Writes
its section of ``benchmarks/RESULTS.md``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SYSTEMS = (("CR61", "NaCl", "network"), ("Nafion", "NaCl", "chains"))
AIM_S = 10.0
IEMHPC = str(Path(sys.executable).with_name("iemhpc"))

N_CHAINS = 10
STYRENE = ("polystyrene", "*CC(*)c1ccccc1", "")
SULFONATE = ("sodium polystyrene sulfonate", "*CC(*)c1ccc(cc1)S(=O)(=O)[O-]", "[Na+]")
PEER_CASES = ((STYRENE, 12), (STYRENE, 25), (STYRENE, 37), (SULFONATE, 6), (SULFONATE, 12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One process."""

    seconds: float
    cpu_s: float
    peak_MiB: float
    failure: str
    """Empty where it ended well."""
    output: str


def measure(command: Sequence[str], *, limit_s: float) -> Measured:
    """Run a command on one core and return what it took."""
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **one_core}
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        killed = False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > limit_s and not killed:
                process.kill()
                killed = True
            time.sleep(0.02)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    failure = ""
    if killed:
        failure = f"not done after {limit_s:.0f} s"
    elif process.returncode:
        failure = (text.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
    to_MiB = 1 / 2**20 if sys.platform == "darwin" else 1 / 2**10
    return Measured(
        seconds=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_MiB=usage.ru_maxrss * to_MiB,
        failure=failure,
        output=text,
    )


def build_case(membrane: str, salt: str, *, edge_A: float, limit_s: float) -> tuple[int, Measured]:
    """Return atoms and cost of one command line from the name to the run folder."""
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(
            [
                *(IEMHPC, "md-submit", membrane),
                *("--salt", salt, "--salt-molar", "0.5", "--box", f"{edge_A:g}"),
                *("--replicas", "1", "--no-submit", "--workspace", folder),
            ],
            limit_s=limit_s,
        )
        files = list(Path(folder).glob("runs/*/system.data"))
        return (_n_atoms(files[0]) if files else 0), taken


def _n_atoms(path: Path) -> int:
    with path.open(encoding="utf-8") as file:
        return next(int(line.split()[0]) for line in file if line.strip().endswith(" atoms"))


def exponent(atoms: Sequence[int], seconds: Sequence[float]) -> float:
    """Return p of seconds = c atoms^p, fitted to the logarithms."""
    return float(np.polyfit(np.log(atoms), np.log(seconds), 1)[0])


def our_chains(smiles: str, counterion: str, units: int, chains: int, path: str) -> None:
    """Do what ``build_peer.py`` does with our own parts: the same polymer, units and chains."""
    from iemhpc.forcefield.aqueous import ion_parameters
    from iemhpc.forcefield.gaff2 import parametrise_chain
    from iemhpc.lammps.data_file import data_text
    from iemhpc.lammps.styles_file import styles_text
    from iemhpc.polymer.chain import link
    from iemhpc.polymer.repeat_unit import RepeatUnit
    from iemhpc.system.growth import grow_chains
    from iemhpc.system.merging import merge
    from iemhpc.system.packing import Rigid, pack

    name = "styrenesulfonate" if counterion else "styrene"
    chain = link([RepeatUnit(name, smiles.replace("*", "[*]"))] * units)
    n_ions = chains * units if counterion else 0
    mass = chains * units * (206.2 if counterion else 104.2)
    edge_A = float(np.cbrt(mass / 0.60221 / 0.7))  # 0.7 g/cm3, where the peer has 0.05
    coils = np.concatenate(grow_chains([chain] * chains, edge_A=edge_A, seed=1))
    fixed = Rigid(elements=("C",) * len(coils), positions_A=coils, count=0)
    ions = Rigid(elements=("Na",), positions_A=np.zeros((1, 3)), count=n_ions)
    placed = pack(fixed, [ions], edge_A=edge_A, seed=1)
    if placed is None:
        raise SystemExit("no room for the ions")
    parts = [(parametrise_chain(chain, "am1bcc"), chains)]
    parameters = merge(parts + ([(ion_parameters("Na", "tip3p"), n_ions)] if n_ions else []))
    sizes = [chain.GetNumAtoms()] * chains + [1] * n_ions
    data = data_text(
        parameters,
        positions_A=np.concatenate([coils, placed]),
        box_A=np.full(3, edge_A),
        molecule=np.repeat(np.arange(1, len(sizes) + 1), sizes),
        title=name,
    )
    Path(path).write_text(data, encoding="utf-8")
    Path(path).with_suffix(".in").write_text(styles_text(parameters), encoding="utf-8")
    print(json.dumps({"atoms": sum(sizes), "file_bytes": len(data)}))


def catalogue(sizes: Sequence[float], *, limit_s: float) -> list[str]:
    """Return the rows of our own boxes, and the exponents of their cost."""
    lines = [
        "| system | box, Å | atoms | wall, s | CPU, s | peak, MiB |",
        "|---|---|---|---|---|---|",
    ]
    notes = []
    idle = measure([IEMHPC, "md-submit", "--help"], limit_s=60)
    for membrane, salt, kind in SYSTEMS:
        series = []
        for edge_A in sizes:
            atoms, taken = build_case(membrane, salt, edge_A=edge_A, limit_s=limit_s)
            row = f"| {membrane}/{salt}, {kind} | {edge_A:g} | "
            if taken.failure:
                row += f"failed: {taken.failure} | | | |"
            else:
                series.append((atoms, taken.cpu_s))
                row += (
                    f"{atoms:,} | {taken.seconds:.1f} | {taken.cpu_s:.1f} | {taken.peak_MiB:.0f} |"
                )
            print(row, flush=True)
            lines.append(row)
        if len(series) > 2:
            fitted = exponent(*zip(*series, strict=True))
            tail = exponent(*zip(*series[-2:], strict=True))
            notes.append(
                f"{membrane}: CPU grows as atoms^{fitted:.2f} over the series (start included), "
                f"atoms^{tail:.2f} between the two largest boxes."
            )
    return [*lines, "", f"`--help` alone takes {idle.cpu_s:.1f} s of CPU.", *notes]


def beside_peer(peer: str, *, limit_s: float) -> list[str]:
    """Return the table of chains that both can build."""
    reason = _missing(peer)
    if reason:
        print(f"peer skipped: {reason}")
        return [f"Skipped: {reason}"]
    lines = [
        f"| polymer, {N_CHAINS} chains | units | atoms, ours | CPU, s | peak, MiB "
        "| atoms, RadonPy | CPU, s | peak, MiB | ratio of CPU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for (name, smiles, ion), units in PEER_CASES:
            rest = [smiles, ion, str(units), str(N_CHAINS), str(Path(folder) / "chains.data")]
            ours = measure([sys.executable, __file__, "--chains", *rest], limit_s=limit_s)
            theirs = measure([peer, str(HERE / "build_peer.py"), *rest], limit_s=limit_s)
            row = f"| {name} | {units} | {_cells(ours)} | {_cells(theirs)} | "
            row += "no box |" if theirs.failure else f"{theirs.cpu_s / ours.cpu_s:.1f} |"
            print(row, flush=True)
            lines.append(row)
    return lines


def _cells(taken: Measured) -> str:
    atoms = taken.failure or f"{json.loads(taken.output.strip().splitlines()[-1])['atoms']:,}"
    return f"{atoms} | {taken.cpu_s:.1f} | {taken.peak_MiB:.0f}"


def _missing(peer: str) -> str:
    try:
        answer = subprocess.run(
            [peer, "-c", "import radonpy"], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError as error:
        return f"{peer}: {error.strerror}; see the head of benchmarks/build.py"
    return f"{peer} has no radonpy" if answer.returncode else ""


def main() -> None:
    """Measure, print as it goes, write its section of RESULTS.md."""
    if sys.argv[1:2] == ["--chains"]:
        smiles, ion, units, chains, path = sys.argv[2:]
        return our_chains(smiles, ion, int(units), int(chains), path)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="24,40,60,80", help="edges of our boxes, ångström")
    parser.add_argument("--peer", default=".venv-radonpy/bin/python", help="Python with RadonPy")
    parser.add_argument("--limit", type=float, default=400.0, help="seconds a process may take")
    options = parser.parse_args()
    sizes = [float(size) for size in options.sizes.split(",")]
    own = catalogue(sizes, limit_s=options.limit)
    peer = beside_peer(options.peer, limit_s=options.limit)
    report = _report(own, peer, limit_s=options.limit)
    from results import write_section  # beside this script

    title, _, text = report.partition("\n")
    write_section(title.removeprefix("# "), text.strip().splitlines())
    return None


def _report(own: Sequence[str], peer: Sequence[str], *, limit_s: float) -> str:
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Results of the build benchmark",
        "",
        f"Written by `python benchmarks/build.py` on {datetime.now(tz=UTC).date()}; time limit "
        f"{limit_s:.0f} s a process. iemhpc {version('iemhpc')}, Python "
        f"{platform.python_version()}, RDKit {version('rdkit')}, numpy {version('numpy')}; "
        f"{platform.machine()}, {cores} cores, {memory:.0f} GiB, load average "
        f"{os.getloadavg()[2]:.1f} over the last 15 minutes (more than the cores there are makes "
        "CPU times longer too); one core a process. CPU time is the one to compare.",
        "",
        "## From a catalogue name to a run folder",
        "",
        f"`iemhpc md-submit NAME --salt NaCl --salt-molar 0.5 --box EDGE --no-submit`, GAFF2 with "
        f"the shipped AM1-BCC charges, water and ions included. Aim: 40 Å in {AIM_S:.0f} s.",
        "",
        *own,
        "",
        "## Beside RadonPy 0.2.11: polymer, counter-ions, GAFF2, a LAMMPS data file",
        "",
        "The same units and numbers of chains. RadonPy with Gasteiger charges and a cell of 0.05 "
        "g/cm³, which wants hours of packing; ours with AM1-BCC charges and coils at 0.7 g/cm³.",
        "",
        *peer,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
