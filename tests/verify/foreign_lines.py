"""Lines about foreign server 1, which stands beside 2 and 3, written by hand."""

from __future__ import annotations

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.election.vote import Vote
from chaos.history.events import Appeared, Event, Seen, Source, Wrote
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.verdict import Verdict
from tests.verify.lockstep import MS


def judge(history: History, name: str) -> Verdict:
    return INVARIANTS[name].check(history)


ONE = Sid(1)
CONFIG = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in (1, 2, 3)) + "\nversion=0"


def note(leader: Sid, round_: int, state: int = ServerState.LOOKING) -> Notification:
    return Notification(state, leader, Zxid(0), Round(round_), PeerEpoch(0))


THREE = note(Sid(3), 1)


def appeared(config: str = CONFIG) -> Appeared:
    return Appeared(0, ONE, 0, 0, 71, "zookeeper", "3.8.0", config)


def seen(at_ns: int, seq: int, happened: fx.Input | None, *effects: fx.Effect) -> Seen:
    return Seen(at_ns, ONE, 0, seq, at_ns, Source.WIRE, happened, effects)


def heard(ms: int, frame: int, sender: Sid, message: Notification) -> Seen:
    return seen(ms * MS, ms, fx.Deliver(sender, message, f"{sender}>1", frame))


def said(ms: int, frame: int, message: Notification | Sid) -> list[Event]:
    message = note(message, 1) if isinstance(message, int) else message
    send = seen(ms * MS, ms, None, fx.Send((Sid(2),), message))
    return [send, Wrote(ms * MS, ONE, 0, ms + 1, ms, 0, Sid(2), "1>2", frame)]


def looks(ms: int) -> Seen:
    entered = fx.Entered(ServerState.LOOKING, fx.Phase.ELECTION)
    return Seen(ms * MS, ONE, 0, ms, (ms - 1) * MS, Source.LOG, None, (entered,))


def decided(ms: int, leader: Sid, width_ns: int = MS, seq: int = 50) -> Seen:
    state = ServerState.LEADING if leader == ONE else ServerState.FOLLOWING
    vote = Vote(leader, Zxid(0), Round(1), PeerEpoch(0))
    effect = fx.Decided(vote, state, (), fx.Exit.FINALIZED)
    return Seen(ms * MS, ONE, 0, seq, ms * MS - width_ns, Source.LOG, None, (effect,))


def joins(ms: int, leader: Sid) -> Seen:
    """It goes to the leader that it decided for."""
    return seen(ms * MS, ms, None, fx.ConnectLeader(leader, 0))


def elected() -> History:
    """Server 1 looks, and has heard of round 2."""
    return History.of([appeared(), looks(5), heard(10, 0, Sid(2), note(Sid(2), 2))])


def with_lines(history: History, *lines: Event) -> History:
    return History.of([*history.events, *lines])


def ack_epoch(conn: int) -> fx.SendPacket:
    return fx.SendPacket(conn, pk.AckEpoch(zxid_of(PeerEpoch(1)), PeerEpoch(1)))
