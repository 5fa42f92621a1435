"""How a queue's programs are asked, and what their refusals mean."""

import re
import shlex
import subprocess
from collections.abc import Sequence

from iemhpc.errors import ProgramError, RefusedError

ANSWER_S = 60.0

# Words after which nobody knows whether a job was made: the request may have arrived, its answer
# not. Slurm: src/common/slurm_errno.c; PBS: src/lib/Libcmds and pbs_error.h.
_UNSURE = re.compile(
    r"timed? ?out|unable to contact|cannot connect|connection|communication|zero bytes|"
    r"send/recv|socket|end of file|not responding|temporarily|try again|protocol",
    re.IGNORECASE,
)


def ask(command: Sequence[str], *, forgives: str = "") -> str:
    r"""Run a program of a queue and return what it says.

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
    >>> ask(["echo", "417"])
    '417\n'
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except OSError as error:
        raise RefusedError(
            f"{command[0]} cannot be started ({error.strerror}); log in to the cluster"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(
            f"{command[0]} did not answer within {ANSWER_S:g} s; try again"
        ) from error
    if done.returncode == 0:
        return done.stdout
    said = (done.stderr or done.stdout).strip() or "nothing"
    if forgives and all(re.search(forgives, line) for line in said.splitlines()):
        return done.stdout
    text = f"{shlex.join(command)} ended with {done.returncode} and said: {said}"
    raise ProgramError(text) if _UNSURE.search(said) else RefusedError(text)
