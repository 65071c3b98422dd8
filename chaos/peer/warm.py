"""A dry run of what peers do, before the zygote forks them.

Patterns are compiled, tables filled and the interpreter's code specialised once, in memory
that all peers then share: a peer starts in a quarter of the time and with less of its own.
"""

from __future__ import annotations

from typing import Final

from chaos.election.effects import Deliver, Effect, Expire, Send, Start, Timer, TimerKind
from chaos.election.ids import Sid
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.history.codec import Writer, from_json, to_json
from chaos.history.events import Began, Stepped, Wrote
from chaos.wire.election import FrameReader, Skipped, encode_frame

_TIMES: Final = 20  # more often than the interpreter waits before it specialises code
_MEMBERS: Final = "\n".join(
    f"server.{sid}=127.0.0.{sid}:2888:3888:participant" for sid in (1, 2, 3)
)


def up() -> None:
    """Hold elections among three peers that exist only here."""
    for turn in range(_TIMES):
        config = f"{_MEMBERS}\nversion={turn:x}"  # each its own: what is parsed is remembered
        specs = [PeerSpec(Sid(sid), config) for sid in (1, 2, 3)]
        for spec in specs:
            from_json(to_json(spec))
        _elect(specs, Writer())


def _elect(specs: list[PeerSpec], writer: Writer) -> None:
    peers = {spec.sid: QuorumPeer(spec) for spec in specs}
    writer.lines(Began(0, specs[0].sid, 0, 0, 0, specs[0]))
    waiting: list[tuple[Sid, Sid, bytes]] = []

    def take(sid: Sid, happened: Start | Deliver | Expire) -> None:
        effects: list[Effect] = peers[sid].step(happened)
        writer.lines(Stepped(0, sid, 0, 0, happened, tuple(effects)))
        for effect in effects:
            if isinstance(effect, Send):
                frame = encode_frame(effect.notification)
                waiting.extend((sid, to, frame) for to in effect.to)

    for sid in peers:
        take(sid, Start())
    while waiting:
        sender, to, frame = waiting.pop(0)
        writer.lines(Wrote(0, sender, 0, 0, 0, 0, to, "", 0))
        for message in FrameReader().feed(frame):
            if not isinstance(message, Skipped):
                take(to, Deliver(sender, message))
    for sid in peers:
        take(sid, Expire(Timer(TimerKind.FINALIZE)))
