"""A few peers under a virtual clock: realistic histories for the tests of the page.

The machines are the real :class:`QuorumPeer`; links are ordered and take a drawn time.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from chaos.actions import (
    Action,
    Block,
    Cut,
    Evidence,
    Kill,
    Launch,
    Pause,
    Resume,
    Unblock,
)
from chaos.election import effects as fx
from chaos.election.ids import Sid
from chaos.election.packets import Packet
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.ensemble import EnsembleSetup, PeerSetup, peer_specs
from chaos.history.events import (
    Acted,
    Began,
    Event,
    Exited,
    LinkOpened,
    Lost,
    RunBegan,
    RunEnded,
    Sampled,
    StepBegan,
    StepEnded,
    Stepped,
    Wrote,
)
from chaos.history.history import History

MS = 1_000_000
SECOND = 1000 * MS
ZERO = 5_000 * SECOND  # a host that has been up for a while


@dataclass
class Peer:
    spec: PeerSpec
    inc: int = -1
    seq: int = 0
    machine: QuorumPeer | None = None
    stopped: bool = False
    port: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)
    timers: dict[fx.Timer, int] = field(default_factory=dict)
    frames: dict[Sid, int] = field(default_factory=dict)


class World:
    """Peers, their links, a clock, and the history that they leave."""

    def __init__(self, size: int, seed: int = 1, observers: int = 0, loss_ppm: int = 0) -> None:
        setup = EnsembleSetup(
            tuple(PeerSetup(Sid(n), votes=n <= size) for n in range(1, size + observers + 1))
        )
        self.peers = {
            spec.sid: Peer(spec) for spec in peer_specs(setup, lambda sid: f"10.0.0.{sid}")
        }
        self.events: list[Event] = []
        self.now = ZERO
        self.dice = random.Random(seed)
        self.loss_ppm = loss_ppm
        self.blocks: dict[str, frozenset[tuple[Sid, Sid]]] = {}
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._tie = 0
        self._conns = 0
        self._ends: dict[tuple[Sid, int], tuple[Sid, int]] = {}
        self._due: dict[tuple[Sid, Sid, str], int] = {}

    # ---- what a test asks for

    def begin(self, plan: str = "a-plan", seed: int = 7) -> None:
        """All peers stand before time zero, and look from then on."""
        for number, sid in enumerate(self.peers):
            self._birth(sid, self.now - (20 - number) * MS)
        for one in self.peers:
            for other in self.peers:
                if one < other:
                    self._tell_link(one, other)
        self.events.append(RunBegan(ZERO, plan, seed, "processes", {"network": "kernel"}))
        for number, sid in enumerate(self.peers):
            self.at(ZERO + number * MS // 3, partial(self._step, sid, fx.Start()))

    def at(self, when_ns: int, what: Callable[[], None]) -> None:
        self._tie += 1
        heapq.heappush(self._queue, (when_ns, self._tie, what))

    def run(self, seconds: float) -> None:
        """Let time pass until ``seconds`` after time zero."""
        until = ZERO + int(seconds * SECOND)
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = until

    def act(self, step: str, action: Action) -> None:
        """Do something to the ensemble; ``finish`` ends the step."""
        planned = self.now - ZERO
        if not isinstance(action, Resume | Launch | Unblock):
            targets = (action.sid,) if isinstance(action, Kill | Pause) else ()
            self.events.append(StepBegan(self.now, step, planned, targets))
        evidence = self._apply(action)
        self.events.append(Acted(self.now, self.now + MS // 2, step, action, evidence))
        if isinstance(action, Resume | Launch | Unblock):
            self.events.append(StepEnded(self.now + MS // 2, step, "done"))

    def leader(self) -> Sid:
        """Who leads just now."""
        leading = [
            sid
            for sid, peer in self.peers.items()
            if peer.machine is not None and peer.machine.state == 2 and not peer.stopped
        ]
        assert leading, "nobody leads"
        return leading[-1]

    def history(self) -> History:
        """All that was seen, with the canary's samples."""
        samples = [
            Sampled(at, 3 + at // SECOND, 1000 * (at // MS), self.dice.randrange(4 * MS))
            for at in range(ZERO, self.now, 100 * MS)
        ]
        return History.of([*self.events, *samples, RunEnded(self.now, "the plan is done")])

    # ---- inside

    def _birth(self, sid: Sid, at_ns: int) -> None:
        peer = self.peers[sid]
        peer.inc += 1
        peer.seq = 0
        peer.machine = QuorumPeer(peer.spec)
        self.events.append(Began(at_ns, sid, peer.inc, self._seq(sid), 4000 + sid, peer.spec))

    def _tell_link(self, one: Sid, other: Sid) -> None:
        for mine, theirs, dialed in ((other, one, True), (one, other, False)):
            peer = self.peers[mine]
            link = self._link(mine, theirs)
            at = self.now - MS
            seq = self._seq(mine)
            self.events.append(LinkOpened(at, mine, peer.inc, seq, theirs, link, dialed))

    def _link(self, one: Sid, other: Sid) -> str:
        ages = (self.peers[one].inc, self.peers[other].inc)
        return f"10.0.0.{one}:{4000 + ages[0]}>10.0.0.{other}:{3888 + ages[1]}"

    def _seq(self, sid: Sid) -> int:
        peer = self.peers[sid]
        peer.seq += 1
        return peer.seq - 1

    def _apply(self, action: Action) -> Evidence:
        match action:
            case Kill(sid=sid):
                peer = self.peers[sid]
                peer.machine, peer.port, peer.stopped = None, False, False
                peer.timers.clear()
                peer.frames.clear()
                self.events.append(Exited(self.now + MS // 4, sid, peer.inc, -9))
                self._hang_up(sid)
                return Evidence(True, {"status": -9})
            case Launch(sid=sid):
                self._birth(sid, self.now)
                self._step(sid, fx.Start())
                return Evidence(True, {"pid": 5000 + sid})
            case Pause(sid=sid):
                self.peers[sid].stopped = True
                return Evidence(True, {"state": "T"})
            case Resume(sid=sid):
                peer = self.peers[sid]
                peer.stopped = False
                held, peer.waiting = peer.waiting, []
                for what in held:
                    self.at(self.now + MS, what)
                return Evidence(True, {"stopped_ms": 1500})
            case Block(name=name, cuts=cuts):
                pairs = {(cut.source, cut.target) for cut in cuts if isinstance(cut, Cut)}
                self.blocks[name] = frozenset(pairs)
                return Evidence(None, {"rules": len(pairs)})
            case Unblock(name=name):
                del self.blocks[name]
                return Evidence(True, {"packets": 42, "bytes": 3120})
            case _:
                return Evidence(True, {})

    def _hang_up(self, sid: Sid) -> None:
        for (mine, conn), (theirs, other) in list(self._ends.items()):
            if mine == sid:
                self._ends.pop((theirs, other), None)
                del self._ends[mine, conn]
                self._later(theirs, fx.ConnectionLost(other, "end of file"))

    def _later(self, sid: Sid, happened: fx.Input, delay: int = MS // 5) -> None:
        inc = self.peers[sid].inc

        def arrive() -> None:
            peer = self.peers[sid]
            if peer.inc != inc or peer.machine is None:
                return
            if peer.stopped:
                peer.waiting.append(arrive)
            else:
                self._step(sid, happened)

        self.at(self.now + delay, arrive)

    def _step(self, sid: Sid, happened: fx.Input) -> None:
        peer = self.peers[sid]
        if peer.machine is None:
            return
        effects = peer.machine.step(happened)
        seq = self._seq(sid)
        self.events.append(Stepped(self.now, sid, peer.inc, seq, happened, tuple(effects)))
        for index, effect in enumerate(effects):
            match effect:
                case fx.Send():
                    for to in effect.to:
                        self._send(sid, to, seq, index, effect)
                case fx.Arm():
                    self._arm(sid, effect)
                case fx.Disarm():
                    peer.timers.pop(effect.timer, None)
                case _:
                    self._perform(sid, effect)

    def _arm(self, sid: Sid, effect: fx.Arm) -> None:
        peer = self.peers[sid]
        self._tie += 1
        token = self._tie
        peer.timers[effect.timer] = token

        def expire() -> None:
            if peer.timers.get(effect.timer) != token:
                return
            if peer.stopped:
                peer.waiting.append(expire)
                return
            del peer.timers[effect.timer]
            self._step(sid, fx.Expire(effect.timer, have_delivered=True))

        self.at(self.now + effect.delay_ms * MS, expire)

    def _perform(self, sid: Sid, effect: fx.Effect) -> None:
        peer = self.peers[sid]
        match effect:
            case fx.OpenLeaderPort():
                peer.port = True
            case fx.CloseLeaderPort():
                peer.port = False
                for mine, conn in [end for end in self._ends if end[0] == sid]:
                    self._close(mine, conn)
            case fx.ConnectLeader():
                self._connect(sid, effect.leader)
            case fx.SendPacket():
                self._packet(sid, effect.conn, effect.packet)
            case fx.CloseConnection():
                self._close(sid, effect.conn)
            case _:
                pass

    def _close(self, sid: Sid, conn: int) -> None:
        end = self._ends.pop((sid, conn), None)
        if end is not None:
            self._ends.pop(end, None)
            self._later(end[0], fx.ConnectionLost(end[1], "end of file"))

    def _connect(self, sid: Sid, leader: Sid) -> None:
        if self._cut(sid, leader) or self.peers[leader].machine is None:
            return
        if not self.peers[leader].port:
            self._later(sid, fx.LeaderRefused("connection refused"))
            return
        self._conns += 2
        here, there = self._conns, self._conns + 1
        self._ends[sid, here] = (leader, there)
        self._ends[leader, there] = (sid, here)
        self._later(leader, fx.LearnerConnected(there))
        self._later(sid, fx.LeaderConnected(here), MS // 3)

    def _packet(self, sid: Sid, conn: int, packet: Packet) -> None:
        end = self._ends.get((sid, conn))
        if end is not None and not self._cut(sid, end[0]):
            self._ordered(sid, end[0], "quorum", fx.PacketRead(end[1], packet))

    def _send(self, sid: Sid, to: Sid, seq: int, index: int, effect: fx.Send) -> None:
        peer, other = self.peers[sid], self.peers[to]
        if other.machine is None:
            return
        if self.dice.randrange(1_000_000) < self.loss_ppm:
            line = self._seq(sid)
            why = "lost on its way"
            self.events.append(Lost(self.now, sid, peer.inc, line, seq, index, to, why, "lossy"))
            return
        link, frame = self._link(sid, to), peer.frames.get(to, 0)
        peer.frames[to] = frame + 1
        self.events.append(
            Wrote(self.now, sid, peer.inc, self._seq(sid), seq, index, to, link, frame)
        )
        if not self._cut(sid, to):
            deliver = fx.Deliver(sid, effect.notification, link, frame)
            self._ordered(sid, to, "election", deliver)

    def _ordered(self, sid: Sid, to: Sid, port: str, happened: fx.Input) -> None:
        due = self.now + self.dice.randrange(MS // 4, 2 * MS)
        due = max(due, self._due.get((sid, to, port), 0) + 1)
        self._due[sid, to, port] = due
        self._later(to, happened, due - self.now)

    def _cut(self, source: Sid, target: Sid) -> bool:
        return any((source, target) in pairs for pairs in self.blocks.values())
