"""How a queue's programs are asked, and what their refusals mean."""

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from iemhpc.errors import ProgramError, RefusedError

ANSWER_S = 60.0

# Words after which no job was made. After any others nobody knows: the request may have arrived and
# its answer not, or a plugin of the centre may have said them. Slurm: src/common/slurm_errno.c;
# PBS: src/lib/Liblog/pbs_messages.c.
_REFUSED = re.compile(
    r"invalid (partition|account|qos|job array|feature|generic resource|wckey|license|reservation"
    r"|time limit|numeric value|argument|option|signal|dependency|credential|cluster)"
    r"|requested (node configuration|partition configuration|time limit|reservation)"
    r"|node configuration (is )?not available|node count specification invalid"
    r"|(memory|cpu count per node)\b.* (not available|can not be satisfied)"
    r"|more processors requested than permitted|not permitted to use this partition"
    r"|job violates|job dependency problem|batch script|unable to open file"
    r"|permission denied|unauthorized request|access to queue is denied|not authorized"
    r"|(unrecognized|unknown|illegal|bad) (option|queue|resource|attribute|user|uid)"
    r"|illegal (-\w|attribute)|queue is not enabled|would exceed|maximum number of jobs"
    r"|rejected by|usage: ",
    re.IGNORECASE,
)

# Words that take all certainty away, whatever else was said.
_UNSURE = re.compile(
    r"timed? ?out|unable to contact|cannot connect|connection|communication|zero bytes|"
    r"send/recv|socket|end of file|not responding|temporarily|try again|protocol|"
    r"unexpected message|unspecified error",
    re.IGNORECASE,
)

# Options that a user's shell sets: they win over #SBATCH lines, and hide jobs from squeue. What
# says which queue is meant (SLURM_CONF, PBS_CONF_FILE, PBS_SERVER, PBS_DEFAULT) stays.
_OPTIONS = re.compile(r"(SQUEUE|SBATCH|SALLOC|SCANCEL)_|PBS_(DPREFIX$|QSTAT|O_)")


class Said(NamedTuple):
    """What a program of a queue said."""

    answer: str
    """On its standard output."""
    complaint: str
    """On its standard error, where that was forgiven."""


def ask(command: Sequence[str], *, forgives: str = "") -> str:
    r"""Run a program of a queue and return what it says; see :func:`ask_in_full`.

    Examples
    --------
    >>> ask(["echo", "417"])
    '417\n'
    """
    return ask_in_full(command, forgives=forgives).answer


def ask_in_full(command: Sequence[str], *, forgives: str = "") -> Said:
    r"""Run a program of a queue and return what it says and complains of.

    Parameters
    ----------
    command : sequence of str
        The program and its words.
    forgives : str
        Regular expression of complaints that are answers: an exit code other than 0 is none if
        every line of the complaint contains it.

    Raises
    ------
    RefusedError
        Where it answers no, with its own words.
    ProgramError
        Where it does not answer, or nobody knows what became of the question.

    Examples
    --------
    >>> ask_in_full(["bash", "-c", "echo no job 7 >&2; exit 1"], forgives="no job")
    Said(answer='', complaint='no job 7')
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
            env=_own_environment(),
        )
    except OSError as error:
        raise RefusedError(
            f"{command[0]} cannot be started ({error.strerror}); log in to the cluster"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(
            f"{command[0]} did not answer within {ANSWER_S:g} s; try again"
        ) from error
    said = (done.stderr or done.stdout).strip() or "nothing"
    if done.returncode == 0 and (done.stdout.strip() or not _UNSURE.search(said)):
        return Said(done.stdout, done.stderr.strip())
    if done.returncode > 0 and forgives and _all_lines_hold(forgives, said):
        return Said(done.stdout, said)
    text = f"{shlex.join(command)} ended with {done.returncode} and said: {said}"
    is_refused = done.returncode > 0 and _REFUSED.search(said) and not _UNSURE.search(said)
    raise RefusedError(text) if is_refused else ProgramError(text)


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not _OPTIONS.match(name)}


def _all_lines_hold(pattern: str, text: str) -> bool:
    return all(re.search(pattern, line) for line in text.splitlines())
