"""What a block looks like to both ends of a virtual connection: the table measured on Linux."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest

from chaos.actions import Block, Cut, How, Port, PortCut
from chaos.election.config import Address
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification
from chaos.sim.clock import START_NS, Call, Clock
from chaos.sim.connects import Connects, Goal
from chaos.sim.network import (
    BUFFER_FRAMES,
    JITTER_NS,
    LATENCY_NS,
    RTO_NS_MAX,
    Frame,
    Item,
    Network,
    Socket,
)

MS = 1_000_000
SECOND = 1000 * MS
TRIP_NS = LATENCY_NS + JITTER_NS
A, B = Sid(1), Sid(2)
NOTE = Notification(0, A, Zxid(0), Round(1), PeerEpoch(0))


class End:
    """A process that writes down what its kernel tells it."""

    def __init__(self, sid: Sid, clock: Clock) -> None:
        self.sid = sid
        self.alive = True
        self.stopped = False
        self.unread: deque[Call] = deque()
        self.sockets: dict[int, Socket] = {}
        self.told: list[tuple[int, str]] = []
        self.net: Network
        self._clock = clock
        self._drawn = 0

    def draw(self) -> int:
        self._drawn += 1
        return self._drawn

    def gate(self, call: Call) -> None:
        if self.stopped:
            self.unread.append(call)
        else:
            call()

    def note(self, what: str) -> None:
        self.told.append((self._clock.now_ns - START_NS, what))

    def accept(self, socket: Socket) -> None:
        self.note(f"accepted {socket.number}")

    def read(self, socket: Socket, item: Item) -> None:
        self.net.took(socket)
        self.note(f"read {item.number}" if isinstance(item, Frame) else type(item).__name__)

    def lost(self, socket: Socket, why: str) -> None:
        assert not socket.open
        self.note(f"lost: {why}")

    def writable(self, socket: Socket) -> None:
        self.note(f"writable {socket.number}")

    def connected(self, socket: Socket | None, why: str) -> None:
        self.note("stands" if socket is not None else why)

    @property
    def words(self) -> list[str]:
        return [what for _, what in self.told]


class Pair:
    """Two hosts; both listen, and a connection from A to B stands."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.net = Network(self.clock, "seed", ordered=True)
        self.connects = Connects(self.net)
        self.ends = {sid: End(sid, self.clock) for sid in (A, B)}
        for sid, end in self.ends.items():
            end.net = self.net
            self.connects.add_host(sid, f"10.0.0.{sid}")
            self.connects.listen(end, Address(f"10.0.0.{sid}", 3888))
        self.connect(A)
        self.run(10 * TRIP_NS)
        self.sockets = {sid: end.sockets[1] for sid, end in self.ends.items()}
        for end in self.ends.values():
            end.told.clear()

    def connect(self, source: Sid, seconds: int = 5) -> None:
        end, target = self.ends[source], B if source == A else A
        deadline = self.clock.now_ns + seconds * SECOND
        goal = Goal(Address(f"10.0.0.{target}", 3888), Port.ELECTION, deadline)
        self.connects.connect(end, goal, end.connected)

    def write(self, source: Sid, number: int = 0) -> None:
        self.net.send(self.sockets[source], Frame(NOTE, number))

    def run(self, ns: int) -> None:
        until = self.clock.now_ns + ns
        while self.clock.turn(until):
            pass

    def block(self, how: How, *cuts: Cut | PortCut) -> None:
        self.net.blocks.place(Block("it", cuts, how))
        self.net.changed()

    def heal(self) -> int | None:
        found = self.net.blocks.lift("it")
        self.net.changed()
        return found


@dataclass(frozen=True)
class Look:
    """What happens within 300 ms to what A or B does, each tried alone."""

    a_writes: tuple[list[str], list[str]]  # what A is told, what B is told
    b_writes: tuple[list[str], list[str]]
    a_connects: str
    b_connects: str


