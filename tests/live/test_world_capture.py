"""A capture holds what servers say to one another, once and with the time it left them."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.actions import Cut
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.errors import InfrastructureError
from chaos.sandbox.capture import ETHERNET, FILE_HEADER, MAGIC, RECORD_HEADER
from chaos.systems.world import World
from tests.sandbox.worlds import Puppet, obedient, puppet, why_no_namespaces

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces()),
]

A, B = Sid(1), Sid(2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World.open("kernel", tmp_path, obedient(), (A, B)) as world:
        yield world


def test_a_capture_holds_each_packet_once_with_the_time_it_left(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "capture.pcap"
    recording = world.capture(path)
    said = [one for port in (ELECTION_PORT, QUORUM_PORT, 2181) for one in _talk(world, port)]
    seen = recording.end()
    packets = _packets(path)
    assert (seen["packets"], seen["dropped"]) == (len(packets), 0)
    assert seen["clock_error_ns"] < 1_000_000
    speaking = [one for one in packets if one.text]
    assert len({(one.source, one.number) for one in speaking}) == len(speaking)
    first: dict[bytes, int] = {}
    for one in speaking:
        first.setdefault(one.text, one.at_ns)  # TCP may send something again
    assert list(first) == [text for text, _, _ in said[:4]]  # not of port 2181
    for text, sent_ns, received_ns in said[:4]:
        assert -seen["clock_error_ns"] <= first[text] - sent_ns
        assert first[text] - received_ns <= seen["clock_error_ns"]
    assert recording.end() == seen
    assert world.spawn_exits() == []


Said = tuple[bytes, int, int]  # what, not sent before, not received after


def _talk(world: World, port: int) -> list[Said]:
    a, b = puppet(world, A), puppet(world, B)
    assert b.do("listen", name="l", port=str(port)) == "done"
    assert a.do("dial", name="link", to=b.host, port=str(port)) == "done"
    assert b.do("accept", name="link", listener="l") == "done"
    return [_say(a, b, f"to {port}"), _say(b, a, f"from {port}")]


def _say(source: Puppet, target: Puppet, text: str) -> Said:
    sent_ns = time.monotonic_ns()
    source.do("send", name="link", text=text)
    assert target.do("receive", name="link") == text
    return text.encode(), sent_ns, time.monotonic_ns()


@dataclass(frozen=True)
class Packet:
    """What a test asks of one; ``number`` is its sender's own."""

    at_ns: int
    source: bytes
    number: bytes
    text: bytes


def _packets(path: Path) -> list[Packet]:
    data = path.read_bytes()
    assert FILE_HEADER.unpack_from(data) == (MAGIC, 2, 4, 0, 0, 1 << 16, ETHERNET)
    at, found = FILE_HEADER.size, []
    while at < len(data):
        seconds, nanos, here, length = RECORD_HEADER.unpack_from(data, at)
        frame = data[at + RECORD_HEADER.size :][:here]
        assert len(frame) == here == length
        (end,) = struct.unpack_from(">H", frame, 16)
        tcp = 14 + (frame[14] & 15) * 4
        text = frame[tcp + (frame[tcp + 12] >> 4) * 4 : 14 + end]
        found.append(Packet(seconds * 10**9 + nanos, frame[26:30], frame[18:20], text))
        at += RECORD_HEADER.size + here
    return found


def test_a_capture_sees_what_a_block_stops(world: World, tmp_path: Path) -> None:
    recording = world.capture(tmp_path / "capture.pcap")
    a, b = puppet(world, A), puppet(world, B)
    world.block("b", [Cut(A, B)])
    a.do("dial", name="link", to=b.host, port=str(ELECTION_PORT), timeout="0.1")
    assert int(world.unblock("b")["packets"]) == recording.end()["packets"] >= 1


def test_no_packet_is_longer_than_the_wire_allows(world: World, tmp_path: Path) -> None:
    recording = world.capture(tmp_path / "capture.pcap")
    a, b = puppet(world, A), puppet(world, B)
    b.do("listen", name="l", port=str(QUORUM_PORT))
    a.do("dial", name="link", to=b.host, port=str(QUORUM_PORT))
    b.do("accept", name="link", listener="l")
    a.do("send", name="link", text="x" * 50_000)
    received = 0
    while received < 50_000:
        said = b.do("receive", name="link")
        assert isinstance(said, str)
        received += len(said)
    recording.end()
    sizes = [len(one.text) for one in _packets(tmp_path / "capture.pcap")]
    assert max(sizes) == 1448
    assert sum(sizes) >= 50_000  # TCP may send something again


def test_a_capture_that_cannot_begin_says_why(world: World, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="No such file"):
        world.capture(tmp_path / "nowhere" / "capture.pcap")


def test_a_capture_ends_with_its_world_which_tells_of_it(tmp_path: Path) -> None:
    with World.open("kernel", tmp_path, obedient(), (A, B)) as world:
        world.capture(tmp_path / "capture.pcap")
    assert "packets 0, dropped 0" in world.facts["capture"]


def test_only_a_hub_captures(tmp_path: Path) -> None:
    with (
        World.open("kernel", tmp_path, obedient()) as world,
        pytest.raises(InfrastructureError, match="no hub to capture in"),
    ):
        world.capture(tmp_path / "capture.pcap")
