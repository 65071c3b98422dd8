"""Questions to peers from beside the run: an inquirer each, which has its time.

With the kernel network it runs in the run's own network, where the addresses of the peers are;
else on the host.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import chaos
from chaos.actions import Ask, Evidence
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.history.answers import Answered
from chaos.sandbox.inquirer import Question, read_answer
from chaos.sandbox.keeper import Keeper
from chaos.systems.world import KERNEL, ForeignProcess, World

_BOOT: Final = (
    "import sys; sys.path[:0] = sys.argv[1].split(':'); "
    "from chaos.sandbox.inquirer import main; main()"
)
_GRACE_NS: Final = 2_000_000_000  # for an inquirer to start, and to kill what it asked
_END_S: Final = 2
_TOLD_MAX: Final = 4000  # characters of an answer that go into a history


class _OnHost:
    """An inquirer outside of any namespace."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._keeper.pid

    def ended_within(self, timeout_ms: int) -> bool:
        """Whether it has ended, and is reaped."""
        return self._keeper.ended_within(timeout_ms / 1000)

    def end(self) -> None:
        """Have it kill what it asked, and end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if not self.ended_within(_END_S * 1000):
            self._keeper.kill()
            self.ended_within(_END_S * 1000)


@dataclass(frozen=True, slots=True)
class _Asked:
    action: Ask
    process: _OnHost | ForeignProcess
    log: Path
    since_ns: int

    def answered(self, status: int | None, text: str, why: str) -> Answered:
        """The answer, heard now."""
        now_ns, asked = time.monotonic_ns(), self.action
        return Answered(
            now_ns,
            self.since_ns,
            asked.name,
            asked.sid,
            asked.number,
            status,
            text[:_TOLD_MAX],
            why,
        )


class Inquiries:
    """The questions of one run that are not answered yet."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: list[_Asked] = []

    def ask(self, action: Ask, home: Path) -> Evidence:
        """Begin to ask; :meth:`answers` tells what comes of it. ``home`` gets a log.

        Raises:
            InfrastructureError: nobody can be sent to ask.
        """
        since_ns = time.monotonic_ns()
        home.mkdir(parents=True, exist_ok=True)
        log = home / f"asked-{action.name}-{action.number}.log"
        address = self._world.host_of(action.sid)
        kernel = self._world.network == KERNEL
        question = Question(
            argv=action.argv,
            url=placed(action.url, action.sid, address),
            env=_env(action, address),
            timeout_s=action.timeout_ns / 1e9,
            harness=0 if kernel else os.getpid(),
        )
        paths = str(Path(chaos.__file__).parent.parent)
        command = [sys.executable, "-I", "-S", "-c", _BOOT, paths, question.text()]
        process: _OnHost | ForeignProcess
        if kernel:
            process = self._world.spawn(None, command, cwd=Path.cwd(), log=log)
        else:
            process = _OnHost(Keeper(command, (), log))
        self._asked.append(_Asked(action, process, log, since_ns))
        return Evidence(True, {"pid": process.pid, "address": address})

    def answers(self) -> Iterator[Answered]:
        """Those that have come since the last call."""
        for one in list(self._asked):
            if one.process.ended_within(0):
                self._asked.remove(one)
                found = read_answer(one.log.read_text(encoding="utf-8", errors="replace"))
                yield one.answered(found.status, found.text, found.why)
            elif time.monotonic_ns() > one.since_ns + one.action.timeout_ns + _GRACE_NS:
                self._asked.remove(one)
                _end(one.process)
                yield one.answered(None, "", "the inquirer did not end; it was killed")

    def close(self) -> None:
        """Nobody asks any more."""
        for one in self._asked:
            _end(one.process)
        self._asked.clear()


def _end(process: _OnHost | ForeignProcess) -> None:
    if isinstance(process, _OnHost):
        process.end()
        return
    with contextlib.suppress(ProcessLookupError):
        process.signal(signal.SIGTERM)
    if not process.ended_within(_END_S * 1000):
        with contextlib.suppress(ProcessLookupError):
            process.signal(signal.SIGKILL)


def placed(url: str, sid: Sid, address: str) -> str:
    """The address of a page of this very peer."""
    return url.replace("{address}", address).replace("{sid}", str(sid))


def _env(action: Ask, address: str) -> dict[str, str]:
    return {
        "CHAOS_SID": str(action.sid),
        "CHAOS_ADDRESS": address,
        "CHAOS_ELECTION_PORT": str(ELECTION_PORT),
        "CHAOS_QUORUM_PORT": str(QUORUM_PORT),
        "CHAOS_STEP": action.name,
    }
