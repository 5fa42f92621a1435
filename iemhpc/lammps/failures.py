"""Why LAMMPS ended, in plain words: what its last line means, what to do, whether to try again.

The texts are those of LAMMPS's manual and source, of the operating system, MPI, Slurm and CUDA:
https://docs.lammps.org/Errors_messages.html, https://docs.lammps.org/Errors_details.html.
A failure of the machine is worth another attempt from the newest restart file; one of the model is
not, because the same steps lead to it again.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A kind of failure, by what is said when it happens."""

    said: str
    """Regular expression, found anywhere in the line."""
    means: str
    """What it means and what to do."""
    try_again: bool = False
    """Whether the machine, not the model, is at fault."""


_AGAIN = "submit again: it goes on from its newest restart file"
_REBUILD = "build again with another seed, or lengthen push_off_ps and minimize_steps"
_NODES = "if it comes back, leave out that node (extra = [...] in the cluster profile)"

FAILURES: tuple[Failure, ...] = (
    # the machine: disk, memory, network, nodes
    Failure(
        said=r"No space left on device|[Dd]isk quota exceeded|[Ff]ile too large|"
        r"short write|I/O error while writing|Error writing (dump|to file|to binary file)",
        means=f"the disk or your quota is full; make room, then {_AGAIN}",
        try_again=True,
    ),
    Failure(
        # LAMMPS always says why it ends; words that went nowhere found no room in the log
        said=r"^LAMMPS ended with exit code \d+ and without a word",
        means=f"perhaps the disk or your quota was full, so that its log could not tell; {_AGAIN}",
        try_again=True,
    ),
    Failure(
        said=r"Stale (NFS )?file handle|Input/output error|Remote I/O error|"
        r"Transport endpoint is not connected|Read-only file system",
        means=f"the file system did not answer or became read-only; when it is back, {_AGAIN}",
        try_again=True,
    ),
    Failure(
        said=r"NODE FAILURE|[Nn]ode failure|Node .*(not responding|is down)|"
        r"Connection (reset by peer|timed out|closed by remote)|No route to host|"
        r"Transport retry count exceeded|Communication connection failure|"
        r"daemons? (has|have) (died|failed)|unable to reliably start one or more daemons",
        means=f"a node or its network failed; {_AGAIN}; {_NODES}",
        try_again=True,
    ),
    Failure(
        said=r"DUE TO PREEMPTION|CANCELLED .*PREEMPT",
        means=f"a job of a higher priority took the node; {_AGAIN}",
        try_again=True,
    ),
    Failure(
        said=r"DUE TO TIME LIMIT|PBS: job killed: walltime|Wall ?time limit reached",
        means=f"the time limit came before LAMMPS had stopped; {_AGAIN}; warning_s in the cluster "
        "profile is how long before it is asked to",
        try_again=True,
    ),
    Failure(
        said=r"uncorrectable ECC|Xid|cudaErrorECCUncorrectable|GPU is lost|fallen off the bus|"
        r"CUDA-capable device\(s\) is/are busy|cudaErrorDevicesUnavailable|"
        r"unspecified launch failure",
        means=f"a GPU failed or was taken; {_AGAIN}; {_NODES}",
        try_again=True,
    ),
    Failure(
        said=r"[Ll]icen[sc]e (checkout|server|manager|is not|not|request)|FLEX(lm|net)|"
        r"[Cc]annot (connect to|find) (a )?licen[sc]e",
        means=f"the cluster gave out no licence, perhaps because all are taken; later, {_AGAIN}",
        try_again=True,
    ),
    Failure(
        said=r"oom[-_ ]kill|Out [Oo]f [Mm]emory|std::bad_alloc|Cannot allocate memory|"
        r"Failed to (re)?allocate \d+ bytes|Insufficient memory on accelerator|"
        r"cudaErrorMemoryAllocation",
        means="the memory was not enough; raise memory_MB_per_core in the cluster profile, or take "
        "fewer runs per job",
    ),
    # the program: how it was built, found and started
    Failure(
        said=r"is part of the \S+ package|Unrecognized \w+ style|Unknown \w+ style|"
        r"Unknown command",
        means="this LAMMPS was built without a style that the templates need; iemhpc doctor lists "
        "the styles here and iemhpc cluster show NAME --probe on a cluster; the packages are "
        "MOLECULE, KSPACE, RIGID and EXTRA-DUMP",
    ),
    Failure(
        said=r"Using suffix \w+ without|Package \w+ command without|Cannot use -kokkos on without|"
        r"Kokkos.*(not|no) .*(enabled|support)|KOKKOS package requires|"
        r"package \w+ command is required",
        means="this LAMMPS was built without the accelerator that the cluster profile names; "
        'suffix = "" in the profile does without',
    ),
    Failure(
        said=r"Could not find/initialize a specified accelerator|GPU library not compiled for|"
        r"no CUDA-capable device|cudaErrorNoDevice|CUDA driver version is insufficient|"
        r"cudaErrorInsufficientDriver|Accelerator sharing is not currently supported|"
        r"invalid device ordinal|no kernel image is available",
        means="LAMMPS found no GPU that it can use; see gpus_per_run, gpu_request and modules in "
        "the cluster profile, and whether LAMMPS was built for that GPU",
    ),
    Failure(
        said=r"illegal memory access|cudaErrorIllegalAddress|Kokkos::|cuda[A-Z]\w+\(|CUDA error",
        means='the GPU stopped in the middle: mostly exploding forces; with suffix = "" LAMMPS '
        "says what is wrong",
    ),
    Failure(
        said=r"error while loading shared libraries|cannot open shared object|GLIBC|"
        r"command not found|[Ee]xec format error|Illegal instruction|"
        r"Unable to locate a modulefile|could not open image|execve\(\)|"
        r"failed to run command|Exec failed",
        means="LAMMPS, its launcher or their libraries are not on that node as the cluster profile "
        "says; see lammps, launcher, container, modules and setup",
    ),
    Failure(
        said=r"not enough slots|More processors requested than permitted|"
        r"Unable to create step for job|oversubscri",
        means="the launcher has fewer cores than cores_per_run; see launcher in the cluster "
        "profile",
    ),
    Failure(
        said=r"PMIX? ?(ERROR|_Init|2_Init)|MPI_Init|OPAL ERROR|ORTE_ERROR|UCX +ERROR|"
        r"Fatal error in (internal_|P?MPI_)",
        means="MPI did not start or broke off: the launcher and LAMMPS must be of the same MPI; "
        "see launcher in the cluster profile",
    ),
    # the files
    Failure(
        said=r"corrupted LAMMPS restart|Invalid LAMMPS restart|[Rr]estart file",
        means="a restart file is damaged; delete it and submit again: the run goes on from the one "
        "before",
    ),
    Failure(
        said=r"[Cc](annot|ould not) open .*(Permission denied|Operation not permitted)",
        means="a file may not be read or written: somebody else's run folder? See file_mode in the "
        "cluster profile",
    ),
    Failure(
        said=r"[Cc](annot|ould not) open",
        means="a file is missing or may not be written; is the disk full?",
    ),
    Failure(
        said=r"Unexpected end of data file|Unknown identifier in data file|"
        r"(Incorrect|Invalid) .*(format|section|data file)|coeffs are not set|"
        r"Incorrect args for \w+ coefficients|Did not assign all .*atoms correctly|"
        r"Numeric index .* out of bounds",
        means="system.data or styles.in is damaged; delete the run's folder and give md-submit "
        "again",
    ),
    Failure(
        said=r"Substitution for illegal variable|Variable name .*does not exist",
        means="a template asks for a variable that this plan does not have: run.sh and the "
        "templates are of different versions; submit again, which writes them anew",
    ),
    # the model: forces, bonds, box
    Failure(
        said=r"Lost atoms",
        means=f"atoms flew out of the box: overlaps were left or the time step is too long; "
        f"{_REBUILD}",
    ),
    Failure(
        said=r"[Ss]hake|SHAKE",
        means="SHAKE could not hold the bonds to hydrogen: the structure was far from rest, or the "
        "cluster has more than four atoms; lengthen minimize_steps or warm_ps",
    ),
    Failure(
        said=r"([Bb]ond|[Aa]ngle|[Dd]ihedral|[Ii]mproper) atoms? .*missing|"
        r"Atoms have moved too far apart",
        means=f"a bond was torn across the box: the same cause as lost atoms; {_REBUILD}",
    ),
    Failure(
        said=r"Out of range atoms - cannot compute",
        means="atoms moved too far between two neighbour lists: forces were too large; lengthen "
        "minimize_steps or warm_ps, or shorten timestep_fs",
    ),
    Failure(
        said=r"[Nn]eighbor .*overflow",
        means="an atom has more than 2000 neighbours within the cut-off: the box has collapsed or "
        "atoms lie on each other; build again with another seed, or lower compress_atm",
    ),
    Failure(
        said=r"Non-numeric|\b[Nn]a[Nn]\b",
        means="positions or pressure became infinite: two atoms sat on each other; build again "
        "with another seed",
    ),
    Failure(
        said=r"Domain too large|[Tt]oo many neighbor bins|tilted box too far",
        means="the box blew up: the barostat let it expand too fast; lengthen compress_ps or lower "
        "compress_K",
    ),
    Failure(
        said=r"box size << cutoff|Communication cutoff|PPPM grid is too large|KSpace accuracy|"
        r"compute g_ewald",
        means="the box and the cut-off do not go together; use a larger box_A, or another cutoff_A "
        "or pppm",
    ),
    Failure(
        said=r"on system with no charge",
        means="the box has no charge that PPPM could sum; delete the run's folder and give "
        "md-submit again",
    ),
    Failure(
        said=r"Segmentation fault|[Ss]ignal 11\b|exit code 139|Bus error|exit code 135|"
        r"BAD TERMINATION|MPI_ABORT was invoked|MPI_Abort",
        means="LAMMPS broke off without a word of its own; see the end of its log: mostly "
        'exploding forces, or a bug of an accelerator (try suffix = "")',
    ),
)
"""In the order in which they are tried: the machine's words come first, whatever they end in."""


def explain_error(line: str) -> str:
    """Return what the last line of a run means and what to do; empty where that is not known.

    Examples
    --------
    >>> explain_error("ERROR: Out of range atoms - cannot compute PPPM").split(":")[0]
    'atoms moved too far between two neighbour lists'
    """
    failure = find_failure(line)
    return failure.means if failure else ""


def is_worth_another_attempt(line: str) -> bool:
    """Say whether the machine was at fault, so that the same run may end well next time.

    Examples
    --------
    >>> is_worth_another_attempt("Cannot open dump file x.dcd: No space left on device")
    True
    >>> is_worth_another_attempt("ERROR: Lost atoms: original 30 current 29")
    False
    """
    failure = find_failure(line)
    return failure is not None and failure.try_again


def find_failure(line: str) -> Failure | None:
    """Return the first kind of failure that is said so; None where none is."""
    if "ERROR: iemhpc:" in line:
        return None  # our templates say themselves what to do
    return next((each for each in FAILURES if re.search(each.said, line)), None)
