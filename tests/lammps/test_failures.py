"""Each line is one that LAMMPS, the system, MPI, Slurm or CUDA writes, word for word."""

import pytest

from iemhpc.lammps.failures import (
    FAILURES,
    explain_error,
    find_failure,
    is_worth_another_attempt,
)

MODEL = [
    ("ERROR: Lost atoms: original 1500 current 1499 (src/thermo.cpp:494)", "overlaps"),
    ("ERROR on proc 0: Out of range atoms - cannot compute PPPM (src/x.cpp:1)", "too far"),
    ("ERROR: Shake determinant < 0.0 (src/RIGID/fix_shake.cpp:2)", "SHAKE could not hold"),
    ("ERROR on proc 1: Shake atoms 1 2 3 missing on proc 1 at step 40 (x)", "SHAKE could not"),
    ("ERROR on proc 0: Bond atoms 1 2 missing on proc 0 at step 4 (x)", "torn"),
    ("ERROR: Bond atom missing in image check (src/domain.cpp:753)", "torn"),
    ("ERROR on proc 0: Improper atoms 1 2 3 4 missing on proc 0 at step 4 (x)", "torn"),
    ("ERROR on proc 0: Non-numeric pressure - simulation unstable (x)", "sat on each other"),
    ("ERROR on proc 0: Non-numeric atom coords - simulation unstable (x)", "sat on each other"),
    ("ERROR on proc 0: Non-numeric box dimensions - simulation unstable (x)", "sat on each other"),
    ("ERROR: Neighbor list overflow, boost neigh_modify one (src/npair.cpp:9)", "2000 neighbours"),
    ("ERROR: Domain too large for neighbor bins (src/nbin_standard.cpp:1)", "blew up"),
    ("ERROR: Cannot use kspace solver on system with no charge (src/KSPACE/x.cpp:1)", "no charge"),
    ("ERROR: Cannot use neighbor bins - box size << cutoff (src/nbin.cpp:1)", "larger box_A"),
]
PROGRAM = [
    ("ERROR: Unrecognized pair style 'lj/cut/coul/long' (src/force.cpp:275)", "without a style"),
    (
        "ERROR: Unrecognized kspace style 'pppm' is part of the KSPACE package which is not "
        "enabled in this LAMMPS binary.",
        "without a style",
    ),
    ("ERROR: Using suffix gpu without GPU package installed (src/lammps.cpp:1)", "accelerator"),
    ("ERROR: Package gpu command without GPU package installed (src/input.cpp:1)", "accelerator"),
    ("ERROR: Cannot use -kokkos on without KOKKOS installed (src/lammps.cpp:1)", "accelerator"),
    ("ERROR: Could not find/initialize a specified accelerator device (x)", "found no GPU"),
    ("cudaGetDeviceCount(&n) error( cudaErrorNoDevice): no CUDA-capable device is", "no GPU"),
    ("cudaDeviceSynchronize() error( cudaErrorIllegalAddress): an illegal memory access", "GPU s"),
    (
        "lmp: error while loading shared libraries: libmpi.so.12: cannot open shared object",
        "not on",
    ),
    ("run.sh: line 91: lmp: command not found", "not on that node"),
    ("There are not enough slots available in the system to satisfy the 8 slots", "fewer cores"),
    ("Fatal error in internal_Init: Other MPI error, error stack:", "same MPI"),
    ("[n1:1] PMIX ERROR: UNREACHABLE in file ptl_tcp_component.c", "same MPI"),
    ("ERROR on proc 0: Failed to allocate 80 bytes for array atom:x (src/memory.cpp:1)", "memory"),
    ("slurmstepd: error: Detected 1 oom_kill event in StepId=12.0.", "memory"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "memory"),
    ("ERROR on proc 0: Cannot open data file minimized.data: Permission denied (x)", "file_mode"),
    ("ERROR: Cannot open file styles.in: No such file or directory (x)", "missing"),
    ("ERROR: Unexpected end of data file (src/read_data.cpp:1)", "styles.in is damaged"),
    ("ERROR: Incomplete or corrupted LAMMPS restart file (x)", "goes on from the one before"),
    ("ERROR: Substitution for illegal variable pppm (src/input.cpp:1)", "different versions"),
    ("/bin/bash: line 1: 77 Segmentation fault (core dumped) lmp", "without a word"),
]
MACHINE = [
    ("ERROR: Cannot open dump file production.0.dcd: No space left on device (x)", "disk"),
    ("write_status: write error: Disk quota exceeded", "quota"),
    ("ERROR: Cannot open restart file production.a.restart: Stale file handle (x)", "file system"),
    ("tail: error reading 'x': Input/output error", "file system"),
    ("LAMMPS ended with exit code 1 and without a word", "could not tell"),
    ("slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026 DUE TO NODE FAILURE ***", "a node"),
    ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO PREEMPTION ***", "priority"),
    ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***", "warning_s"),
    ("=>> PBS: job killed: walltime 3600 exceeded limit 3600", "warning_s"),
    ("An ORTE daemon: unable to reliably start one or more daemons.", "a node"),
    ("NVRM: GPU 0000:1b:00.0: uncorrectable ECC error encountered", "a GPU failed"),
    ("License checkout failed: all licenses are in use", "licence"),
]


@pytest.mark.parametrize(("line", "says"), MODEL + PROGRAM)
def test_what_would_happen_again_is_explained_and_not_tried_again(line: str, says: str) -> None:
    assert says in explain_error(line)
    assert not is_worth_another_attempt(line)


@pytest.mark.parametrize(("line", "says"), MACHINE)
def test_what_the_machine_did_is_explained_and_tried_again(line: str, says: str) -> None:
    assert says in explain_error(line)
    assert is_worth_another_attempt(line)


def test_every_kind_of_failure_has_a_line_above() -> None:
    found = {find_failure(line) for line, _ in MODEL + PROGRAM + MACHINE}
    left = [failure.said for failure in FAILURES if failure not in found]
    assert left == []


def test_errors_of_our_own_templates_speak_for_themselves() -> None:
    assert explain_error("ERROR: iemhpc: the box is 15 A wide after NPT") == ""


@pytest.mark.parametrize("line", ["", "ERROR: something nobody has seen (x)"])
def test_what_nobody_knows_is_neither_explained_nor_tried_again(line: str) -> None:
    assert explain_error(line) == ""
    assert not is_worth_another_attempt(line)