READ, RESET = ["read 0"], ["lost: connection reset"]
NOTHING: list[str] = []
AB, BA = Cut(A, B), Cut(B, A)
TABLE = {
    "nothing cut": ((), How.SILENT, Look((NOTHING, READ), (READ, NOTHING), "stands", "stands")),
    "silent, both ways": (
        (AB, BA),
        How.SILENT,
        Look((NOTHING, NOTHING), (NOTHING, NOTHING), "hangs", "hangs"),
    ),
    "silent, A to B": (
        (AB,),
        How.SILENT,
        Look((NOTHING, NOTHING), (READ, NOTHING), "hangs", "hangs"),
    ),
    "reset, A to B": (
        (AB,),
        How.RESET,
        Look((RESET, NOTHING), (RESET, NOTHING), "connection refused", "hangs"),
    ),
    "reset, both ways": (
        (AB, BA),
        How.RESET,
        Look((RESET, NOTHING), (NOTHING, RESET), "connection refused", "connection refused"),
    ),
    "refuse, A to B": (
        (AB,),
        How.REFUSE,
        Look((NOTHING, READ), (READ, NOTHING), "connection refused", "stands"),
    ),
    "silent, to B's election port": (
        (PortCut(B, Port.ELECTION, inbound=True),),
        How.SILENT,
        Look((NOTHING, NOTHING), (READ, NOTHING), "hangs", "stands"),
    ),
    "silent, from B's election port": (
        (PortCut(B, Port.ELECTION, inbound=False),),
        How.SILENT,
        Look((NOTHING, READ), (NOTHING, NOTHING), "hangs", "stands"),
    ),
    "silent, to B's quorum port": (
        (PortCut(B, Port.QUORUM, inbound=True),),
        How.SILENT,
        Look((NOTHING, READ), (READ, NOTHING), "stands", "stands"),
    ),
}


@pytest.mark.parametrize(("cuts", "how", "look"), TABLE.values(), ids=TABLE.keys())
def test_a_block_looks_as_it_does_on_linux(
    cuts: tuple[Cut | PortCut, ...], how: How, look: Look
) -> None:
    for sid, wanted in ((A, look.a_writes), (B, look.b_writes)):
        pair = Pair()
        pair.block(how, *cuts)
        pair.write(sid)
        pair.run(300 * MS)
        assert (pair.ends[A].words, pair.ends[B].words) == wanted
    for sid, answer in ((A, look.a_connects), (B, look.b_connects)):
        pair = Pair()
        pair.block(how, *cuts)
        pair.connect(sid)
        pair.run(300 * MS)
        assert [w for w in pair.ends[sid].words if w != "accepted 2"] == [answer][
            : answer != "hangs"
        ]


def test_a_hanging_connect_times_out() -> None:
    pair = Pair()
    pair.block(How.SILENT, AB)
    start = pair.clock.now_ns - START_NS
    pair.connect(A, seconds=5)
    pair.run(10 * SECOND)
    assert pair.ends[A].told == [(start + 5 * SECOND, "connect timed out")]


def test_a_hanging_connect_stands_within_a_second_of_the_heal() -> None:
    pair = Pair()
    pair.block(How.SILENT, BA)
    start = pair.clock.now_ns - START_NS
    pair.connect(A)
    pair.run(1500 * MS)
    pair.heal()
    pair.run(SECOND)
    [(at, what)] = pair.ends[A].told
    assert what == "stands"
    assert start + 2 * SECOND < at < start + 2 * SECOND + 2 * TRIP_NS


HEALS = {"0.3 s": (300, 600), "1 s": (1000, 1400), "2 s": (2000, 2400), "5 s": (5000, 5400)}


@pytest.mark.parametrize(("outage_ms", "read_ms"), HEALS.values(), ids=HEALS.keys())
def test_what_a_cut_held_comes_with_the_next_retransmission(outage_ms: int, read_ms: int) -> None:
    pair = Pair()
    pair.block(How.SILENT, AB)
    start = pair.clock.now_ns - START_NS
    for number in range(3):
        pair.write(A, number)
    pair.run(outage_ms * MS)
    assert pair.heal()
    pair.write(A, 3)
    pair.run(RTO_NS_MAX)
    assert pair.ends[B].words == ["read 0", "read 1", "read 2", "read 3"]
    for at, _ in pair.ends[B].told:
        assert start + read_ms * MS < at <= start + read_ms * MS + TRIP_NS


