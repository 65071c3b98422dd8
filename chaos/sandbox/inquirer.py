"""The program that asks, once, and prints what it was answered as a line of JSON.

It runs a command, or gets a page, and lives no longer than its time. It is a process of its own
because it has to be where the peers are, and because what it waits for may never come. What the
command prints to standard error goes where the inquirer's goes, into its log, as far as that may
grow. Whoever the command has started ends with it.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

from chaos.sandbox.libc import adopt_orphans, die_with

TEXT_MAX: Final = 1 << 16  # bytes that are kept of an answer
LOG_MAX: Final = 1 << 18  # bytes that are kept of what a command says besides
_READ: Final = 1 << 14
_ENDS: Final = (signal.SIGALRM, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Question:
    """``argv`` is run, or ``url`` is got if there is no command. ``env`` is added for it.

    ``harness`` is the process to end with, 0 in a world of its own, which ends anyway.
    """

    argv: tuple[str, ...]
    url: str
    env: Mapping[str, str]
    timeout_s: float
    harness: int = 0

    def text(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is ``None`` where there was no answer: ``why`` then says so."""

    status: int | None
    text: str = ""
    why: str = ""


def read_answer(printed: str) -> Answer:
    """The answer in what an inquirer printed, which is its last line."""
    try:
        told = json.loads(printed.splitlines()[-1])
        return Answer(told["status"], told["text"], told["why"])
    except (IndexError, ValueError, KeyError, TypeError):
        said = printed.strip().splitlines()[-1:] or ["nothing"]
        return Answer(None, "", f"the inquirer ended without an answer; it said: {said[0][:200]}")


def main() -> None:
    """Ask what the last argument says."""
    told = json.loads(sys.argv[-1])
    asked = Question(**{**told, "argv": tuple(told["argv"])})
    if asked.harness:
        die_with(os.pidfd_open(asked.harness))
    for one in _ENDS:
        signal.signal(one, _up)
    signal.setitimer(signal.ITIMER_REAL, asked.timeout_s)
    answer = _command(asked) if asked.argv else _page(asked)
    sys.stdout.write("\n" + json.dumps(asdict(answer)) + "\n")  # a line of its own
    sys.stdout.flush()


class _UpError(Exception):
    """Its time is up."""


def _up(number: int, frame: FrameType | None) -> None:
    """Once: what follows is to end what was asked."""
    del number, frame
    for one in _ENDS:
        signal.signal(one, signal.SIG_IGN)
    raise _UpError


def _command(asked: Question) -> Answer:
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # until it is known what is to be ended
    adopt_orphans()
    try:
        process = subprocess.Popen(  # noqa: S603 - the plan's own command
            asked.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **asked.env},
            start_new_session=True,
            preexec_fn=_die_too,  # noqa: PLW1509 - there is one thread
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Answer(None, "", f"the command cannot be run: {error}")
    heard = _Heard(process)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        heard.listen()
        return Answer(process.wait(), _text(heard.kept))
    except _UpError:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        why = f"no end after {asked.timeout_s:g} s; it was killed"
        return Answer(None, _text(heard.kept), why)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        _end_offspring()
        heard.drain()


def _die_too() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
    die_with(os.pidfd_open(os.getppid()))


def _end_offspring() -> None:
    """Kill whom the command left; orphans come to us, so that none of them is missed."""
    if Path("/proc/self").readlink().name != str(os.getpid()):
        return  # the pids there are those of another world; ours ends by itself
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := [int(pid) for pid in children.read_text().split()]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            os.waitpid(pid, 0)


class _Heard:
    """What a command says: all is read, so that it never waits, and the beginning is kept."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.kept = bytearray()
        self._out = process.stdout.fileno()
        self._aside = process.stderr.fileno()
        self._end = os.pidfd_open(process.pid)
        self._open = {self._out, self._aside, self._end}
        self._aside_left = LOG_MAX

    def listen(self) -> None:
        """Until the command has ended and nobody can say more in its place."""
        while self._open & {self._out, self._end}:
            self._hear(None)

    def drain(self) -> None:
        """What was said and not yet heard; nobody is left who could go on."""
        self._open.discard(self._end)
        while self._hear(0):
            pass

    def _hear(self, timeout_s: float | None) -> bool:
        ready = select.select(list(self._open), [], [], timeout_s)[0] if self._open else []
        for one in ready:
            read = b"" if one == self._end else os.read(one, _READ)
            if not read:
                self._open.discard(one)
            elif one == self._out:
                self.kept += read[: max(0, TEXT_MAX - len(self.kept))]
            else:
                os.write(sys.stderr.fileno(), read[: self._aside_left])
                self._aside_left -= min(self._aside_left, len(read))
        return bool(ready)


class _Page(Protocol):
    @property
    def status(self) -> int | None: ...

    def read(self, amount: int) -> bytes: ...


def _page(asked: Question) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the run's own network
    try:
        try:
            with opener.open(asked.url) as page:
                return _told(page)
        except urllib.error.HTTPError as error:
            with error:
                return _told(error)
    except _UpError:
        return Answer(None, "", f"no page after {asked.timeout_s:g} s")
    except (OSError, ValueError) as error:
        return Answer(None, "", f"no page: {error}")
    except http.client.HTTPException as error:
        return Answer(None, "", f"no page: what came is no HTTP: {error!r}")


def _told(page: _Page) -> Answer:
    return Answer(page.status, _text(page.read(TEXT_MAX)))


def _text(read: bytes | bytearray) -> str:
    return read.decode("utf-8", "backslashreplace")
