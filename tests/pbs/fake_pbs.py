#!/usr/bin/env python3
"""A small queue that speaks PBS: qsub, qstat, qselect, qdel, as much of each as we use.

Jobs are folders of a spool, and their scripts really run, by bash, each task in a session of its
own. There is no server: ``qsub`` leaves a process behind for each job, which runs its tasks and
ends with them. The texts are those of PBS Professional and OpenPBS (man pages and src/cmds).

    <spool>/settings.json   {"server", "history", "cores"}
    <spool>/down            no command finds the server
    <spool>/most_jobs       qsub refuses more jobs than this
    <spool>/kill_parent     qsub kills the process that called it as soon as the job is there
    <spool>/comment         what the scheduler says of every job, else "Job run"
    <spool>/<number>/       job.json script state.<index> pid.<index> runs.<index>
"""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SPOOL = Path(os.environ.get("FAKE_PBS_SPOOL", "spool"))
ENDED = ("X", "F")
KILL_DELAY_S = 3.0
LOOK_S = 0.05
NEXT_LINE = "\n\t"


def main() -> int:
    """Do what the program is called for."""
    program, words = Path(sys.argv[0]).name, sys.argv[1:]
    if words[:1] == ["serve"]:
        return serve(SPOOL / words[1])
    if (SPOOL / "down").exists():
        return complain(
            f"Connection refused\n{program}: cannot connect to server head (errno=111)", 111
        )
    commands = {"qsub": qsub, "qstat": qstat, "qselect": qselect, "qdel": qdel}
    return commands[program](words)


def complain(text: str, code: int) -> int:
    """Say an error as PBS does."""
    print(text, file=sys.stderr)
    return code


def settings() -> dict[str, Any]:
    """Return what kind of server this is."""
    found: dict[str, Any] = json.loads((SPOOL / "settings.json").read_text())
    return found


# qsub


