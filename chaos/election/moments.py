"""Moments of the protocol: what of one step a plan can wait for, and a gate can hold at.

:func:`moments_of` says which moments one step of a peer has, and between which of its effects
each lies. A peer, a simulated peer and a harness that only reads along all ask the same.
Packets go by the names of ZooKeeper 3.8 ``Leader`` (FOLLOWERINFO, LEADERINFO, ...).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chaos.election import packets
from chaos.election.effects import (
    Arm,
    CloseConnection,
    ConnectionLost,
    Decided,
    Deliver,
    Disarm,
    Effect,
    Entered,
    Ignored,
    Input,
    PacketRead,
    Persist,
    PersistConfig,
    Proposed,
    QuorumSeen,
    RestartElectionLayer,
    Send,
    SendPacket,
    Serving,
    SteppedDown,
    Timer,
    TimerKind,
)
from chaos.election.ids import Round, Sid
from chaos.election.notification import ServerState
from chaos.election.packets import LearnerHello, Packet
from chaos.election.vote import Vote

_FINALIZE: Final = Timer(TimerKind.FINALIZE)
_LEARNS: Final = (ServerState.FOLLOWING, ServerState.OBSERVING)
BEFORE_ALL: Final = -1  # the index of a moment that comes before every effect of its step


class MomentKind(StrEnum):
    """What happens at a moment."""

    STATE_CHANGED = "state_changed"
    NOTIFICATION_SENT = "notification_sent"
    NOTIFICATION_RECEIVED = "notification_received"
    NOTIFICATION_IGNORED = "notification_ignored"
    VOTE_CHANGED = "vote_changed"
    QUORUM_SEEN = "quorum_seen"
    FINALIZE_STARTED = "finalize_started"
    FINALIZE_RESTARTED = "finalize_restarted"
    FINALIZE_ENDED = "finalize_ended"
    DECIDED = "decided"
    LINK_OPENED = "link_opened"
    LINK_BROKEN = "link_broken"
    PACKET_SENT = "packet_sent"
    PACKET_RECEIVED = "packet_received"
    EPOCH_PERSISTED = "epoch_persisted"
    CONFIGURATION_ADOPTED = "configuration_adopted"
    STEPPED_DOWN = "stepped_down"


PACKETS: Final[dict[type[Packet], str]] = {
    packets.LearnerHello: "FOLLOWERINFO",
    packets.LeaderInfo: "LEADERINFO",
    packets.AckEpoch: "ACKEPOCH",
    packets.Diff: "DIFF",
    packets.Trunc: "TRUNC",
    packets.Snap: "SNAP",
    packets.NewLeader: "NEWLEADER",
    packets.Ack: "ACK",
    packets.UpToDate: "UPTODATE",
    packets.Ping: "PING",
    packets.Proposal: "PROPOSAL",
    packets.Commit: "COMMIT",
    packets.CommitAndActivate: "COMMITANDACTIVATE",
    packets.Inform: "INFORM",
    packets.InformAndActivate: "INFORMANDACTIVATE",
    packets.Request: "REQUEST",
    packets.Revalidate: "REVALIDATE",
    packets.Revalidated: "REVALIDATE",
    packets.Sync: "SYNC",
}
OBSERVERINFO: Final = "OBSERVERINFO"
PACKET_WORDS: Final = (*dict.fromkeys(PACKETS.values()), OBSERVERINFO)
STATE_WORDS: Final = tuple(state.name.lower() for state in ServerState)
EPOCH_WORDS: Final = {"acceptedEpoch": "accepted", "currentEpoch": "current"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a step: it comes just before effect ``index`` is performed.

    ``others`` is whom it concerns: who is written to or heard, whose vote it is, the other end.
    ``what`` is the new state, the packet, or which epoch, in the words above.
    """

    kind: MomentKind
    index: int = BEFORE_ALL
    round: Round | None = None
    others: tuple[Sid, ...] = ()
    what: str = ""
    vote: Vote | None = None


@dataclass(frozen=True, slots=True)
class Awaited:
    """Which moments are waited for; what is not said may be anything.

    ``round`` is that very round. ``beyond``: a later round than this one, and than the one
    that the peer was in when it was told.
    """

    kind: MomentKind
    peers: tuple[Sid, ...] = ()  # one of them is concerned
    what: str = ""
    round: int | None = None
    beyond: int | None = None

    def fits(self, moment: Moment) -> bool:
        """Whether ``moment`` is one of them."""
        return (
            moment.kind is self.kind
            and (not self.peers or not set(self.peers).isdisjoint(moment.others))
            and (not self.what or self.what == moment.what)
            and (self.round is None or self.round == moment.round)
            and (self.beyond is None or (moment.round is not None and moment.round > self.beyond))
        )


@dataclass(slots=True)
class Before:
    """What has to be known of a peer to see the moments of its next step."""

    state: ServerState | None = None
    vote: Vote | None = None  # proposed or decided
    round: Round = Round(0)
    finalizing: bool = False
    conns: dict[int, Sid] = field(default_factory=dict)  # a leader's learners, by connection

    def follow(self, happened: Input, effects: Sequence[Effect]) -> None:
        """Take in one step."""
        self.hear(happened)
        for effect in effects:
            if type(effect) in _NOTED:
                self.take(effect)

    def copy(self) -> Before:
        """The same, to go on from apart."""
        return Before(self.state, self.vote, self.round, self.finalizing, dict(self.conns))

    def hear(self, happened: Input) -> None:
        """Take in what a step begins with."""
        match happened:
            case PacketRead(conn=conn, packet=LearnerHello(sid=sid)) if sid is not None:
                self.conns[conn] = sid
            case ConnectionLost(conn=conn):
                self.conns.pop(conn, None)
            case _:
                pass

    def take(self, effect: Effect) -> None:
        """Take in one effect."""
        match effect:
            case Entered(state=state):
                self.state = state
            case Proposed(vote=vote) | Decided(vote=vote):
                self.vote, self.round = vote, vote.round
            case QuorumSeen():
                self.finalizing = False  # of an earlier proposal; the timer begins it anew
            case Arm(timer=timer) | Disarm(timer=timer) if timer == _FINALIZE:
                self.finalizing = isinstance(effect, Arm)
            case CloseConnection(conn=conn):
                self.conns.pop(conn, None)
            case Serving(epoch=epoch) if self.vote is not None:
                self.vote = replace(self.vote, peer_epoch=epoch)
            case RestartElectionLayer():
                self.round = Round(0)
            case _:
                pass


