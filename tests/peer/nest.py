"""Real peers for tests: a zygote in a process of its own, control channels, journals, mocks.

Nothing here sleeps: whoever waits, waits for a control message, for the next journal line,
or for a socket. Where a file has to be looked at again, the wait in between is one on the
peer's control channel, which ends at once if the peer does.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import chaos
from chaos.actions import How
from chaos.election.config import Address
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.moments import Awaited
from chaos.election.notification import Notification
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.history.codec import Json, Reader, to_json
from chaos.history.events import Event
from chaos.peer.birth import Birth
from chaos.wire.election import FrameReader, Skipped, encode_frame, encode_initiation

E = TypeVar("E")

QUICK = Timings(tick_ms=100, connect_ms=1000)
WITHIN_S = 10.0
_LOOK_S = 0.002
_ROOT = str(Path(chaos.__file__).parent.parent)
_ZYGOTE = (
    "import socket, sys; sys.path.insert(0, sys.argv[1]); from chaos.peer import zygote; "
    "zygote.serve(socket.socket(fileno=int(sys.argv[2])))"
)
_nets = itertools.count()


def fresh_net() -> str:
    """The first three bytes of loopback addresses that no other test uses."""
    number = os.getpid() * 50 + next(_nets)
    return f"127.{100 + number // 250 % 100}.{number % 250}"


def config_of(
    net: str, voters: Sequence[int], observers: Sequence[int] = (), version: int = 0
) -> str:
    """A configuration of servers that listen on ``net``."""
    lines = [f"server.{sid}={net}.{sid}:2888:3888:participant" for sid in voters]
    lines += [f"server.{sid}={net}.{sid}:2888:3888:observer" for sid in observers]
    return "\n".join([*lines, f"version={version:x}"])


@dataclass(slots=True)
class LivePeer:
    """One peer that runs, or ran."""

    birth: Birth
    pid: int
    control: socket.socket
    events: list[Event] = field(default_factory=list)
    _reader: Reader = field(default_factory=Reader)
    _read: int = 0
    _asked: int = 0

    @property
    def home(self) -> Path:
        """Where its data and its journals are."""
        return Path(self.birth.folder)

    def ask(self, do: str, **facts: Json) -> dict[str, Json]:
        """A request and its answer, whatever it says."""
        self._asked += 1
        request = {"id": self._asked, "do": do, **facts}
        self.control.send(json.dumps(request).encode())
        while True:
            answer = self.hear()
            if answer.get("id") == self._asked:
                return answer

    def done(self, do: str, **facts: Json) -> dict[str, Json]:
        """A request that has to succeed."""
        answer = self.ask(do, **facts)
        assert answer["ok"] is True, answer
        return answer

    def block(self, name: str, how: How, cuts: Sequence[object]) -> None:
        """Put cuts in place."""
        self.done("block", name=name, how=how.value, cuts=[to_json(cut) for cut in cuts])

    def hold(self, name: str, awaited: Awaited, nth: int = 1) -> None:
        """Arm a gate."""
        self.done("hold", name=name, awaited=to_json(awaited), nth=nth)

    def hear(self, within_s: float = WITHIN_S) -> dict[str, Json]:
        """The next message of the control channel."""
        self.control.settimeout(within_s)
        found: dict[str, Json] = json.loads(self.control.recv(1 << 20))
        return found

    def number(self, key: str) -> int:
        """One number of its statistics."""
        value = self.done("stats")[key]
        assert isinstance(value, int)
        return value

    def look(self) -> list[Event]:
        """All events of the journal up to now."""
        with Path(self.birth.journal).open("rb") as journal:
            journal.seek(self._read)
            data = journal.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        self.events += self._reader.events(whole.decode().splitlines(keepends=True))
        return self.events

    def all(self, kind: type[E]) -> list[E]:
        """All events of one kind up to now."""
        return [event for event in self.look() if isinstance(event, kind)]

    def wait(
        self,
        kind: type[E],
        such: Callable[[E], bool] = lambda _: True,
        within_s: float = WITHIN_S,
    ) -> E:
        """The first event of ``kind`` that is ``such``, as soon as the journal has it."""
        limit = time.monotonic() + within_s
        seen = 0
        while True:
            events = self.look()
            for event in events[seen:]:
                if isinstance(event, kind) and such(event):
                    return event
            seen = len(events)
            assert time.monotonic() < limit, f"no such {kind.__name__} in {self.birth.journal}"
            self.pause()

    def pause(self) -> None:
        """Wait for a moment, or until its control channel has something to say."""
        select.select([self.control], [], [], _LOOK_S)


class Nest:
    """A zygote and its peers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(WITHIN_S)
        self.zygote = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _ZYGOTE, _ROOT, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self.peers: list[LivePeer] = []

    def fork(self, spec: PeerSpec, inc: int = 0, *, wait: bool = False) -> LivePeer:
        """A new peer; it listens when this returns."""
        peer = self.fork_only(spec, inc, wait=wait)
        hello = peer.hear()
        assert hello == {"ready": True, "sid": spec.sid, "pid": peer.pid}, hello
        return peer

    def fork_only(self, spec: PeerSpec, inc: int = 0, *, wait: bool = False) -> LivePeer:
        """A new peer that may not come up."""
        birth = Birth(spec, inc, str(self.folder / str(spec.sid)), f"test/{spec.sid}/{inc}", wait)
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            reply = self.request({"do": "fork", "birth": json.loads(birth.to_json())}, theirs)
        pid = reply["forked"]
        assert isinstance(pid, int)
        self.peers.append(LivePeer(birth, pid, mine))
        return self.peers[-1]

    def request(self, message: Json, *fds: socket.socket) -> dict[str, Json]:
        """Any request, and its answer."""
        data = json.dumps(message).encode()
        socket.send_fds(self.sock, [data], [fd.fileno() for fd in fds])
        return self.hear()

    def hear(self) -> dict[str, Json]:
        """The next word of the zygote."""
        found: dict[str, Json] = json.loads(self.sock.recv(1 << 20))
        return found

    def close(self) -> None:
        """End everything."""
        for peer in self.peers:
            peer.control.close()
        self.sock.close()
        assert self.zygote.wait(WITHIN_S) in (0, -9)