def test_a_reset_that_one_side_missed_shows_when_it_writes_after_the_heal() -> None:
    pair = Pair()
    pair.block(How.RESET, AB)
    pair.write(A)
    pair.run(SECOND)
    pair.heal()
    pair.run(SECOND)
    assert pair.ends[B].words == []
    pair.write(B)
    pair.run(SECOND)
    assert pair.ends[B].words == ["lost: connection reset by peer"]


def test_a_close_delivers_what_was_written_and_then_the_end() -> None:
    pair = Pair()
    pair.write(A, 0)
    pair.net.close(pair.sockets[A])
    pair.run(SECOND)
    assert pair.ends[B].words == ["read 0", "Fin"]
    assert pair.ends[A].words == []


def test_a_close_into_a_silent_cut_is_noticed_after_the_heal() -> None:
    pair = Pair()
    pair.block(How.SILENT, AB, BA)
    pair.net.close(pair.sockets[A])
    pair.run(SECOND)
    assert pair.ends[B].words == []
    assert pair.heal() == 1
    pair.run(SECOND)
    assert pair.ends[B].words == ["Fin"]


def test_a_connect_to_a_closed_port_is_refused_after_a_round_trip() -> None:
    pair = Pair()
    pair.connects.unlisten(pair.ends[B], Address("10.0.0.2", 3888))
    start = pair.clock.now_ns - START_NS
    pair.connect(A)
    pair.run(SECOND)
    [(at, what)] = pair.ends[A].told
    assert what == "connection refused"
    assert start + 2 * LATENCY_NS <= at <= start + 2 * TRIP_NS


def test_a_connect_to_nowhere_fails() -> None:
    pair = Pair()
    goal = Goal(Address("10.0.0.9", 3888), Port.ELECTION, pair.clock.now_ns + SECOND)
    pair.connects.connect(pair.ends[A], goal, pair.ends[A].connected)
    pair.run(SECOND)
    assert pair.ends[A].words == ["no route to host"]


def test_a_stopped_process_is_connected_to_and_reads_when_it_goes_on() -> None:
    pair = Pair()
    pair.ends[B].stopped = True
    pair.write(A)
    pair.connect(A)
    pair.run(SECOND)
    assert pair.ends[A].words == ["stands"]
    assert pair.ends[B].words == []
    pair.ends[B].stopped = False
    for call in list(pair.ends[B].unread):
        call()
    assert pair.ends[B].words == ["read 0", "accepted 2"]


def test_a_buffer_that_empties_tells_its_writer() -> None:
    pair = Pair()
    pair.ends[B].stopped = True
    for number in range(BUFFER_FRAMES):
        pair.write(A, number)
    pair.run(SECOND)
    assert pair.sockets[A].unread == BUFFER_FRAMES
    pair.sockets[A].stalled = True
    pair.ends[B].stopped = False
    for call in list(pair.ends[B].unread):
        call()
    pair.run(SECOND)
    assert pair.sockets[A].unread == 0
    assert pair.ends[A].words == ["writable 1"]


def test_the_oldest_of_two_blocks_decides_and_counts() -> None:
    pair = Pair()
    pair.net.blocks.place(Block("drop", (AB,), How.SILENT))
    pair.net.blocks.place(Block("reject", (AB,), How.RESET))
    pair.write(A)
    pair.run(MS)
    assert pair.ends[A].words == []
    assert pair.net.blocks.lift("reject") == 0
    assert pair.net.blocks.lift("drop") == 1
    assert pair.net.blocks.lift("drop") is None


@pytest.mark.parametrize("how", [How.SILENT, How.RESET])
def test_an_answer_that_was_cut_off_is_asked_for_again_after_the_heal(how: How) -> None:
    """A wrote to a socket that is gone; its kernel goes on sending until something answers."""
    pair = Pair()
    pair.block(How.RESET, BA)
    pair.write(B)
    pair.run(10 * TRIP_NS)
    assert pair.ends[B].words == RESET
    pair.heal()
    pair.block(how, BA)
    pair.write(A)
    pair.run(SECOND)
    assert pair.ends[A].words == NOTHING
    pair.heal()
    pair.run(RTO_NS_MAX + 10 * TRIP_NS)
    assert pair.ends[A].words == ["lost: connection reset by peer"]
