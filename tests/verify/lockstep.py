"""A whole ensemble in one test, its cores given from outside: correct ones, or broken ones.

Messages take no time and keep their order, a connect takes ``CONNECT_MS``; timers run on a
virtual clock.
Every step is written down as a peer process would.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.config import Configuration
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.log import Log
from chaos.election.packets import NewLeader
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.history.events import Acted, Began, Event, Exited, RunBegan, RunEnded, Stepped, Wrote
from chaos.history.history import History
from tests.election.story import configuration

MS = 1_000_000
CONNECT_MS = 20
Core = Callable[[PeerSpec], QuorumPeer]


class Peer:
    """One incarnation: its core, its armed timers, its line counter."""

    def __init__(self, spec: PeerSpec, inc: int, core: QuorumPeer) -> None:
        self.spec = spec
        self.inc = inc
        self.core = core
        self.seq = 0
        self.listens = False
        self.timers: dict[fx.Timer, int] = {}


class Lockstep:
    """``voters`` as ``1-3``; ``cores`` replaces the core of some peers."""

    def __init__(
        self, config: Configuration | str = "1-3", cores: Mapping[int, Core] | None = None
    ) -> None:
        self.config = configuration(config) if isinstance(config, str) else config
        self.events: list[Event] = [RunBegan(0, "test", 1, "lockstep")]
        self.now_ms = 0
        self.peers: dict[Sid, Peer] = {}
        self.disks: dict[Sid, dict[str, int]] = {sid: {} for sid in self.config.members}
        self.logs = {sid: Log(Zxid(0), b"", ()) for sid in self.config.members}
        self.configs: dict[Sid, str] = {}  # in force, once a newer one was
        self.cut: set[tuple[Sid, Sid]] = set()
        self._stalled: dict[Sid, int] = {}  # until when it does nothing, ms
        self.torn: dict[Sid, int] = {}  # dies at NEWLEADER, after so many effects of that step
        self._cores = dict(cores or {})
        self._incs: dict[Sid, int] = {}
        self._queue: deque[tuple[Sid, fx.Input]] = deque()
        self._connects: deque[tuple[int, Sid, Sid]] = deque()  # when, learner, leader
        self._conns: dict[int, tuple[Sid, Sid]] = {}  # learner, leader
        self._frames: dict[str, int] = {}
        self._dialed = 0

    # ---- what a test does

    def start(self, *sids: int) -> Lockstep:
        """Bring peers up; all members if none is named."""
        for sid in map(Sid, sids or sorted(self.config.members)):
            inc = self._incs[sid] = self._incs.get(sid, -1) + 1
            disk, log = self.disks[sid], self.logs[sid]
            spec = PeerSpec(
                sid,
                self.configs.get(sid, self.config.text()),
                accepted_epoch=PeerEpoch(disk.get("acceptedEpoch", 0)),
                current_epoch=PeerEpoch(disk.get("currentEpoch", 0)),
                zxid=log.begins,
                tree=log.tree,
                log=tuple(log.txns),
            )
            core = self._cores.get(sid, QuorumPeer)(spec)
            peer = self.peers[sid] = Peer(spec, inc, core)
            self.events.append(Began(self._now, sid, inc, self._line(peer), 100 + sid, spec))
            self._queue.append((sid, fx.Start()))
        return self

    def acted(
        self, step: str, action: act.Action, *, bit: bool | None = True, **facts: int | str
    ) -> Lockstep:
        """Write an action down as done; a test does it itself."""
        evidence = act.Evidence(bit, {name.replace("_", " "): fact for name, fact in facts.items()})
        self.events.append(Acted(self._now, self._now, step, action, evidence))
        return self

    def kill(self, sid: int) -> Lockstep:
        """SIGKILL: its connections break, and what was under way to it is gone."""
        peer = self.peers.pop(Sid(sid))
        self.events.append(Exited(self._now, Sid(sid), peer.inc, -9))
        self._queue = deque(one for one in self._queue if one[0] != sid)
        for conn, ends in list(self._conns.items()):
            if sid in ends:
                self._close(conn, Sid(sid))
        return self

    def stall(self, sid: int, ms: int) -> Lockstep:
        """For so long a process does nothing: what comes waits, and so do its timers."""
        self._stalled[Sid(sid)] = self.now_ms + ms
        return self

    def give(self, sid: int, happened: fx.Input) -> Lockstep:
        """An input from outside."""
        self._step(Sid(sid), happened)
        return self

    def run(self, ms: int = 1000) -> Lockstep:
        """Let ``ms`` pass."""
        until = self.now_ms + ms
        while self._next(until):
            while ready := [one for one in self._queue if self._awake(one[0]) <= self.now_ms]:
                sid, happened = ready[0]
                self._queue.remove(ready[0])
                if sid in self.peers:
                    self._step(sid, happened)
        self.now_ms = until
        return self

    def _next(self, until: int) -> bool:
        """Go to the next thing that is due by ``until``; whether there is one."""
        waits_ms = min((self._awake(sid) for sid, _ in self._queue), default=until + 1)
        if waits_ms <= self.now_ms:
            return True
        timers = [
            (max(at, self._awake(sid)), at, sid, timer)
            for sid, p in self.peers.items()
            for timer, at in p.timers.items()
        ]
        soonest = min(timers, key=lambda one: one[:3], default=None)
        connect_ms = self._connects[0][0] if self._connects else until + 1
        if soonest is not None and soonest[0] <= min(until, connect_ms, waits_ms):
            self.now_ms, _, sid, timer = soonest
            del self.peers[sid].timers[timer]
            self._queue.append((sid, fx.Expire(timer, have_delivered=True)))
            return True
        if waits_ms <= min(until, connect_ms):
            self.now_ms = waits_ms
            return True
        if connect_ms <= until:
            self.now_ms, learner, leader = self._connects.popleft()
            self._connect(learner, leader)
            return True
        return False

    def _awake(self, sid: Sid) -> int:
        """From when a peer does anything, ms."""
        return self._stalled.get(sid, 0)

    def history(self) -> History:
        """Everything so far."""
        return History.of([*self.events, RunEnded(self._now, "done")])

    @property
    def connections(self) -> frozenset[int]:
        """The quorum connections that stand."""
        return frozenset(self._conns)

    def learner(self, conn: int) -> Sid:
        """Who dialled a quorum connection."""
        return self._conns[conn][0]

    # ---- how it is done

    @property
    def _now(self) -> int:
        return self.now_ms * MS

    def _line(self, peer: Peer) -> int:
        peer.seq += 1
        return peer.seq - 1

    def _step(self, sid: Sid, happened: fx.Input) -> None:
        peer = self.peers[sid]
        done = tuple(peer.core.step(happened))
        seq = self._line(peer)
        self.events.append(Stepped(self._now, sid, peer.inc, seq, happened, done))
        read = happened.packet if isinstance(happened, fx.PacketRead) else None
        dies = isinstance(read, NewLeader) and sid in self.torn
        for number, effect in enumerate(done[: self.torn.pop(sid)] if dies else done):
            self._perform(sid, peer, effect, (seq, number))
        if dies:
            self.kill(sid)

    def _perform(self, sid: Sid, peer: Peer, effect: fx.Effect, at: tuple[int, int]) -> None:
        match effect:
            case fx.Send():
                for to in effect.to:
                    self._send(sid, peer, to, effect, at)
            case fx.Arm():
                peer.timers[effect.timer] = self.now_ms + effect.delay_ms
            case fx.Disarm():
                peer.timers.pop(effect.timer, None)
            case fx.Persist() | fx.Append() | fx.Truncate() | fx.Restore():
                self._keep(sid, effect)
            case fx.PersistConfig(config=text, active=True):
                self.configs[sid] = text
            case fx.OpenLeaderPort() | fx.CloseLeaderPort():
                peer.listens = isinstance(effect, fx.OpenLeaderPort)
                if not peer.listens:
                    for conn, ends in list(self._conns.items()):
                        if ends[1] == sid:
                            self._close(conn, sid)
            case fx.ConnectLeader():
                self._connects.append((self.now_ms + CONNECT_MS, sid, effect.leader))
            case fx.SendPacket() if effect.conn in self._conns:
                learner, leader = self._conns[effect.conn]
                other = leader if sid == learner else learner
                self._queue.append((other, fx.PacketRead(effect.conn, effect.packet)))
            case fx.CloseConnection() if effect.conn in self._conns:
                self._close(effect.conn, sid)
            case _:
                pass

    def _keep(self, sid: Sid, effect: fx.Persist | fx.Append | fx.Truncate | fx.Restore) -> None:
        log = self.logs[sid]
        match effect:
            case fx.Persist(name="zxid", value=value):
                self.logs[sid] = Log(Zxid(value), log.tree, ())
            case fx.Persist():
                self.disks[sid][effect.name] = effect.value
            case fx.Append(txns=txns):
                log.txns += txns
            case fx.Truncate(zxid=zxid):
                log.cut(zxid)
            case fx.Restore(zxid=zxid, tree=tree, txns=txns):
                self.logs[sid] = Log(zxid, tree, txns)

    def wipe(self, sid: int) -> None:
        """Forget what a peer that is down has kept."""
        self.disks[Sid(sid)].clear()
        self.configs.pop(Sid(sid), None)
        self.logs[Sid(sid)] = Log(Zxid(0), b"", ())

    def _send(self, sid: Sid, peer: Peer, to: Sid, effect: fx.Send, at: tuple[int, int]) -> None:
        if to not in self.peers or (sid, to) in self.cut:
            return
        link = f"{sid}.{peer.inc}>{to}.{self.peers[to].inc}"
        frame = self._frames[link] = self._frames.get(link, -1) + 1
        line = self._line(peer)
        self.events.append(Wrote(self._now, sid, peer.inc, line, *at, to, link, frame))
        self._queue.append((to, fx.Deliver(sid, effect.notification, link, frame)))

    def _connect(self, learner: Sid, leader: Sid) -> None:
        other = self.peers.get(leader)
        if learner not in self.peers:
            return
        if other is None or not other.listens or (learner, leader) in self.cut:
            self._queue.append((learner, fx.LeaderRefused("refused")))
            return
        conn = self._dialed = self._dialed + 1
        self._conns[conn] = (learner, leader)
        self._queue.append((leader, fx.LearnerConnected(conn)))
        self._queue.append((learner, fx.LeaderConnected(conn)))

    def _close(self, conn: int, by: Sid) -> None:
        learner, leader = self._conns.pop(conn)
        other = leader if by == learner else learner
        self._queue.append((other, fx.ConnectionLost(conn, "end of file")))
