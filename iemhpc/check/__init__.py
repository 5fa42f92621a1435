"""One run, asked: where its parameters come from, whether it is equilibrated, are its energies so.

Doubts are said and do not fail; what makes a run worthless does.
"""

from iemhpc.check.report import CheckReport, check_run

__all__ = ["CheckReport", "check_run"]
