"""Peers end when they are told to, and not by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chaos.actions import Kill, MendDisk, SpoilDisk, Terminate
from chaos.election.ids import Sid
from chaos.history.events import Acted, Appeared, Began, Event, Exited, Left
from chaos.history.history import History
from chaos.verify.verdict import Kind, Outcome, Verdict

NO_ROOM: Final = 74  # a peer's own exit status when its disk does not keep what it has to
_MISTAKE: Final = 70  # a peer's own exit status after an internal error
_CRASHES: Final = {-4: "SIGILL", -6: "SIGABRT", -7: "SIGBUS", -8: "SIGFPE", -11: "SIGSEGV"}


class Told:
    """What was asked of each peer, and what it said itself, by the events so far."""

    def __init__(self) -> None:
        self.words: dict[Sid, str] = {}
        self._began: dict[Sid, int] = {}
        self._told: dict[Sid, int] = {}
        self._full: dict[str, tuple[Sid, ...]] = {}  # disks without room, by the fault

    def take(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case Began() | Appeared():
                self._began[event.sid] = event.at_ns
            case Acted(action=Kill(sid=sid) | Terminate(sid=sid)):
                self._told[sid] = event.at_ns
            case Acted(action=SpoilDisk(name=name, sids=sids, lag_ns=0)):
                self._full[name] = sids
            case Acted(action=MendDisk(name=name)):
                self._full.pop(name, None)
            case Left():
                self.words[event.sid] = event.why
            case _:
                pass

    def asked(self, event: Exited) -> bool:
        """Whether a fault of the plan ended it: a peer ends where it cannot write."""
        if event.status == NO_ROOM and any(event.sid in sids for sids in self._full.values()):
            return True
        return self._told.get(event.sid, -1) >= self._began.get(event.sid, 0)


@dataclass(frozen=True, slots=True)
class EndsAsTold:
    """No process of a peer ends but by a fault of the plan.

    A peer that crashes FAILS it. One that somebody else ended makes it UNKNOWN: what was seen
    afterwards is not what the plan asked for.
    """

    name: str = "peers_end_only_when_told"

    def check(self, history: History) -> Verdict:
        """Judge every end of a process."""
        judged = 0
        found: list[tuple[Outcome, str, int]] = []
        known = Told()
        for index, event in enumerate(history.events):
            known.take(event)
            if not isinstance(event, Exited):
                continue
            judged += 1
            if event.sid in history.foreign and _by_itself(event.status):
                found.append((*_foreign(event), index))
            elif not known.asked(event):
                found.append((*_account(event, known.words.get(event.sid, "")), index))
        if not found:
            ends = "1 end" if judged == 1 else f"{judged} ends, each"
            return self._verdict(Outcome.HOLDS, f"{ends} by a fault", (), judged)
        outcome, why, _ = min(found, key=lambda one: one[0] is not Outcome.FAILS)
        return self._verdict(outcome, why, tuple(index for *_, index in found), judged)

    def _verdict(
        self, outcome: Outcome, why: str, evidence: tuple[int, ...], judged: int
    ) -> Verdict:
        if judged == 0:
            outcome, why = Outcome.NOT_EXERCISED, "no process of a peer ended in this run"
        return Verdict(self.name, Kind.EXPECTATION, outcome, why, evidence, judged)


_BY_SIGNAL: Final = (129, 130, 143)  # a JVM that ended by SIGHUP, SIGINT or SIGTERM
_CODES: Final = {  # of ZooKeeper 3.8 ``ExitCode``
    1: "an unexpected error",
    2: "bad arguments or configuration",
    3: "its data folder cannot be accessed",
    4: "its admin server did not start",
    10: "an error of its transaction log while it took a snapshot",
    12: "a commit that matches no proposal of its",
    13: "a packet out of turn, or a log that it could not truncate",
    14: "it could not bind its election port",
}


def _by_itself(status: int) -> bool:
    """Whether a foreign server ended for a reason of its own, even if it was asked to as well.

    A JVM that is told to end says so by its status.
    """
    return status > 0 and status not in _BY_SIGNAL


def _foreign(event: Exited) -> tuple[Outcome, str]:
    meaning = _CODES.get(event.status, "which ZooKeeper does not name")
    why = f"server {event.sid} ended by itself with code {event.status}: {meaning}"
    return Outcome.FAILS, why


def how(status: int) -> str:
    """``signal 9`` or ``status 70``."""
    return f"signal {-status}" if status < 0 else f"status {status}"


def _account(event: Exited, words: str) -> tuple[Outcome, str]:
    """What an end that nobody asked for means."""
    said = f": {words}" if words else ""
    if event.status == _MISTAKE:
        return Outcome.FAILS, f"peer {event.sid} ended by an error of its own{said}"
    if event.status in _CRASHES:
        return Outcome.FAILS, f"peer {event.sid} crashed by {_CRASHES[event.status]}{said}"
    why = f"peer {event.sid} ended by {how(event.status)}, and no fault did it{said}"
    return Outcome.UNKNOWN, why