def qsub(words: list[str]) -> int:
    """Take a job; its options are checked as PBS checks them."""
    script = Path(words[-1])
    text = script.read_text()
    directives = re.findall(r"^#PBS (.*)$", text.split("\n\n")[0], re.MULTILINE)
    options: list[tuple[str, str]] = []
    for given in (*[shlex.split(line) for line in directives], words[:-1]):
        if len(given) % 2 or not all(re.fullmatch(r"-[AJNSWjlqorv]", name) for name in given[::2]):
            return complain(f"qsub: invalid option in {given}", 2)
        options += zip(given[::2], given[1::2], strict=True)
    one = dict(options)
    resources = [value for name, value in options if name == "-l"]
    span = re.fullmatch(r"0-(\d+)(?:%(\d+))?", one["-J"]) if "-J" in one else None
    no = refusal(one, resources, n_tasks=int(span[1]) + 1 if span else 0)
    if no:
        return complain(*no)
    number = enter(
        {
            "name": one["-N"],
            "n_tasks": int(span[1]) + 1 if span else 0,
            "at_once": int(span[2] or 0) if span else 0,
            "after": re.findall(r"(?<=:)\d+", one.get("-W", "").replace("[]", "")),
            "variables": one.get("-v", ""),
            "select": resources,
            "rerunable": one.get("-r") == "y",
        },
        text,
    )
    subprocess.Popen(
        [sys.executable, __file__, "serve", str(number)],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if (SPOOL / "kill_parent").exists():
        (SPOOL / "kill_parent").unlink()
        os.kill(os.getppid(), signal.SIGKILL)
    print(f"Project: none\n{number}{'[]' if span else ''}.{settings()['server']}")
    return 0


def refusal(one: dict[str, str], resources: list[str], *, n_tasks: int) -> tuple[str, int] | None:
    """Return why PBS would not take a job and qsub's exit code; None where it would."""
    most = SPOOL / "most_jobs"
    select = r"select=1:ncpus=\d+(:\w+=\w+)*"
    if len(one["-N"]) > 15:
        return "qsub: illegal -N value", 2
    if "-J" in one and n_tasks < 2:
        return "qsub: illegal -J value", 2
    if not any(re.fullmatch(select, each) for each in resources):
        return "qsub: Illegal attribute or resource value Resource_List.select", 175
    if one.get("-q", "workq") != "workq":
        return "qsub: Unknown queue", 170
    if most.exists() and len(list(SPOOL.glob("*/job.json"))) >= int(most.read_text()):
        return "qsub: would exceed limit on jobs in the server per user", 2
    return None


def enter(job: dict[str, Any], script: str) -> int:
    """Write a job into the spool under the next number."""
    number = 1
    while True:
        try:
            (SPOOL / str(number)).mkdir()
        except FileExistsError:
            number += 1
            continue
        break
    folder = SPOOL / str(number)
    (folder / "script").write_text(script)
    for index in range(max(job["n_tasks"], 1)):
        write(folder / f"state.{index}", "Q")
    write(folder / "job.json", json.dumps(job))
    return number


# what runs the tasks


def serve(folder: Path) -> int:
    """Run the tasks of a job to their end; a task whose node fails is run again."""
    job = json.loads((folder / "job.json").read_text())
    while any(not is_over(SPOOL / number) for number in job["after"]):
        time.sleep(LOOK_S)
    n_tasks = max(job["n_tasks"], 1)
    living: dict[int, subprocess.Popen[bytes]] = {}
    most = min(job["at_once"] or 99, settings()["cores"])
    while any(state_of(folder, index) not in ENDED for index in range(n_tasks)):
        for index in range(n_tasks):
            if len(living) < most and index not in living and state_of(folder, index) == "Q":
                living[index] = start(folder, job, index)
        for index, process in list(living.items()):
            if process.poll() is not None:
                del living[index]
                failed = folder / f"node_failed.{index}"
                again = failed.exists() and job["rerunable"]
                failed.unlink(missing_ok=True)
                write(folder / f"code.{index}", str(process.returncode))
                write(folder / f"state.{index}", "Q" if again else ended(job))
        time.sleep(LOOK_S)
    return 0


def start(folder: Path, job: dict[str, Any], index: int) -> subprocess.Popen[bytes]:
    """Run a task as PBS does: the script by bash, in the home folder, with PBS's variables."""
    task = f"{folder.name}[{index}]" if job["n_tasks"] else folder.name
    own = {"PBS_JOBID": f"{task}.{settings()['server']}", "PBS_ENVIRONMENT": "PBS_BATCH"}
    if job["n_tasks"]:
        own["PBS_ARRAY_INDEX"] = str(index)
    given = dict(pair.split("=", 1) for pair in job["variables"].split(",") if pair)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "FAKE_PBS_SPOOL")}
    write(folder / f"state.{index}", "R")
    process = subprocess.Popen(
        ["bash", str(folder / "script")],
        cwd=Path.home(),
        env=kept | own | given,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    write(folder / f"pid.{index}", str(process.pid))
    with (folder / f"runs.{index}").open("a") as stream:
        stream.write(f"{process.pid}\n")
    return process


def ended(job: dict[str, Any]) -> str:
    """Return how PBS calls the end: X for a subjob, F for a job."""
    return "X" if job["n_tasks"] else "F"


def state_of(folder: Path, index: int) -> str:
    """Return the state of a task."""
    return (folder / f"state.{index}").read_text()


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def is_over(folder: Path) -> bool:
    """Say whether all tasks of a job have ended."""
    return all(path.read_text() in ENDED for path in folder.glob("state.*"))


def end_task(folder: Path, index: int, number: int = signal.SIGTERM) -> None:
    """Send a signal to every process of a task's session."""
    with contextlib.suppress(FileNotFoundError):
        session = (folder / f"pid.{index}").read_text()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[3] == session:
                    os.kill(int(stat.parent.name), number)


# qstat, qselect, qdel


def qstat(words: list[str]) -> int:
    """Say the full state of jobs: ``qstat -f -t ID...``; ``qstat ID`` is said as long."""
    words = words if words[:1] == ["-f"] else ["-f", "-t", *words]
    if words[:2] != ["-f", "-t"]:
        return complain("usage: qstat -f -t job_identifier...", 2)
    code = 0
    for job_id in words[2:]:
        folder = SPOOL / re.split(r"[\[.]", job_id)[0]
        if not folder.is_dir() or (is_over(folder) and not settings()["history"]):
            code = complain(f"qstat: Unknown Job Id {job_id}", 153)
        elif is_over(folder):
            known = "Job has finished, use -x or -H to obtain historical job information"
            code = complain(f"qstat: {job_id} {known}", 35)
        else:
            print("".join(described(folder)), end="")
    return code


def described(folder: Path) -> list[str]:
    """Return the text of a job and of its subjobs."""
    job = json.loads((folder / "job.json").read_text())
    states = [state_of(folder, index) for index in range(max(job["n_tasks"], 1))]
    if not job["n_tasks"]:
        return [one_job(folder.name, job, states[0])]
    parent = "Q" if set(states) == {"Q"} else "B"
    tasks = [one_job(f"{folder.name}[{i}]", job, state) for i, state in enumerate(states)]
    return [one_job(f"{folder.name}[]", job, parent), *tasks]


def one_job(task: str, job: dict[str, Any], state: str) -> str:
    """Return a job as ``qstat -f`` does; long lines go on after a tab."""
    comment = SPOOL / "comment"
    said = comment.read_text() if comment.exists() else "Job run"
    return (
        f"Job Id: {task}.{settings()['server']}\n"
        f"    Job_Name = {job['name']}\n"
        "    Job_Owner = somebody@login1\n"
        f"    job_state = {state}\n"
        "    queue = workq\n"
        "    Variable_List = PBS_O_HOME=/home/somebody,QUOTE='\\\"x',NUMBER=007,PBS_O_PATH=/usr/b\n"
        "\tin:/bin,PBS_O_QUEUE=workq,job_state = Z\n"
        f"    comment = {said[:60]}{said[60:] and f'{NEXT_LINE}{said[60:]}'}\n\n"
    )


def qselect(words: list[str]) -> int:
    """Say which jobs of a name wait or run: ``qselect -N NAME``."""
    if words[::2] != ["-N"]:
        return complain("usage: qselect -N name", 2)
    for path in SPOOL.glob("*/job.json"):
        job = json.loads(path.read_text())
        if job["name"] == words[1] and not is_over(path.parent):
            print(f"{path.parent.name}{'[]' if job['n_tasks'] else ''}.{settings()['server']}")
    return 0


def qdel(words: list[str]) -> int:
    """End jobs or tasks: TERM, and KILL a little later."""
    code = 0
    for job_id in words:
        number, index = re.findall(r"^(\d+)(?:\[(\d*)\])?", job_id)[0]
        folder = SPOOL / number
        if not folder.is_dir() or is_over(folder):
            code = complain(f"qdel: Unknown Job Id {job_id}", 153)
            continue
        job = json.loads((folder / "job.json").read_text())
        chosen = [int(index)] if index else range(max(job["n_tasks"], 1))
        for each in chosen:
            if state_of(folder, each) == "Q":
                write(folder / f"state.{each}", ended(job))
            end_task(folder, each)
        until = time.monotonic() + KILL_DELAY_S
        while time.monotonic() < until and any(state_of(folder, e) == "R" for e in chosen):
            time.sleep(LOOK_S)
        for each in chosen:
            if state_of(folder, each) == "R":
                end_task(folder, each, signal.SIGKILL)
    return code


if __name__ == "__main__":
    sys.exit(main())
