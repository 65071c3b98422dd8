"""The quorum port: a leader's listener and learners, and a learner's way to its leader.

Source: ZooKeeper 3.8 ``Leader.LearnerCnxAcceptor``, ``LearnerHandler``,
``Learner.connectToLeader``. The port is open only while its peer leads; before and after,
the kernel refuses who connects.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from chaos.actions import Port
from chaos.election.effects import (
    ConnectionLost,
    Input,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    PacketRead,
)
from chaos.election.ids import Sid
from chaos.election.packets import Packet
from chaos.errors import WireError
from chaos.history.codec import Json
from chaos.peer.blocks import Route
from chaos.peer.dials import Dial as Attempt
from chaos.peer.listener import Listener, refused
from chaos.peer.room import Room
from chaos.peer.stream import Stream
from chaos.wire.lane import Lane
from chaos.wire.quorum import PacketReader, encode_packet

# Bytes, and delayed packets, that wait for one learner; more and it is let go. A learner that
# was away is sent all that it missed in one step.
OUT_MAX: Final = 64 << 20
LATE_MAX: Final = 100_000
LEARNERS_MAX: Final = 64  # connections, beside two for each member

QUORUM: Final = Port.QUORUM


class Channel:
    """One quorum connection. ``dialed``: the other end is my leader."""

    __slots__ = ("_packets", "_size", "conn", "lane", "reader", "stream")

    def __init__(self, conn: int, stream: Stream, lane: Lane[bytes] | None) -> None:
        self.conn = conn
        self.stream = stream
        self.lane = lane  # none to somebody of whom nobody knows who it is
        self.reader = PacketReader()
        self._packets: list[bytes] = []  # put, not poured yet
        self._size = 0

    @property
    def late(self) -> int:
        """How many packets a fault holds back."""
        return 0 if self.lane is None else len(self.lane)

    @property
    def depth(self) -> int:
        """How many bytes wait to be read."""
        return self._size + len(self.stream.out)

    def put(self, packet: bytes) -> None:
        """Write ``packet``; the stream has it once it is poured, with those beside it."""
        self._packets.append(packet)
        self._size += len(packet)

    def pour(self) -> None:
        """Hand over what was put, in one piece."""
        if self._packets:
            self.stream.write(b"".join(self._packets), len(self._packets))
            self._packets.clear()
            self._size = 0


class QuorumPort:
    """All quorum connections of one peer. ``step`` takes what happens on them."""

    def __init__(self, room: Room, step: Callable[[Input], object]) -> None:
        self._room = room
        self._step = step
        self._listener = Listener(room.loop, room.journal, QUORUM, self._arrived)
        self._channels: dict[int, Channel] = {}
        self._attempt: Attempt | None = None
        self._ready: dict[int, Channel] = {}

    # ---- what the peer wants

    def open(self) -> None:
        """Listen for learners."""
        self._listener.keep_open(self._room.book.own(QUORUM))

    def close(self) -> None:
        """Listen no more and let every learner go."""
        self._listener.close()
        for channel in list(self._channels.values()):
            if not channel.stream.route.dialed:
                self._close(channel)

    def connect(self, leader: Sid, timeout_ms: int) -> None:
        """Connect to ``leader``; the answer is an input, always a later one."""
        self._give_up()
        address = self._room.book.quorum.get(leader)
        if address is None:
            why = f"server {leader} is in no configuration of mine"
            self._room.loop.call_soon(lambda: self._connected(None, why))
            return
        route = Route(leader, QUORUM, dialed=True)
        dialable = self._room.book.numeric(leader, address)
        self._attempt = self._room.dials.start(route, dialable, timeout_ms, self._connected)

    def send(self, conn: int, packet: Packet) -> None:
        """Write ``packet`` on ``conn``, after what was asked before."""
        channel = self._channels.get(conn)
        if channel is None:
            return  # it broke, and the rules will hear of it in their next input
        data = encode_packet(packet)
        lane = channel.lane
        if channel.depth > OUT_MAX or channel.late > LATE_MAX:
            why = f"{channel.depth} bytes wait and are not read"
            self._room.loop.call_soon(lambda: self._broken(channel, why))
            return
        if lane is None or lane.idle:
            channel.put(data)
        else:
            lost_by = lane.offer(data, self._room.loop.now_ns)
            assert not lost_by, "a stream loses nothing"
        self._ready[conn] = channel

    def drop(self, conn: int) -> None:
        """Close ``conn``, what was written before first; 0 is an attempt that is under way."""
        self._give_up()
        channel = self._channels.get(conn)
        if channel is not None:
            self._close(channel)

    def reconsider(self) -> None:
        """Blocks have changed."""
        for channel in list(self._channels.values()):
            flow = channel.stream.reconsider()
            if flow.reset:
                self._room.blocks.count(channel.stream.route, connections=1)
                self._broken(channel, "reset by a block", reset=True)
            elif flow.outward:
                self._ready[channel.conn] = channel

    def streams(self) -> list[Stream]:
        """All connections."""
        for channel in self._channels.values():
            channel.pour()
        return [channel.stream for channel in self._channels.values()]

    def fill(self) -> list[Stream]:
        """Put what is due on its connections."""
        ready, self._ready = self._ready, {}
        for channel in ready.values():
            if channel.lane is not None:
                self._take(channel, channel.lane)
            channel.pour()
        return [channel.stream for channel in ready.values() if channel.stream.out]

    def _take(self, channel: Channel, lane: Lane[bytes]) -> None:
        """Put what is due behind what was put; a piece goes in a write of its own."""
        now_ns = self._room.loop.now_ns
        while not channel.stream.out:
            part = lane.pop(now_ns)
            if part is None:
                due_ns = lane.alarm_ns(now_ns)
                if due_ns is not None:
                    self._room.loop.call_at(due_ns, lambda: self._due(channel))
                return
            channel.put(part.item if part.data is None else part.data)
            if part.data is not None:
                return  # and on, when it has gone

    def depths(self) -> dict[str, Json]:
        """How much waits, and how many connections there are."""
        channels = self._channels.values()
        return {
            "channels": len(channels),
            "channels_late": sum(channel.late for channel in channels),
            "channels_out_bytes": sum(channel.depth for channel in channels),
        }

    def end(self) -> None:
        """Close everything."""
        self._give_up()
        self.close()
        for channel in list(self._channels.values()):
            self._close(channel)

    # ---- connections

    def _arrived(self, sock: socket.socket) -> None:
        route = self._room.book.route_of(sock, QUORUM)
        if refused(sock, route, self._room.blocks):
            return
        if len(self._channels) >= LEARNERS_MAX + 2 * len(self._room.book.quorum):
            source = f"{len(self._channels)} connections"
            self._room.journal.rejected(QUORUM, source, "no room for another learner")
            sock.close()
            return
        channel = self._open(sock, route)
        self._step(LearnerConnected(channel.conn))
        channel.stream.start()

    def _connected(self, sock: socket.socket | None, why: str) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is None or sock is None:
            self._step(LeaderRefused(why))
            return
        channel = self._open(sock, attempt.route)
        self._step(LeaderConnected(channel.conn))
        channel.stream.start()

    def _open(self, sock: socket.socket, route: Route) -> Channel:
        conn = self._room.next_conn()
        stream = Stream(self._room.loop, sock, route, self._room.blocks)
        lane: Lane[bytes] | None = None
        if route.other is not None:
            lane = Lane(self._room.shim, route.other, QUORUM.value, lambda packet: packet)
        channel = Channel(conn, stream, lane)
        self._channels[conn] = channel
        stream.drained = lambda: self._due(channel)
        stream.got = lambda data: self._packets(channel, data)
        stream.broken = lambda why: self._broken(channel, why)
        return channel

    def _packets(self, channel: Channel, data: bytes) -> None:
        error = ""
        try:
            found = channel.reader.feed(data)
        except WireError as wrong:
            found, error = channel.reader.before, str(wrong)
        for packet in found:
            if channel.conn not in self._channels:
                return  # a packet before it made the rules close it
            self._step(PacketRead(channel.conn, packet))
        if error and channel.conn in self._channels:
            self._room.journal.rejected(QUORUM, channel.stream.other_end, error)
            self._broken(channel, error)

    def _broken(self, channel: Channel, why: str, *, reset: bool = False) -> None:
        """It ended without the rules' doing: tell them, unless they closed it meanwhile."""
        if channel.conn in self._channels:
            self._close(channel, reset=reset)
            self._step(ConnectionLost(channel.conn, why))

    def _close(self, channel: Channel, *, reset: bool = False) -> None:
        del self._channels[channel.conn]
        self._ready.pop(channel.conn, None)
        channel.pour()
        if channel.stream.out and not reset:
            self._room.journal.flush()  # it describes what leaves here
            channel.stream.flush()
        channel.stream.close(reset=reset)

    def _give_up(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            self._room.dials.cancel(attempt)

    def _due(self, channel: Channel) -> None:
        if channel.conn in self._channels:
            self._ready[channel.conn] = channel
