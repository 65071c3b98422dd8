"""Runs our core on what a recorded server heard, and compares what it says with the recording.

What a capture does not tell is when a server's threads came to a message. So the order of
inputs is searched for: those of one lane stay in order, each is handled at most ``LAG_NS``
after it passed the capture, timers run out on the capture's clock and at most ``LAG_NS`` late,
and our core says nothing later than the server wrote it. The first order, nearest to the
capture's, in which our core says all that the server said, and nothing else, is taken.
Whatever else lets the two differ is an ``Allowance``, a ``Post``, an ``Open`` or a
``Difference``: each has its reason, and is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chaos.election.effects import (
    Arm,
    ConnectLeader,
    Decided,
    Deliver,
    Disarm,
    Effect,
    Entered,
    Expire,
    Input,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    Phase,
    RestartElectionLayer,
    Send,
    SendPacket,
    Start,
    SteppedDown,
    Timer,
    TimerKind,
)
from chaos.election.ids import Sid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import UpToDate
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from tests.wire.lives import LEADER, Heard, Life
from tests.wire.mailbox import Mailbox, WrongError
from tests.wire.sayings import SAID_NS, Difference, Packets

MS: Final = 1_000_000
LAG_NS: Final = 150 * MS  # five JVMs that start on two processors
TICK: Final = Timer(TimerKind.TICK)
OBSERVER_NS: Final = 200 * MS  # observer.election.DelayMs: a random pause below it
STEPS_MAX: Final = 2_000


class Allowance(StrEnum):
    """What the recording leaves open about a server's threads."""

    REORDERED = "an input or timer was handled after one that was due later"


@dataclass(slots=True)
class State:
    """Our core in the middle of a life."""

    peer: QuorumPeer
    now_ns: int
    inputs: list[Input]
    started: bool = False
    next: dict[str, int] = field(default_factory=dict)  # of each link's inputs
    timers: dict[Timer, int] = field(default_factory=dict)
    dialing: tuple[Sid, int] | None = None
    mail: Mailbox = field(default_factory=Mailbox)
    packets: Packets = field(default_factory=Packets)
    decided: list[Decided] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)

    def fork(self, spec: PeerSpec) -> State:
        """The same, with a core of its own."""
        peer = QuorumPeer(spec)
        for happened in self.inputs:
            peer.step(happened)
        return State(
            peer,
            self.now_ns,
            list(self.inputs),
            self.started,
            dict(self.next),
            dict(self.timers),
            self.dialing,
            self.mail.copy(),
            self.packets.copy(),
            list(self.decided),
            Counter(self.used),
        )


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that may happen next: the head of a link, a timer, or the start."""

    at_ns: int
    happened: Input
    seen_ns: int  # when it passed the capture, or ran out
    heard: Heard | None = None
    timer: Timer | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A life in which our core said what the server said."""

    life: Life
    end: State
    steps: int


