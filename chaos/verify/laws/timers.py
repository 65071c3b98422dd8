"""The time limits that a peer sets itself, held against its configuration.

``timings_respected``: every timer is armed for as long as the timings say, the notification
wait doubles, and no state is left without the timer that ends it. ``silence_before_decision``
(law E5c): between the last notification and a decision lies the whole finalize wait.

Source: ZooKeeper 3.8 ``FastLeaderElection.lookForLeader`` (``notTimeout``, ``finalizeWait``),
``Leader.lead``, ``Learner.connectToLeader``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaos.election import packets as pk
from chaos.election.effects import (
    Arm,
    Decided,
    Disarm,
    Effect,
    Entered,
    Exit,
    Expire,
    LearnerConnected,
    PacketRead,
    Phase,
    SendPacket,
    TimerKind,
)
from chaos.election.notification import ServerState
from chaos.election.timings import Timings
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.standing import Standing
from chaos.verify.tester import Meddling

_MS: Final = 1_000_000
_SLACK_NS: Final = 1_000_000  # a stamp is taken when a step begins, a timer a moment later
# In each state one of these has to run: nothing else would end it if nobody spoke any more.
_NEEDED: Final = {
    ServerState.LOOKING: {TimerKind.RESEND, TimerKind.FINALIZE},
    ServerState.LEADING: {TimerKind.WAIT, TimerKind.TICK},
    ServerState.FOLLOWING: {TimerKind.CONNECT, TimerKind.CONNECT_BUDGET, TimerKind.LEADER_READ},
    ServerState.OBSERVING: {TimerKind.CONNECT, TimerKind.CONNECT_BUDGET, TimerKind.LEADER_READ},
}


class Timekeeper:
    """The timers of one incarnation."""

    def __init__(self, began: Began, docket: Docket, tester: Meddling) -> None:
        self._sid = began.sid
        self._timings: Timings = began.spec.timings
        self._docket = docket
        self._tester = tester
        self._running: dict[tuple[TimerKind, int], int] = {}  # armed at, ns
        self._resend_ms = self._timings.notification_ms_min
        self._synced: set[int] = set()  # learners' connections that were sent UPTODATE
        self._acked = False  # NEWLEADER was read
        self._state: ServerState | None = None  # until it looks for the first time
        self._due: dict[TimerKind, Callable[[int], tuple[int, ...]]] = {
            TimerKind.RESEND: lambda _: (self._resend_ms,),
            TimerKind.FINALIZE: lambda _: (self._timings.finalize_ms,),
            TimerKind.TICK: lambda _: (max(1, self._timings.tick_ms // 2),),
            TimerKind.WAIT: lambda _: (self._timings.init_ms,),
            TimerKind.CONNECT_BUDGET: lambda _: (self._timings.init_ms,),
            TimerKind.CONNECT: lambda _: self._pauses(),
            TimerKind.LEARNER_READ: lambda conn: (self._read_ms(synced=conn in self._synced),),
            TimerKind.LEADER_READ: lambda _: (self._read_ms(synced=self._acked),),
            TimerKind.DISLOYAL: lambda _: (self._timings.epoch_wait_ms,),
        }

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        finalize = self._running.get((TimerKind.FINALIZE, 0))
        self._input(event)
        for effect in event.effects:
            self._effect(effect, index)
            if isinstance(effect, Decided) and effect.how is Exit.FINALIZED:
                self._silent(finalize, event, index)
            if isinstance(effect, Arm):
                self._running[effect.timer.kind, effect.timer.conn] = event.at_ns
        self._somebody_waits(index, standing)

    def _input(self, event: Stepped) -> None:
        match event.happened:
            case Expire(timer=timer):
                self._running.pop((timer.kind, timer.conn), None)
                if timer.kind is TimerKind.RESEND:
                    twice = 2 * self._resend_ms
                    self._resend_ms = min(twice, self._timings.notification_ms_max)
            case LearnerConnected(conn=conn):
                self._synced.discard(conn)
            case PacketRead(packet=pk.NewLeader()):
                self._acked = True
            case _:
                pass

    def _effect(self, effect: Effect, index: int) -> None:
        match effect:
            case Entered(state=state, phase=phase):
                self._state = state
                if phase is Phase.ELECTION:
                    self._resend_ms = self._timings.notification_ms_min
                    self._synced.clear()
                    self._acked = False
            case SendPacket(conn=conn, packet=pk.UpToDate()):
                self._synced.add(conn)
            case Disarm(timer=timer):
                self._running.pop((timer.kind, timer.conn), None)
            case Arm(timer=timer, delay_ms=delay):
                due = self._due.get(timer.kind)
                if due is None:
                    return
                want, wrong = due(timer.conn), ""
                if delay not in want:
                    right = " or ".join(map(str, sorted(set(want))))
                    wrong = (
                        f"peer {self._sid} armed its {timer.kind} timer for {delay} ms; "
                        f"by its timings it is {right} ms"
                    )
                self._docket.case(Law.TIMERS, wrong, index)
            case _:
                pass

    def _pauses(self) -> tuple[int, ...]:
        """All pauses between connections to the leader, and the one before it leaves."""
        timings = self._timings
        each = range(1, max(2, timings.leader_connect_attempts))
        return (
            timings.leader_connect_retry_ms,
            *(timings.leader_connect_delay_ms(attempt) for attempt in each),
        )

    def _read_ms(self, *, synced: bool) -> int:
        return self._timings.sync_ms if synced else self._timings.init_ms

    def _silent(self, armed_ns: int | None, event: Stepped, index: int) -> None:
        """E5c, by the clock: the whole wait has passed since it last began."""
        if self._sid in self._tester.skewed:
            return
        wait_ns, wrong = self._timings.finalize_ms * _MS, ""
        if armed_ns is None:
            wrong = f"peer {self._sid} decided, and had not begun to wait"
        elif event.at_ns - armed_ns < wait_ns - _SLACK_NS:
            waited = (event.at_ns - armed_ns) / _MS
            wrong = (
                f"peer {self._sid} decided {waited:.1f} ms after the last notification; "
                f"its finalize wait is {self._timings.finalize_ms} ms"
            )
        self._docket.case(Law.SILENCE, wrong, index)

    def _somebody_waits(self, index: int, standing: Standing) -> None:
        """A state that no timer ends lasts for ever if nobody speaks."""
        if self._state is None:
            return
        needed, wrong = _NEEDED[self._state], ""
        if not any(kind in needed for kind, _ in self._running):
            kinds = " or ".join(sorted(needed))
            wrong = f"peer {standing.sid} is {self._state.name} with no {kinds} timer armed"
        self._docket.case(Law.TIMERS, wrong, index)
