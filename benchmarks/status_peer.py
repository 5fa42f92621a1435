"""signac-flow shows the status of as many jobs: run by the Python of its own environment.

Half of the jobs have made their product; one operation, one label, and a queue that answers at once
with nothing (without an answer it ends in a traceback). Prints the CPU seconds of ``print_status``
alone.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import signac  # type: ignore[import-not-found]
from flow import FlowProject  # type: ignore[import-not-found]


class Project(FlowProject):  # type: ignore[misc]
    """One operation, whose product is a file."""


@Project.label  # type: ignore[untyped-decorator]
def is_done(job: "signac.job.Job") -> bool:
    """Say whether the product is there."""
    return bool(job.isfile("product.txt"))


@Project.post.isfile("product.txt")  # type: ignore[untyped-decorator]
@Project.operation  # type: ignore[untyped-decorator]
def produce(job: "signac.job.Job") -> None:
    """Make the product."""
    Path(job.fn("product.txt")).write_text("x")


def main(n_jobs: int) -> None:
    """Make jobs, ask for their status, print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        queue = Path(folder) / "bin" / "squeue"
        queue.parent.mkdir()
        queue.write_text("#!/bin/sh\n")
        queue.chmod(0o755)
        os.environ["PATH"] = f"{queue.parent}:{os.environ['PATH']}"
        signac.init_project(folder)
        project = Project.get_project(folder)
        for number in range(n_jobs):
            job = project.open_job({"system": f"M{number % 17}", "seed": number})
            job.init()
            if number % 2:
                produce(job)
        began = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            project.print_status(detailed=True, parameters=["system"])
        print(time.process_time() - began)


if __name__ == "__main__":
    main(int(sys.argv[1]))
