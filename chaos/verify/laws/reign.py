"""When a leadership ends, and when it must not: laws H11 and H12.

``steps_down_in_time``: a leader whose quorum of synced learners is gone leaves LEADING within
(syncLimit + 2) ticks, by its own ticks: so neither a pause nor a slow clock is held against it.
``no_disturbance``: while a quorum answers, no join, restart or notification of another peer
ends a leadership or a stay under a leader.

Source: ZooKeeper 3.8 ``Leader.lead`` (the loop that counts ``syncedAckSet``),
``LearnerHandler.synced``.
"""

from __future__ import annotations

from chaos.election import packets as pk
from chaos.election.effects import (
    CloseConnection,
    ConnectionLost,
    Deliver,
    Entered,
    Expire,
    LearnerConnected,
    PacketRead,
    Phase,
    Reconfigure,
    SendPacket,
    Serving,
    SteppedDown,
    TimerKind,
    Work,
)
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.laws.watcher import SKEWS, names
from chaos.verify.rules import Electorate
from chaos.verify.standing import Standing
from chaos.verify.tester import Meddling

_FULL = 0xFFFFFFF0  # a counter from here on may end an epoch by itself


class Reigning:
    """The established leaderships, and stays under a leader, of one incarnation."""

    def __init__(self, began: Began, docket: Docket, tester: Meddling) -> None:
        self._sid = began.sid
        self._sync = began.spec.timings.sync_limit
        self._docket = docket
        self._tester = tester
        self._state = ServerState.LOOKING
        self._serves = False
        self._learners: dict[int, Sid] = {}  # by connection
        self._synced: set[int] = set()  # connections that were sent UPTODATE
        self._heard: dict[Sid, tuple[int, int]] = {}  # half ticks, and the event
        self._halves = 0  # half ticks of this leadership so far
        self._fresh = 0  # when it began to serve, or by other rules
        self._known: Electorate | None = None

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        if self._state is ServerState.LEADING:
            self._input(index, event)
            if self._serves and standing.electorate != self._known:
                self._known, self._fresh = standing.electorate, self._halves
        if self._serves:
            self._judge(index, event, standing)
        for effect in event.effects:
            match effect:
                case Entered(state=state, phase=phase):
                    self._state = state
                    if phase in (Phase.ELECTION, Phase.DISCOVERY):
                        self._serves = False
                        self._learners.clear()
                        self._synced.clear()
                        self._heard.clear()
                case Serving():
                    self._serves, self._halves, self._fresh = True, 0, 0
                    self._known = None
                case SendPacket(conn=conn, packet=pk.UpToDate()):
                    self._synced.add(conn)
                    self._hear(conn, index)
                case CloseConnection(conn=conn):
                    self._synced.discard(conn)  # it was silent for too long, by its own timer
                case _:
                    pass

    def _input(self, index: int, event: Stepped) -> None:
        match event.happened:
            case LearnerConnected(conn=conn):
                self._learners.pop(conn, None)
                self._synced.discard(conn)
            case PacketRead(conn=conn, packet=pk.LearnerHello(sid=sid)) if sid is not None:
                self._learners.setdefault(conn, sid)
            case PacketRead(
                conn=conn,
                packet=pk.Ping(answer=True) | pk.Ack() | pk.Request() | pk.Revalidate(),
            ) if conn in self._synced:
                self._hear(conn, index)
            case Expire(timer=timer) if timer.kind is TimerKind.TICK:
                self._halves += 1
            case ConnectionLost(conn=conn):
                self._synced.discard(conn)
            case _:
                pass

    def _hear(self, conn: int, index: int) -> None:
        sid = self._learners.get(conn)
        if sid is not None:
            self._heard[sid] = (self._halves, index)

    # ---- judging

    def _judge(self, index: int, event: Stepped, standing: Standing) -> None:
        left = any(isinstance(effect, SteppedDown) for effect in event.effects)
        leads = self._state is ServerState.LEADING
        happened = event.happened
        ticked = isinstance(happened, Expire) and happened.timer.kind is TimerKind.TICK
        if leads and ticked and not left:
            self._in_time(index, standing)
        if self._meets(happened) or (left and not isinstance(happened, (*SKEWS, Reconfigure))):
            self._undisturbed(index, event, standing, left=left)

    def _meets(self, happened: object) -> bool:
        """Whether somebody else wants something of a peer that is settled."""
        match happened:
            case Deliver() | LearnerConnected() | PacketRead(packet=pk.LearnerHello()):
                return True
            case _:
                return False

    def _in_time(self, index: int, standing: Standing) -> None:
        """H11: at this tick it goes on."""
        since, last = self._quorum_heard(standing.electorate)
        silent, wrong = self._halves - since, ""
        if silent > 2 * (self._sync + 2):
            wrong = (
                f"peer {self._sid} leads on, {silent // 2} ticks after a quorum last answered; "
                f"syncLimit + 2 is {self._sync + 2}"
            )
        self._docket.case(Law.STEP_DOWN, wrong, *((last, index) if wrong else (index,)))

    def _quorum_heard(self, electorate: Electorate) -> tuple[int, int]:
        """The last half tick at which a quorum had answered since, and the event."""
        sids: set[int] = {self._sid}
        if electorate.quorum(sids):
            return self._halves, 0
        latest = sorted(self._heard.items(), key=lambda one: one[1], reverse=True)
        for sid, (halves, index) in latest:
            sids.add(sid)
            if electorate.quorum(sids):
                return max(halves, self._fresh), index
        return self._fresh, 0

    def _undisturbed(self, index: int, event: Stepped, standing: Standing, *, left: bool) -> None:
        """H12: whoever it was, it goes on; or it leaves for a reason of its own."""
        wrong = ""
        if left and self._state is not ServerState.LEADING:
            if self._meets(event.happened):
                wrong = f"peer {self._sid} left its leader because of {_what(event)}"
        elif left and index < self._tester.first and not self._exhausted(standing):
            answering = self._answering()
            if self._meets(event.happened):
                wrong = f"peer {self._sid} gave up leading because of {_what(event)}"
            elif standing.electorate.quorum(answering) and not isinstance(event.happened, Work):
                wrong = (
                    f"peer {self._sid} gave up leading after {_what(event)}, while "
                    f"{names(answering)} answered"
                )
        self._docket.case(Law.DISTURBANCE, wrong, index)

    def _answering(self) -> set[int]:
        """Who is connected and was heard well within syncLimit, itself included."""
        connected = {self._learners[conn] for conn in self._synced if conn in self._learners}
        late = self._halves - 2 * max(0, self._sync - 1)
        return {self._sid} | {
            sid for sid, (halves, _) in self._heard.items() if sid in connected and halves >= late
        }

    def _exhausted(self, standing: Standing) -> bool:
        """Whether its epoch may be out of zxids: then it has to end."""
        return standing.zxid & 0xFFFFFFFF >= _FULL


def _what(event: Stepped) -> str:
    match event.happened:
        case Deliver(sender=sender):
            return f"a notification of peer {sender}"
        case LearnerConnected():
            return "somebody's connection"
        case PacketRead(packet=packet):
            return f"a {type(packet).__name__}"
        case Expire(timer=timer):
            return f"the end of its {timer.kind} timer"
        case other:
            return type(other).__name__