_NOTED: Final = frozenset(
    {
        Entered,
        Proposed,
        Decided,
        QuorumSeen,
        Arm,
        Disarm,
        CloseConnection,
        Serving,
        RestartElectionLayer,
    }
)


def moments_of(before: Before, happened: Input, effects: Sequence[Effect]) -> list[Moment]:
    """The moments of one step, in their order; ``before`` stays as it is."""
    now = before.copy()
    now.hear(happened)
    found = [*_heard(now, happened)]
    for index, effect in enumerate(effects):
        match effect:
            case Ignored(sender=sender):
                if isinstance(happened, Deliver) and sender == happened.sender:
                    kind = MomentKind.NOTIFICATION_IGNORED
                    found.append(Moment(kind, index, happened.notification.round, (sender,)))
            case Entered(state=state):
                if state is not now.state:
                    found.append(_turn(now, state, index, effects))
            case _:
                found += _of(now, effect, index)
        if type(effect) in _NOTED:
            now.take(effect)
    return found


def link_moment(other: Sid, *, opened: bool) -> Moment:
    """An election link to ``other`` stands, or has ended."""
    kind = MomentKind.LINK_OPENED if opened else MomentKind.LINK_BROKEN
    return Moment(kind, others=(other,))


# ----


def _heard(now: Before, happened: Input) -> Iterator[Moment]:
    match happened:
        case Deliver(sender=sender, notification=notification):
            kind = MomentKind.NOTIFICATION_RECEIVED
            yield Moment(kind, round=notification.round, others=(sender,))
        case PacketRead(conn=conn, packet=packet):
            yield _packet(now, MomentKind.PACKET_RECEIVED, conn, packet)
        case _:
            pass


def _turn(now: Before, state: ServerState, index: int, effects: Sequence[Effect]) -> Moment:
    """A peer that begins to look does so in the round of its next proposal."""
    round_ = now.round
    if state is ServerState.LOOKING:
        later = (effect.vote.round for effect in effects[index:] if isinstance(effect, Proposed))
        round_ = next(later, round_)
    return Moment(MomentKind.STATE_CHANGED, index, round_, what=state.name.lower())


def _of(now: Before, effect: Effect, index: int) -> Iterator[Moment]:
    match effect:
        case Send(to=to, notification=said) if to:
            yield Moment(MomentKind.NOTIFICATION_SENT, index, said.round, to)
        case Proposed() | QuorumSeen() | Decided() | Arm() | Disarm():
            yield from _election(now, effect, index)
        case SendPacket(conn=conn, packet=packet):
            yield _packet(now, MomentKind.PACKET_SENT, conn, packet, index)
        case Persist(name=name) if name in EPOCH_WORDS:
            yield Moment(MomentKind.EPOCH_PERSISTED, index, now.round, what=EPOCH_WORDS[name])
        case PersistConfig(active=True):
            yield Moment(MomentKind.CONFIGURATION_ADOPTED, index, now.round)
        case SteppedDown():
            yield Moment(MomentKind.STEPPED_DOWN, index, now.round)
        case _:
            pass


def _election(
    now: Before, effect: Proposed | QuorumSeen | Decided | Arm | Disarm, index: int
) -> Iterator[Moment]:
    match effect:
        case Proposed(vote=vote):
            if now.vote is None or now.vote.rank != vote.rank:
                yield _vote(MomentKind.VOTE_CHANGED, index, vote)
        case QuorumSeen(vote=vote):
            if now.finalizing and now.vote is not None:
                yield _vote(MomentKind.FINALIZE_ENDED, index, now.vote)
            yield _vote(MomentKind.QUORUM_SEEN, index, vote)
        case Decided(vote=vote, state=state):
            yield _vote(MomentKind.DECIDED, index, vote, state.name.lower())
        case Arm(timer=timer) | Disarm(timer=timer):
            if timer != _FINALIZE or now.vote is None:
                return
            if isinstance(effect, Arm):
                again = MomentKind.FINALIZE_RESTARTED
                kind = again if now.finalizing else MomentKind.FINALIZE_STARTED
                yield _vote(kind, index, now.vote)
            elif now.finalizing:
                yield _vote(MomentKind.FINALIZE_ENDED, index, now.vote)


def _vote(kind: MomentKind, index: int, vote: Vote, what: str = "") -> Moment:
    return Moment(kind, index, vote.round, (vote.leader,), what, vote)


def _packet(
    now: Before, kind: MomentKind, conn: int, packet: Packet, index: int = BEFORE_ALL
) -> Moment:
    other = now.conns.get(conn)
    if now.state in _LEARNS and now.vote is not None:
        other = now.vote.leader
    observes = isinstance(packet, LearnerHello) and packet.observer
    what = OBSERVERINFO if observes else PACKETS.get(type(packet), "")
    return Moment(kind, index, now.round, () if other is None else (other,), what)
