"""A dry run of what peers do, before the zygote forks them.

Patterns are compiled, tables filled and the interpreter's code specialised once, in memory
that all peers then share: a peer starts in a quarter of the time and with less of its own.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from chaos.election.effects import (
    ConnectLeader,
    Deliver,
    Effect,
    Expire,
    Input,
    LeaderConnected,
    LearnerConnected,
    PacketRead,
    Send,
    SendPacket,
    Start,
    Timer,
    TimerKind,
)
from chaos.election.ids import Sid
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.history.codec import Writer, from_json, to_json
from chaos.history.events import Began, Stepped, Wrote
from chaos.wire.election import FrameReader, Skipped, encode_frame
from chaos.wire.quorum import PacketReader, encode_packet

_TIMES: Final = 4  # by three peers: more often than the interpreter waits before it specialises
_MEMBERS: Final = "\n".join(
    f"server.{sid}=127.0.0.{sid}:2888:3888:participant" for sid in (1, 2, 3)
)


def up() -> None:
    """Hold elections among three peers that exist only here, and let them serve."""
    for turn in range(_TIMES):
        config = f"{_MEMBERS}\nversion={turn:x}"  # each its own: what is parsed is remembered
        specs = [PeerSpec(Sid(sid), config) for sid in (1, 2, 3)]
        for spec in specs:
            from_json(to_json(spec))
        _Trio(specs).live()


class _Trio:
    """Three peers, and what is on its way between them."""

    def __init__(self, specs: list[PeerSpec]) -> None:
        self._peers = {spec.sid: QuorumPeer(spec) for spec in specs}
        self._writer = Writer()
        self._writer.lines(Began(0, specs[0].sid, 0, 0, 0, specs[0]))
        self._waiting: deque[tuple[Sid, Input]] = deque()

    def live(self) -> None:
        """From the first vote to the first pings."""
        for kind in (None, TimerKind.FINALIZE, TimerKind.TICK):
            for sid in self._peers:
                self._take(sid, Start() if kind is None else Expire(Timer(kind)))
            while self._waiting:
                self._take(*self._waiting.popleft())

    def _take(self, sid: Sid, happened: Input) -> None:
        effects = self._peers[sid].step(happened)
        self._writer.lines(Stepped(0, sid, 0, 0, happened, tuple(effects)))
        for effect in effects:
            self._perform(sid, effect)

    def _perform(self, sid: Sid, effect: Effect) -> None:
        match effect:
            case Send(to=others, notification=message):
                for other in others:
                    self._writer.lines(Wrote(0, sid, 0, 0, 0, 0, other, "", 0))
                    for read in FrameReader().feed(encode_frame(message)):
                        if not isinstance(read, Skipped):
                            self._waiting.append((other, Deliver(sid, read)))
            case ConnectLeader(leader=leader):
                # A connection goes by its learner's sid, at both ends.
                self._waiting.append((leader, LearnerConnected(sid)))
                self._waiting.append((sid, LeaderConnected(sid)))
            case SendPacket(conn=conn, packet=packet):
                other = Sid(conn) if conn != sid else max(self._peers)  # who leads
                for told in PacketReader().feed(encode_packet(packet)):
                    self._waiting.append((other, PacketRead(conn, told)))
            case _:
                pass
