"""The folder a campaign lives in: its paths, its locks, and files that appear whole or not at all.

``campaign.toml  runs/<id>/  rdf.parquet  descriptors.parquet  dataset.parquet  tuning/<id>/
models/<hash>/  models/current  saliency/  report/index.html``
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from iemhpc.errors import InputError, LockedError, MissingInputError
from iemhpc.processes import ProcessIdentity, is_same_process, this_process

LOCK_STALE_S = 600.0
"""A lock of another host without a heartbeat for this long belongs to nobody."""

HEARTBEAT_S = 30.0


@dataclass(frozen=True, slots=True)
class Workspace:
    """The default paths of one campaign.

    Examples
    --------
    >>> Workspace(Path("/scratch/iem")).run("0f3a").as_posix()
    '/scratch/iem/runs/0f3a'
    """

    root: Path
    """The campaign's folder."""

    @property
    def campaign(self) -> Path:
        """What to simulate, written by the user."""
        return self.root / "campaign.toml"

    @property
    def runs(self) -> Path:
        """One folder a run, named by the hash of its plan."""
        return self.root / "runs"

    def run(self, run_id: str) -> Path:
        """Return the folder of one run."""
        return self.runs / run_id

    @property
    def rdf(self) -> Path:
        """Pair counts of all runs, block by block."""
        return self.root / "rdf.parquet"

    @property
    def descriptors(self) -> Path:
        """Twelve descriptors a run."""
        return self.root / "descriptors.parquet"

    @property
    def replicas(self) -> Path:
        """Descriptors of a box from all its builds, with their spread as the error."""
        return self.root / "replicas.parquet"

    @property
    def dynamics(self) -> Path:
        """What moves and what sticks, a row a run."""
        return self.root / "dynamics.parquet"

    @property
    def labels(self) -> Path:
        """Labels imported from the user's own tables."""
        return self.root / "labels.parquet"

    @property
    def dataset(self) -> Path:
        """One row a point, with label and descriptors."""
        return self.root / "dataset.parquet"

    @property
    def tuning(self) -> Path:
        """One folder a tuning, named by the hash of what was asked."""
        return self.root / "tuning"

    @property
    def models(self) -> Path:
        """Model bundles, named by the hash of their content, and ``current``."""
        return self.root / "models"

    @property
    def saliency(self) -> Path:
        """Saliency per atom and the pictures."""
        return self.root / "saliency"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report" / "index.html"

    def need(self, path: Path, *, made_by: str) -> Path:
        """Return ``path`` if it exists, else say which command makes it.

        Raises
        ------
        MissingInputError
            Where the path does not exist.
        """
        if not path.exists():
            shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
            raise MissingInputError(
                f"{shown} is not in the workspace {self.root.resolve()}; make it with: {made_by}"
            )
        return path


@contextlib.contextmanager
def publishing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends well.

    The temporary path may be made a file or a folder. Nothing is left behind if the block raises.
    An existing folder at ``path`` is replaced. A file keeps the mode of the one that it replaces.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir() and not path.is_symlink():
            old = path.with_name(f".{path.name}.{uuid4().hex[:8]}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            if not temporary.is_dir():
                _keep_mode(path, temporary)
            temporary.replace(path)
    finally:
        if temporary.is_dir() and not temporary.is_symlink():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _keep_mode(old: Path, new: Path) -> None:
    """Let a file be for whom the one is that it replaces; somebody else's modes stay theirs."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with publishing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write JSON that a person can read, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        Where the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON ({error}); restore it or delete it") from error


def content_hash(value: object, length: int = 12) -> str:
    """Return a short hash of a JSON-like value; numbers count by value, not by type.

    Examples
    --------
    >>> content_hash({"salt_molar": 1}) == content_hash({"salt_molar": 1.0})
    True
    """
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return float(value)  # type: ignore[arg-type]  # int, float and numpy scalars alike


def file_hash(path: Path, length: int = 64) -> str:
    """Return the SHA-256 of a file's bytes, its first ``length`` hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:length]


@contextlib.contextmanager
def lock(path: Path, *, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    It is made with O_EXCL, because flock is absent or lies on many network file systems, and
    touched every half minute. A lock whose process has ended on this host, or which nobody has
    touched for ten minutes, is taken over.

    Raises
    ------
    LockedError
        Where a living process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = {**asdict(this_process()), "token": uuid4().hex, "what": what}
    while not _take(path, owner):
        holder = _holder(path)
        if holder is None:
            continue
        if not _is_stale(path, holder):
            raise LockedError(
                f"{what}: process {holder.get('pid')} on {holder.get('host')} is at it "
                f"({holder.get('what')}); wait for it, or delete {path} if it is gone"
            )
        _break(path, holder)
    stop = threading.Event()
    beat = threading.Thread(target=_heartbeat, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        if (_holder(path) or {}).get("token") == owner["token"]:
            path.unlink(missing_ok=True)


def _take(path: Path, owner: Mapping[str, object]) -> bool:
    # A link of a finished file: the lock never exists without its owner's name in it.
    draft = path.with_name(f".{path.name}.{owner['token']}")
    try:
        draft.write_text(json.dumps(owner), encoding="utf-8")
        with contextlib.suppress(PermissionError):  # who may write here may know who is at it
            draft.chmod(0o600 | stat.S_IMODE(path.parent.stat().st_mode) & 0o060)
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _holder(path: Path) -> dict[str, Any] | None:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LockedError(
            f"{path} is the lock of another user, who keeps it to themselves; wait for them, or "
            f'ask them to set file_mode = "group" in the cluster profile ({error.strerror})'
        ) from error
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_stale(path: Path, holder: Mapping[str, Any]) -> bool:
    if isinstance(holder.get("host"), str) and isinstance(holder.get("pid"), int):
        lives = is_same_process(
            ProcessIdentity(
                host=holder["host"],
                pid=holder["pid"],
                start=str(holder.get("start", "")),
                boot=str(holder.get("boot", "")),
            )
        )
        if lives is not None:
            return not lives
    try:
        return time.time() - path.stat().st_mtime > LOCK_STALE_S
    except FileNotFoundError:
        return False


def _break(path: Path, holder: Mapping[str, Any]) -> None:
    aside = path.with_name(f".{path.name}.{uuid4().hex}.stale")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _holder(aside) != holder:  # someone was faster: give the fresh lock back
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _heartbeat(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        with contextlib.suppress(FileNotFoundError):
            path.touch(exist_ok=True)
