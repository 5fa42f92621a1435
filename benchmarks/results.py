"""``RESULTS.md``: each benchmark writes its own section and leaves the others alone."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


def write_section(title: str, lines: Sequence[str], *, path: Path = RESULTS) -> None:
    """Put a section under ``# title``, where it was or at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = [part.strip() for part in re.split(r"^(?=# )", text, flags=re.M) if part.strip()]
    new = "\n".join([f"# {title}", "", *lines]).strip()
    heads = [section.splitlines()[0] for section in sections]
    if f"# {title}" in heads:
        sections[heads.index(f"# {title}")] = new
    else:
        sections.append(new)
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def circumstances(command: str) -> str:
    """Return which command was given when, on what machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Written by `{command}` on {datetime.now(tz=UTC).date()}. iemhpc {version('iemhpc')}, "
        f"Python {platform.python_version()}; {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB, load average {os.getloadavg()[1]:.1f} over the last 5 minutes (its own "
        "work included; more than the cores there are makes times longer)."
    )