class Replay:
    """The search for the order of one life's inputs."""

    def __init__(self, life: Life, spec: PeerSpec) -> None:
        self._life = life
        self._spec = spec
        self._lanes: dict[str, list[Heard]] = {}
        for heard in life.heard:
            self._lanes.setdefault(heard.lane, []).append(heard)
        self._furthest = (-1, "nothing was tried")

    def run(self) -> Replayed:
        """Find an order.

        Raises:
            AssertionError: there is none; the message tells of the one that led furthest.
        """
        begin = State(QuorumPeer(self._spec), self._life.begin_ns, [])
        begin.mail, begin.packets = Mailbox.of(self._life), Packets.of(self._life)
        tried = [(begin, iter(self._moves(begin)))]
        for step in range(1, STEPS_MAX + 1):
            chosen = next(tried[-1][1], None)
            if chosen is None:
                tried.pop()
                if not tried:
                    break
                continue
            state = self._after(tried[-1][0], *chosen)
            if state is None:
                continue
            moves = self._moves(state)
            if not moves and self._finished(state):
                return Replayed(self._life, state, step)
            tried.append((state, iter(moves)))
        raise AssertionError(
            f"server {self._life.sid}, start {self._life.number}: no order of its inputs makes our "
            f"core say what it said; the one that led furthest ends with {self._furthest[1]}"
        )

    def _after(self, state: State, rank: int, move: Move) -> State | None:
        """``state`` after ``move``, unless that contradicts the recording."""
        after = state.fork(self._spec)
        try:
            self._do(after, move, rank)
        except WrongError as wrong:
            self._note(after, f"{move.happened} at {move.at_ns} ns: {wrong}")
            return None
        return after

    def _finished(self, state: State) -> bool:
        """Whether all that it said until its end was said by our core."""
        end_ns = self._life.end_ns
        try:
            state.used.update(state.mail.settle(end_ns))
            state.packets.settle(end_ns)
        except WrongError as wrong:
            self._note(state, f"its end: {wrong}")
            return False
        state.used.update(state.packets.end())
        return True

    def _note(self, state: State, what: str) -> None:
        done = sum(state.next.values())
        if done > self._furthest[0]:
            self._furthest = (done, what)

    # ---- what may happen next

    def _moves(self, state: State) -> list[tuple[int, Move]]:
        """Nearest to the capture's order first."""
        moves = sorted(self._possible(state), key=lambda move: (move.at_ns, move.seen_ns))
        moves = [move for move in moves if move.at_ns < self._life.end_ns]
        latest = min((move.at_ns for move in moves), default=0) + LAG_NS
        return list(enumerate(move for move in moves if move.at_ns <= latest))

    def _possible(self, state: State) -> Iterator[Move]:
        if not state.started:
            looks = self._life.looks_ns
            yield Move(max(looks, state.now_ns), Start(), looks)
        for lane, heard in self._lanes.items():
            at = state.next.get(lane, 0)
            if at < len(heard) and self._may_come(state, heard[at]):
                one = heard[at]
                yield Move(max(one.at_ns, state.now_ns), one.happened, one.at_ns, one)
        for timer, due in state.timers.items():
            # Some queue was empty in every wait that ended while these were recorded.
            expire = Expire(timer, have_delivered=timer.kind is TimerKind.RESEND)
            yield Move(max(due, state.now_ns), expire, due, timer=timer)

    def _may_come(self, state: State, heard: Heard) -> bool:
        """A voter's notification waits for the election; a stranger's does not."""
        if state.started:
            return True
        match heard.happened:
            case Deliver(sender=sender):
                return not state.peer.standing.views.valid(sender)
            case _:
                return False

    # ---- doing it

    def _do(self, state: State, move: Move, rank: int) -> None:
        state.now_ns = move.at_ns
        happened = move.happened
        self._too_late(state, move)
        match happened:
            case Start():
                state.started = True
            case Expire(timer):
                del state.timers[timer]
            case LearnerConnected() if state.peer.state is not ServerState.LEADING:
                raise WrongError("its quorum port is open, and our core does not lead")
            case LeaderConnected() | LeaderRefused():
                assert move.heard is not None
                if state.dialing is None or state.dialing[0] != move.heard.leader:
                    raise WrongError(f"it dials {move.heard.leader}, our core {state.dialing}")
                state.dialing = None
            case _:
                pass
        if move.heard is not None:
            lane = move.heard.lane
            state.next[lane] = state.next.get(lane, 0) + 1
        if rank:
            state.used[Allowance.REORDERED] += 1
        state.mail.settle(state.now_ns)
        state.packets.settle(state.now_ns)
        self._laggard(state, happened)
        effects = state.peer.step(happened)
        state.inputs.append(happened)
        self._take(state, effects)

    def _too_late(self, state: State, move: Move) -> None:
        """Nothing waits for longer than a busy server makes it wait."""
        begin = self._life.looks_ns
        for lane, heard in self._lanes.items():
            at = state.next.get(lane, 0)
            if at < len(heard) and heard[at] is not move.heard:
                since = max(heard[at].at_ns, begin)
                if self._may_come(state, heard[at]) and since + LAG_NS < state.now_ns:
                    raise WrongError(f"{heard[at].happened} waits since {since} ns")
        for timer, due in state.timers.items():
            if due + LAG_NS < state.now_ns and move.timer != timer:
                raise WrongError(f"{timer} ran out at {due} ns")

    def _laggard(self, state: State, happened: Input) -> None:
        """A server without a vote answers who lags as a voter does; our core does not."""
        election, standing = state.peer.election, state.peer.standing
        if not isinstance(happened, Deliver) or standing.views.valid(standing.sid):
            return
        heard, vote = happened.notification, election.proposal
        lags = heard.state == ServerState.LOOKING and heard.round < election.round
        if election.looking and lags and standing.views.valid(happened.sender):
            answer = Notification(
                ServerState.LOOKING,
                vote.leader,
                vote.zxid,
                election.round,
                vote.peer_epoch,
                config=standing.views.text,
            )
            state.mail.offer((happened.sender,), answer, state.now_ns)
            state.used[Difference.LAGGARD] += 1

    def _take(self, state: State, effects: list[Effect]) -> None:
        written = pause_ns = served = 0
        for effect in effects:
            match effect:
                case SteppedDown() if not state.peer.standing.participates:
                    pause_ns = OBSERVER_NS
                    state.used[Difference.PAUSE] += 1
                case Arm(timer, delay_ms):
                    state.timers[timer] = self._life.runs_ns(state.now_ns + delay_ms * MS)
                case Disarm(timer):
                    state.timers.pop(timer, None)
                case Send(to, notification):
                    at_ns = state.mail.offer(to, notification, state.now_ns, pause_ns)
                    written = max(written, at_ns)
                case RestartElectionLayer():
                    state.mail.restart(state.now_ns)
                case SendPacket(conn, packet):
                    at_ns = state.packets.say(conn, packet, state.now_ns)
                    if isinstance(packet, UpToDate) and TICK in state.timers:
                        served = min(served or at_ns, at_ns)
                case ConnectLeader(leader=leader):
                    self._dial(state, leader)
                case Decided():
                    state.decided.append(effect)
                case _:
                    pass
        if served > state.now_ns and Entered(ServerState.LEADING, Phase.BROADCAST) in effects:
            # Its clock began to tick when it said so, not when it could have.
            due = state.timers[TICK] + served - state.now_ns
            state.timers[TICK] = self._life.runs_ns(due)
        if written > state.now_ns:
            self._retime(state, written)

    def _dial(self, state: State, leader: Sid) -> None:
        if state.dialing is not None:
            raise WrongError(f"our core dials {leader} while {state.dialing} is under way")
        state.dialing = (leader, state.now_ns)
        for heard in self._lanes.get(LEADER, [])[state.next.get(LEADER, 0) :]:
            if isinstance(heard.happened, LeaderConnected | LeaderRefused):
                if heard.leader != leader or heard.since_ns > state.now_ns + SAID_NS:
                    raise WrongError(
                        f"our core dials {leader}, it {heard.leader} at {heard.since_ns}"
                    )
                if heard.since_ns < state.now_ns - 5 * MS:
                    raise WrongError(f"it dialed {leader} at {heard.since_ns} ns, our core later")
                return
        if state.now_ns + SAID_NS < self._life.end_ns:
            raise WrongError(f"our core dials {leader}, it nobody")

    def _retime(self, state: State, written_ns: int) -> None:
        """It was written then, so it was thought not long before: timers count from there."""
        late = written_ns - state.now_ns
        for timer, due in state.timers.items():
            if timer.kind in (TimerKind.RESEND, TimerKind.FINALIZE):
                state.timers[timer] = due + late
        state.now_ns = written_ns
