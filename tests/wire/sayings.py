"""Whether what our core says on the quorum port is what the server said there.

Pings of a leader are its clock and are left out; so is what a learner's clients ask. Where
our core differs deliberately, the difference has a name here and stands in
``docs/zookeeper-differences.md``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chaos.election.ids import counter_of
from chaos.election.packets import (
    Ack,
    Commit,
    CommitAndActivate,
    Diff,
    Inform,
    InformAndActivate,
    NewLeader,
    Packet,
    Ping,
    Proposal,
    Request,
    Revalidate,
    Snap,
    Trunc,
)
from tests.wire.lives import Life, Told
from tests.wire.mailbox import WrongError

MS: Final = 1_000_000
SAID_NS: Final = 550 * MS  # a JVM that has just started, and its disk, take this long


class Difference(StrEnum):
    """Where our core deliberately says something else."""

    SYNC_CHOICE = "a learner that lacks all of the log gets the log, where ZooKeeper sends SNAP"
    SYNC_ACKS = "what came before NEWLEADER is acked with NEWLEADER, not once more by itself"
    CONTENT = "a transaction of a leader without a tree has another content"
    LAGGARD = "a server without a vote does not answer a laggard, who answers it anyway"
    PAUSE = "an observer that lost its leader looks again without a random pause"
    RECONFIG = "a leader without a tree takes no reconfiguration of a client"


class Open(StrEnum):
    """What the recording leaves open."""

    CUT_OFF = "a packet was due when the server was killed or the recording ended"
    PINGS = "pings of a leader: when they come is its clock's affair"
    CLIENTS = "what clients of a learner ask"


@dataclass(slots=True)
class _Lane:
    """What was said on one connection, and how much of it our core has said."""

    told: tuple[Told, ...]
    said: int = 0
    sync: tuple[Packet, ...] = ()  # ours since ACKEPOCH, until NEWLEADER
    due: tuple[tuple[int, Packet], ...] = ()  # said by us alone, at the end

    def copy(self) -> _Lane:
        return replace(self)


@dataclass(slots=True)
class Packets:
    """All connections of one server."""

    lanes: dict[int, _Lane] = field(default_factory=dict)
    answers: dict[int, _Lane] = field(default_factory=dict)
    end_ns: int = 0
    used: Counter[str] = field(default_factory=Counter)

    @staticmethod
    def of(life: Life) -> Packets:
        """What the server of ``life`` said."""
        made = Packets(end_ns=life.end_ns)
        for conn, told in life.packets.items():
            kept = [one for one in told if not isinstance(one.packet, Request | Revalidate)]
            made.used[Open.CLIENTS] += len(told) - len(kept)
            pings = [one for one in kept if isinstance(one.packet, Ping)]
            answers = [one for one in pings if isinstance(one.packet, Ping) and one.packet.answer]
            made.used[Open.PINGS] += len(pings) - len(answers)
            rest = [one for one in kept if not isinstance(one.packet, Ping)]
            made.lanes[conn] = _Lane(tuple(rest))
            made.answers[conn] = _Lane(tuple(Told(one.at_ns, _bare(one.packet)) for one in answers))
        return made

    def copy(self) -> Packets:
        """The same, to go on differently."""
        return Packets(
            {conn: lane.copy() for conn, lane in self.lanes.items()},
            {conn: lane.copy() for conn, lane in self.answers.items()},
            self.end_ns,
            Counter(self.used),
        )

    def say(self, conn: int, packet: Packet, now_ns: int) -> int:
        """Our core says ``packet``; when the server said it, or 0.

        Raises:
            WrongError: the server said something else there.
        """
        if isinstance(packet, Ping):
            if packet.answer:
                lane = self.answers.setdefault(conn, _Lane(()))
                self._match(lane, conn, packet, now_ns)
            return 0
        lane = self.lanes.setdefault(conn, _Lane(()))
        if lane.sync or isinstance(packet, Diff | Trunc | Snap):
            lane.sync += (packet,)
            if isinstance(packet, NewLeader):
                self._synchronise(lane, conn, now_ns)
            return 0
        return self._match(lane, conn, packet, now_ns)

    def _synchronise(self, lane: _Lane, conn: int, now_ns: int) -> None:
        """DIFF, TRUNC or SNAP up to NEWLEADER: one decision."""
        ours, lane.sync = lane.sync, ()
        rest = lane.told[lane.said :]
        length = next((i for i, t in enumerate(rest) if isinstance(t.packet, NewLeader)), None)
        if length is None:
            lane.due += tuple((now_ns, packet) for packet in ours)
            return
        theirs = tuple(_comparable(told.packet) for told in rest[: length + 1])
        if isinstance(ours[0], Diff) and isinstance(theirs[0], Snap) and ours[-1] == theirs[-1]:
            self.used[Difference.SYNC_CHOICE] += 1
        elif len(ours) != len(theirs):
            raise WrongError(f"on {conn} it said {theirs}, our core {ours}")
        else:
            for mine, other in zip(ours, theirs, strict=True):
                self._count(_difference(_comparable(mine), other))
        lane.said += length + 1

    def _match(self, lane: _Lane, conn: int, packet: Packet, now_ns: int) -> int:
        if lane.said == len(lane.told):
            lane.due += ((now_ns, packet),)
            return 0
        told = lane.told[lane.said]
        if _acks_more(packet, told.packet) and lane.said + 1 < len(lane.told):
            self.used[Difference.SYNC_ACKS] += 1
            lane.said += 1
            told = lane.told[lane.said]
        if not now_ns <= told.at_ns <= now_ns + SAID_NS:
            raise WrongError(f"on {conn} it said {told.packet} at {told.at_ns}, our core {packet}")
        self._count(_difference(packet, told.packet))
        lane.said += 1
        return told.at_ns

    def _count(self, difference: Difference | None) -> None:
        if difference is not None:
            self.used[difference] += 1

    def settle(self, now_ns: int) -> None:
        """Compare what was said before ``now_ns``.

        Raises:
            WrongError: the server said more than our core.
        """
        for lanes in (self.lanes, self.answers):
            for conn, lane in lanes.items():
                if lane.said < len(lane.told) and lane.told[lane.said].at_ns < now_ns:
                    raise WrongError(
                        f"on {conn} our core is silent; it said {lane.told[lane.said]}"
                    )
                if any(at_ns + SAID_NS < min(now_ns, self.end_ns) for at_ns, _ in lane.due):
                    raise WrongError(f"on {conn} it is silent; our core said {lane.due}")

    def end(self) -> Counter[str]:
        """The reasons that were needed."""
        lanes = [*self.lanes.values(), *self.answers.values()]
        cut = sum(len(lane.due) for lane in lanes)
        return self.used + Counter({Open.CUT_OFF: cut})


def _bare(packet: Packet) -> Packet:
    return replace(packet, sessions=()) if isinstance(packet, Ping) else packet


def _comparable(packet: Packet) -> Packet:
    """Of a tree the zxid alone."""
    return Snap(packet.zxid, b"") if isinstance(packet, Snap) else packet


def _acks_more(ours: Packet, theirs: Packet) -> bool:
    return (
        isinstance(ours, Ack)
        and isinstance(theirs, Ack)
        and counter_of(theirs.zxid) > 0 == counter_of(ours.zxid)
    )


def _difference(ours: Packet, theirs: Packet) -> Difference | None:
    """``None``: the same.

    Raises:
        WrongError: another packet, for no known reason.
    """
    if ours == theirs:
        return None
    match ours, theirs:
        case (Proposal(txn=mine), Proposal(txn=other)) | (Inform(txn=mine), Inform(txn=other)):
            if mine.zxid == other.zxid and mine.session == other.session:
                return Difference.CONTENT
        case Commit(zxid=zxid), CommitAndActivate(zxid=other_zxid) if zxid == other_zxid:
            return Difference.RECONFIG
        case Inform(txn=mine), InformAndActivate(txn=other) if mine.zxid == other.zxid:
            return Difference.RECONFIG
        case _:
            pass
    raise WrongError(f"it said {theirs}, our core {ours}")