@contextlib.contextmanager
def nest(folder: Path) -> Iterator[Nest]:
    """A zygote for one test."""
    made = Nest(folder)
    try:
        yield made
    finally:
        made.close()


def vote(
    leader: int, state: int = 0, round_: int = 1, epoch: int = 0, config: str | None = None
) -> Notification:
    """A notification as a mock sends it."""
    return Notification(
        state,
        Sid(leader),
        Zxid(0),
        Round(round_),
        PeerEpoch(epoch),
        version=0 if config is None else 2,
        config=config,
    )


class Mock:
    """A server that is a socket in the test's hands."""

    def __init__(self, net: str, sid: int) -> None:
        self.net = net
        self.sid = sid
        self.host = f"{net}.{sid}"

    def connect(self, to: int, initiation: bytes | None = None, port: int = 3888) -> socket.socket:
        """Dial peer ``to`` and introduce itself, as this server unless told otherwise."""
        mine = encode_initiation(Sid(self.sid), [Address(self.host, 3888)])
        data = mine if initiation is None else initiation
        sock = socket.socket()
        sock.settimeout(WITHIN_S)
        sock.bind((self.host, 0))
        try:
            sock.connect((f"{self.net}.{to}", port))
            sock.sendall(data)
        except OSError:
            sock.close()
            raise
        return sock

    def listen(self, backlog: int = 16, port: int = 3888) -> socket.socket:
        """Listen where the configuration says."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(WITHIN_S)
        sock.bind((self.host, port))
        sock.listen(backlog)
        return sock


def read_notifications(sock: socket.socket, count: int = 1) -> list[Notification]:
    """At least ``count`` notifications from a link."""
    reader = FrameReader()
    found: list[Notification] = []
    while len(found) < count:
        data = sock.recv(65536)
        assert data, "the link ended"
        for message in reader.feed(data):
            assert not isinstance(message, Skipped), message
            found.append(message)
    return found


def frame(notification: Notification) -> bytes:
    """One frame."""
    return encode_frame(notification)
