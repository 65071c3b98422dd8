"""What a run has put on the host, written down and synced before it counts on it.

A run that ends cleanly removes its ledger. One that was killed leaves it, and
:func:`recover` ends what is left: the processes that are still those of the ledger (a pid
that was used again has another start time), and scratch folders that carry its mark.

One file a run, JSON lines: first the owner, then what it put where.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from chaos.errors import InfrastructureError
from chaos.sandbox.libc import ended_within
from chaos.sandbox.lines import Json, JsonObject

_SUFFIX: Final = ".ledger"
_MARK: Final = ".quorum-chaos-scratch"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_END_MS: Final = 2000
_START_FIELD: Final = 19  # of /proc/<pid>/stat after the command: ticks since boot


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one boot: a pid alone may be used again."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has ``pid`` now; ``None`` if there is none, or only a zombie."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else cls(pid, int(fields[_START_FIELD]))


def ledger_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where ledgers lie: under XDG_STATE_HOME, else a private folder in the temporary one.

    Raises:
        InfrastructureError: the folder is not ours alone.
    """
    home = environment.get("XDG_STATE_HOME", "")
    wished = Path(home) if home else Path("~").expanduser() / ".local" / "state"
    try:
        return _private(wished / "quorum-chaos" / "runs")
    except (OSError, RuntimeError):  # no home, or not writable
        return _private(Path(tempfile.gettempdir()) / f"quorum-chaos-{os.getuid()}" / "runs")


def _private(folder: Path) -> Path:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise InfrastructureError(
            f"{folder} belongs to someone else; remove it, or set XDG_STATE_HOME"
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} is not writable")
    return folder


class Ledger:
    """The ledger of one run. Lines are on the disk when a method returns."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Use :meth:`open`."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, run: str, folder: Path | None = None) -> Self:
        """Begin the ledger of ``run``, owned by this process.

        Raises:
            InfrastructureError: it cannot be written, or a run of this name has one.
        """
        folder = ledger_folder() if folder is None else folder
        path = folder / f"{run}{_SUFFIX}"
        me = Identity.of(os.getpid())
        assert me is not None
        owner: JsonObject = {"owner": me.pid, "start": me.start_ticks, "boot": _boot(), "run": run}
        draft = folder / f".{run}.{me.pid}"
        try:
            descriptor = os.open(
                draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            ledger = cls(path, descriptor)
            ledger._write(owner)
            # Under its name only once it names its owner: a ledger without one looks dead.
            path.hardlink_to(draft)
            _sync_folder(folder)
        except OSError as error:
            raise InfrastructureError(f"cannot begin the ledger {path}: {error}") from error
        finally:
            draft.unlink(missing_ok=True)
        return ledger

    def process(self, pid: int, what: str) -> None:
        """``pid`` is ours and is to end with the run. One that has ended already is left out."""
        found = Identity.of(pid)
        if found is not None:
            self._write({"process": pid, "start": found.start_ticks, "what": what})

    def scratch(self, folder: Path) -> None:
        """Make ``folder``, which is to vanish with the run, whatever is in it.

        Raises:
            InfrastructureError: it exists already, or cannot be made.
        """
        folder = folder.absolute()
        self._write({"scratch": str(folder)})
        try:
            folder.mkdir(parents=True)
            (folder / _MARK).write_text(self.path.name)
        except OSError as error:
            raise InfrastructureError(f"cannot make {folder}: {error}") from error

    def close(self) -> None:
        """All of it is gone: forget it. Safe to call twice."""
        if self._descriptor < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, line: JsonObject) -> None:
        try:
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
            os.fsync(self._descriptor)
        except OSError as error:
            raise InfrastructureError(f"cannot write the ledger {self.path}: {error}") from error


def recover(folder: Path | None = None) -> list[str]:
    """End what dead runs have left on this host; one sentence for each thing done.

    Raises:
        InfrastructureError: something cannot be ended; its ledger stays.
    """
    folder = ledger_folder() if folder is None else folder
    said: list[str] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody else recovers this one
            lines, torn = _lines(file.read())
        said.extend(_recover_one(path, lines, torn))
    return said


def _recover_one(path: Path, lines: list[JsonObject], torn: str) -> list[str]:
    owner = lines[0] if lines else {}
    if _is_alive(owner):
        return []
    said = [f"{path.name}: {torn}"] if torn else []
    same_boot = owner.get("boot") == _boot()
    # Processes first, children after their parents, so that nothing writes into a folder
    # that is being removed.
    for line in lines[1:]:
        if same_boot:
            said.extend(_end_process(line))
    for line in lines[1:]:
        said.extend(_remove(path, line))
    path.unlink(missing_ok=True)
    return [*said, f"{path.name}: its run was cut off; nothing of it is left"]


def _is_alive(owner: JsonObject) -> bool:
    match owner:
        case {"owner": int(pid), "start": int(start), "boot": str(boot)}:
            return boot == _boot() and Identity.of(pid) == Identity(pid, start)
        case _:
            return False


def _end_process(line: JsonObject) -> list[str]:
    match line:
        case {"process": int(pid), "start": int(start), "what": str(what)}:
            pass
        case _:
            return []
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return []
    try:
        # The pidfd is open before the start time is read, so both are of one process.
        if Identity.of(pid) != Identity(pid, start):
            return []
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        if not ended_within(pidfd, _END_MS):
            raise InfrastructureError(f"process {pid} ({what}) does not end; end it by hand")
    except PermissionError as error:
        raise InfrastructureError(f"process {pid} ({what}) is not ours to end: {error}") from error
    finally:
        os.close(pidfd)
    return [f"ended process {pid} ({what})"]


def _remove(ledger: Path, line: JsonObject) -> list[str]:
    match line:
        case {"scratch": str(name)}:
            folder = Path(name)
            mark = folder / _MARK
            if not mark.is_file() or mark.read_text() != ledger.name:
                return []  # never made, or somebody else's by now
            shutil.rmtree(folder)
            return [f"removed folder {folder}"]
        case _:
            return []


def _lines(text: str) -> tuple[list[JsonObject], str]:
    """The whole lines of a ledger, and what is wrong with its last one, if anything."""
    found: list[JsonObject] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        try:
            one: Json = json.loads(line)
        except ValueError:
            return found, f"line {number} was cut short"
        if not isinstance(one, dict) or not line.endswith("\n"):
            return found, f"line {number} was cut short"
        found.append(one)
    return found, ""


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
