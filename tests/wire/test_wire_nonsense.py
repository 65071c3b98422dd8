"""What an outsider says is what it is meant to be: refused, or waited for, by our own readers."""

from __future__ import annotations

import pytest

from chaos.election.ids import Sid
from chaos.election.packets import LearnerHello
from chaos.errors import WireError
from chaos.wire.election import FrameReader, InitiationReader, Skipped
from chaos.wire.nonsense import FIRST_SID, Nonsense, said
from chaos.wire.quorum import PacketReader

WHO = Sid(FIRST_SID + 7)
GARBAGE = bytes(range(200, 256)) * 3


def at_election(data: bytes) -> tuple[bool, str]:
    """Whether it introduced itself, and what came of what is behind that."""
    reader = InitiationReader()
    try:
        hello = reader.feed(data)
    except WireError as error:
        return False, str(error)
    if hello is None:
        return False, "more is awaited"
    assert hello.sid == WHO
    frames = FrameReader()
    try:
        found = frames.feed(reader.rest)
    except WireError as error:
        return True, str(error)
    [*skipped] = [one.why for one in found if isinstance(one, Skipped)]
    votes = [f"configuration {one.config}" for one in found if not isinstance(one, Skipped)]
    return True, "".join(skipped + votes) or ("half a frame" if frames.pending else "")


def at_quorum(data: bytes) -> tuple[bool, str]:
    reader = PacketReader()
    try:
        found, wrong = reader.feed(data), ""
    except WireError as error:
        found, wrong = reader.before, str(error)
    hello = [one for one in found if isinstance(one, LearnerHello)]
    assert [one.observer for one in hello] == [True] * len(hello), "it is never counted"
    if any(one.protocol != LearnerHello(None, hello[0].accepted_epoch).protocol for one in hello):
        wrong = "of no known protocol"
    return bool(hello), wrong or ("half a packet" if reader.pending else "")


SAID = {
    Nonsense.GARBAGE: ((False, "protocol version"), (False, "length")),
    Nonsense.OVERSIZE: ((True, "frame of 1073741824 bytes"), (True, "length 1073741824")),
    Nonsense.TRUNCATED: ((True, "half a frame"), (True, "half a packet")),
    Nonsense.VERSION: ((False, "protocol version -65000"), (True, "no known protocol")),
    Nonsense.MESSAGE: ((True, "12 bytes are too short"), (True, "")),
    Nonsense.CONFIG: ((True, "configuration version=zz"), (True, "")),
    Nonsense.SILENT: ((False, "more is awaited"), (False, "")),
    Nonsense.SLOW: ((True, ""), (True, "")),
    Nonsense.HANDSHAKE: ((True, ""), (True, "")),
}


@pytest.mark.parametrize("kind", Nonsense)
def test_each_kind_is_wrong_in_its_own_way(kind: Nonsense) -> None:
    for quorum, (introduced, why) in zip((False, True), SAID[kind], strict=True):
        data = said(kind, quorum=quorum, who=WHO, garbage=GARBAGE)
        heard = (at_quorum if quorum else at_election)(data)
        assert heard[0] is introduced, heard
        assert why in heard[1]
