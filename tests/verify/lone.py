"""One peer alone: what others say to it is drawn by lot, its core is the real one.

Most of what is drawn is what a good peer would say next, so that elections end and handshakes go
on; the rest is anything. The journal that comes of it is a history like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.config import Configuration
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, epoch_of, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.history.events import Began, Event, RunBegan, RunEnded, Stepped
from chaos.history.history import History
from tests.election.story import configuration

MS = 1_000_000
Core = Callable[[PeerSpec], QuorumPeer]


def spec_of(dice: Random) -> PeerSpec:
    """A peer of three to five voters and an observer, with a past."""
    voters = dice.randint(3, 5)
    kind = dice.choice(("", "", "weights", "groups"))
    config = configuration(
        f"1-{voters}",
        str(voters + 1),
        version=dice.choice((0, 1, 2 << 32)),
        weights="1:2,2:1,3:0" if kind else "",
        groups=f"1-2|3-{voters}" if kind == "groups" else "",
    )
    newer = dice.random() < 0.2
    seen = configuration(f"2-{voters}", "1", version=config.version + 1) if newer else None
    current = dice.randint(0, 2)
    begins = dice.choice((zxid_of(0), zxid_of(current), zxid_of(current, 3)))
    count = dice.randint(0, 3)
    txns = tuple(txn(Zxid(begins + number)) for number in range(1, count + 1))
    return PeerSpec(
        Sid(dice.choice((1, 2, voters, voters + 1))),
        config.text(),
        None if seen is None else seen.text(),
        PeerEpoch(current + dice.randint(0, 2)),
        PeerEpoch(current),
        begins,
        log=txns,
    )


def txn(zxid: Zxid) -> pk.Txn:
    """A transaction of which nothing but its number matters."""
    return pk.Txn(zxid, 0, 0, 0, 1, b"")


class Lone:
    """The peer, its journal, and what is known of those who speak to it."""

    def __init__(self, dice: Random, core: Core = QuorumPeer) -> None:
        self._dice = dice
        self._spec = spec_of(dice)
        self._peer = core(self._spec)
        self._now_ms = 0
        self._timers: dict[fx.Timer, int] = {}
        self._events: list[Event] = [
            RunBegan(0, "alone", 1, "drawn"),
            Began(0, self._spec.sid, 0, 0, 1, self._spec),
        ]
        self._conns = 0
        self._due: dict[int, fx.Effect] = {}  # what each connection was sent last
        self._offer = 0  # the epoch that its leader told
        self._reaching = False
        # Most who speak are for this one, so that a run becomes a leader's or a learner's.
        self._chosen = Sid(dice.choice((self._spec.sid, 1, 2, 3)))
        self._give(fx.Start())

    def run(self, steps: int) -> History:
        """Let so many things happen to it."""
        for _ in range(steps):
            self._next()
        return History.of([*self._events, RunEnded(self._now_ms * MS, "done")])

    @property
    def _config(self) -> Configuration:
        return self._peer.standing.views.committed

    def _give(self, happened: fx.Input) -> None:
        effects = tuple(self._peer.step(happened))
        seq = len(self._events) - 1
        sid = self._spec.sid
        self._events.append(Stepped(self._now_ms * MS, sid, 0, seq, happened, effects))
        for effect in effects:
            match effect:
                case fx.Arm(timer=timer, delay_ms=ms):
                    self._timers[timer] = self._now_ms + ms
                case fx.Disarm(timer=timer):
                    self._timers.pop(timer, None)
                case fx.ConnectLeader():
                    self._reaching = True
                case fx.SendPacket(conn=conn):
                    self._due[conn] = effect
                case fx.CloseConnection(conn=conn):
                    self._due.pop(conn, None)
                case fx.Entered(phase=fx.Phase.ELECTION):
                    self._due.clear()
                    self._reaching = False
                case _:
                    pass

    # ---- what happens next

    def _next(self) -> None:
        self._now_ms += 1
        due = min(self._timers.values(), default=self._now_ms + 1)
        if due <= self._now_ms or (self._dice.random() < self._patience() and self._timers):
            self._expire()
        elif self._peer.state is ServerState.LOOKING:
            self._vote()
        elif self._peer.state is ServerState.LEADING:
            self._learner()
        else:
            self._leader()

    def _patience(self) -> float:
        return 0.3 if self._peer.state is ServerState.LOOKING else 0.05

    def _expire(self) -> None:
        timer = min(self._timers, key=lambda one: (self._timers[one], str(one)))
        self._now_ms = max(self._now_ms, self._timers.pop(timer))
        self._give(fx.Expire(timer, have_delivered=self._dice.random() < 0.8))

    def _vote(self) -> None:
        dice, mine = self._dice, self._peer.before()
        sender = Sid(dice.randint(1, 7))
        state = ServerState(dice.choice((0, 0, 0, 1, 2, 3)))
        vote, round_ = mine.vote, mine.round
        good = dice.random() < 0.6
        if good and vote is not None and vote.leader == self._chosen:
            leader, zxid, epoch = vote.leader, vote.zxid, vote.peer_epoch
        elif good and self._chosen != self._spec.sid:
            leader, zxid, epoch = self._chosen, zxid_of(3), PeerEpoch(3)
        else:
            leader, epoch = Sid(dice.randint(1, 6)), PeerEpoch(dice.randint(0, 2))
            zxid = Zxid(dice.choice((zxid_of(epoch, dice.randint(0, 3)), -1)))
            round_ = Round(max(0, round_ + dice.choice((-1, 0, 0, 0, 1))))
        if sender == self._spec.sid:
            return
        if state is ServerState.FOLLOWING and sender == leader:
            state = ServerState.LEADING
        version = dice.choice((2, 2, 2, 0))
        text = self._text() if version else None
        said = Notification(state, leader, zxid, round_, epoch, version=version, config=text)
        self._give(fx.Deliver(sender, said))

    def _text(self) -> str:
        """Its own configuration, or now and then a newer one."""
        config = self._config
        if self._dice.random() > 0.02:
            return config.text()
        return configuration("1-4", "5", version=config.version + 2).text()

    # ---- learners of mine

    def _learner(self) -> None:
        dice = self._dice
        if not self._due or dice.random() < 0.25:
            self._conns += 1
            self._due[self._conns] = fx.OpenLeaderPort()
            self._give(fx.LearnerConnected(self._conns))
            return
        conn = dice.choice(sorted(self._due))
        if dice.random() < 0.05:
            del self._due[conn]
            self._give(fx.ConnectionLost(conn, "end of file"))
            return
        packet = self._good(conn) if dice.random() < 0.85 else self._any()
        self._give(fx.PacketRead(conn, packet))

    def _good(self, conn: int) -> pk.Packet:
        """What this learner has to say next; its numbers may be wrong."""
        dice, sent, spec = self._dice, self._due[conn], self._spec
        match sent:
            case fx.SendPacket(packet=pk.LeaderInfo()):
                current = PeerEpoch(dice.choice((-1, 0, spec.current_epoch, spec.current_epoch)))
                held = self._peer.standing.log
                near = (held.begins, held.last, held.last, held.last - 1, held.last + 1)
                zxid = Zxid(dice.choice(near))
                return pk.AckEpoch(Zxid(dice.choice((zxid, zxid, zxid, -1))), current)
            case fx.SendPacket(packet=pk.NewLeader(zxid=zxid)):
                return pk.Ack(Zxid(zxid + dice.choice((0, 0, 0, 0, 1))))
            case fx.SendPacket(packet=pk.Ping(zxid=zxid)):
                right = dice.random() < 0.5
                return pk.Ping(zxid, answer=True) if right else pk.Ack(zxid_of(epoch_of(zxid)))
            case fx.SendPacket():
                return pk.Ping(Zxid(0), answer=True)
            case _:
                return self._hello()

    def _hello(self) -> pk.LearnerHello:
        dice = self._dice
        sid = Sid(dice.randint(1, 7))
        version = self._config.version + (1 if dice.random() < 0.05 else 0)
        accepted = PeerEpoch(dice.randint(0, 5))
        observer = sid in self._config.observers
        named = None if dice.random() < 0.05 else sid
        return pk.LearnerHello(named, accepted, version, observer=observer)

    def _any(self) -> pk.Packet:
        dice = self._dice
        zxid = zxid_of(dice.randint(0, 4), dice.choice((0, 0, 1)))
        return dice.choice((
            self._hello(), pk.LeaderInfo(epoch_of(zxid)), pk.AckEpoch(zxid, PeerEpoch(0)),
            pk.Diff(zxid), pk.Trunc(zxid), pk.Snap(zxid, b""), pk.NewLeader(zxid, None),
            pk.Ack(zxid), pk.UpToDate(), pk.Ping(zxid), pk.Ping(zxid, answer=True),
            pk.Commit(zxid), pk.Sync(),
        ))  # fmt: skip

    # ---- my leader

    def _leader(self) -> None:
        dice = self._dice
        if self._reaching:
            self._reaching = False
            self._conns += 1
            if dice.random() < 0.7:
                self._due[self._conns] = fx.OpenLeaderPort()
                self._give(fx.LeaderConnected(self._conns))
            else:
                self._give(fx.LeaderRefused("refused"))
        elif self._due:
            conn = max(self._due)
            if dice.random() < 0.03:
                self._give(fx.ConnectionLost(conn, "end of file"))
            else:
                good = dice.random() < 0.9
                self._give(fx.PacketRead(conn, self._next_of(conn) if good else self._any()))

    def _next_of(self, conn: int) -> pk.Packet:
        """What a leader says next."""
        dice, mine = self._dice, self._peer.standing
        match self._due[conn]:
            case fx.SendPacket(packet=pk.LearnerHello()):
                choices = (-1, 0, 1, 1, 1, 1, 2)
                self._offer = mine.accepted_epoch + dice.choice(choices)
                return pk.LeaderInfo(PeerEpoch(self._offer))
            case fx.SendPacket(packet=pk.AckEpoch()):
                base = dice.choice((pk.Diff(mine.log.last), pk.Snap(Zxid(9), b""), None))
                # The last word of the peer stands until it acks: one DIFF, then NEWLEADER.
                self._due[conn] = fx.SendPacket(conn, pk.UpToDate())
                return base or pk.Trunc(Zxid(mine.log.begins - dice.choice((0, 0, 1))))
            case fx.SendPacket(packet=pk.UpToDate()):
                wrong = dice.random() < 0.05
                return pk.NewLeader(zxid_of(self._offer + wrong), self._config.text())
            case fx.SendPacket(packet=pk.Ack()):
                early = dice.random() < 0.3
                return pk.Ping(zxid_of(self._offer)) if early else pk.UpToDate()
            case _:
                return pk.Ping(zxid_of(self._offer))
