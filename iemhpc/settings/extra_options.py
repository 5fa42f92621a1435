"""What may not stand in ``extra`` of a cluster profile: the options that iemhpc writes itself.

That a job is made once and found again hangs on them, and the last word of a script's header wins.
https://slurm.schedmd.com/sbatch.html; qsub(1B) of PBS
"""

import re
import shlex
from collections.abc import Iterator, Sequence

_NAME = "a job is found again by its name after a crash"
_ARRAY = "a run is known by its place in the array; array_size and at_once say how it is cut"
_OUTPUT = "it lies beside the job's script in runs/"
_AGAIN = "attempts says how often a run that was cut short may go on"
_AFTER = "--then of md-submit hands over what comes after"
_WAITS = "iemhpc does not wait for jobs"

# option of sbatch, its letter -> what to do instead
_SLURM = {
    ("job-name", "J"): _NAME,
    ("array", "a"): _ARRAY,
    ("output", "o"): _OUTPUT,
    ("open-mode", ""): _OUTPUT,
    ("requeue", ""): _AGAIN,
    ("no-requeue", ""): _AGAIN,
    ("signal", ""): "write warning_s",
    ("time", "t"): "write wall_hours",
    ("dependency", "d"): _AFTER,
    ("wait", "W"): _WAITS,
    ("clusters", "M"): "squeue here does not list another cluster's jobs: submit on a node of it",
}
_SLURM_SWITCHES = "HIkOQsvW"
"""Letters of sbatch that take no value, so that another may follow at once."""

# letter of qsub, what its value holds -> what to do instead
_PBS = {
    ("N", ""): _NAME,
    ("J", ""): _ARRAY,
    ("o", ""): _OUTPUT,
    ("j", ""): _OUTPUT,
    ("r", ""): _AGAIN,
    ("S", ""): "the job's script is one for bash",
    ("W", "depend="): _AFTER,
    ("W", "block="): _WAITS,
    ("l", "walltime="): "write wall_hours",
}


def extra_problems(scheduler: str, extra: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the further options of a profile.

    Examples
    --------
    >>> list(extra_problems("slurm", ["--mail-type=FAIL"]))
    []
    >>> list(extra_problems("slurm", ["-t 10"]))
    ["extra: '-t 10' would undo what iemhpc says itself; leave it out: write wall_hours"]
    """
    find = {"slurm": _of_sbatch, "pbs": _of_qsub}.get(scheduler)
    for option in extra if find else ():
        try:
            words = shlex.split(option)
        except ValueError as error:
            yield f"extra: {option!r}: {error}; close the quotes"
            continue
        for instead in dict.fromkeys(find(words) if find else ()):
            yield (f"extra: {option!r} would undo what iemhpc says itself; leave it out: {instead}")


def _of_sbatch(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        name = word.removeprefix("--").partition("=")[0] if word.startswith("--") else ""
        letters = re.fullmatch(rf"-([{_SLURM_SWITCHES}]*)([a-zA-Z]?).*", word)
        given = f"{letters[1]}{letters[2]}" if letters else ""
        for (long, short), instead in _SLURM.items():
            # getopt takes the beginning of a name for the name
            if (name and long.startswith(name)) or (short and short in given):
                yield instead


def _of_qsub(words: Sequence[str]) -> Iterator[str]:
    for word, following in zip(words, (*words[1:], ""), strict=True):
        value = word[2:] or following
        for (letter, part), instead in _PBS.items():
            if word[:2] == f"-{letter}" and part in value:
                yield instead
