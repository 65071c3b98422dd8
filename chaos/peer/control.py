"""The control channel: a harness tells a peer what to do, one JSON message each way.

A request is ``{"id": n, "do": verb, …}``; its answer is ``{"id": n, "ok": true, …}``, or
``{"id": n, "ok": false, "error": text}``. The peer speaks first, once it listens. The end of
the channel ends the peer. Answers leave after the journal lines of what they answer.
"""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from typing import Final, Protocol

from chaos.actions import Cut, How, PortCut
from chaos.election.effects import Reconfigure, SkewEpochs, SkewRound, SkewZxid, Work
from chaos.election.ids import Sid, Zxid
from chaos.election.moments import Awaited
from chaos.errors import HistoryError
from chaos.history.codec import Json, from_json
from chaos.peer.harming import HARMS, harm
from chaos.peer.holding import Turns
from chaos.peer.journal import Journal
from chaos.peer.loop import READ, WRITE, Loop
from chaos.peer.requests import HALF, Request, RequestError, cuts, how, request_of, text, whole
from chaos.peer.room import Room
from chaos.peer.spoils import Spoils
from chaos.peer.timers import Timers

MESSAGE_MAX: Final = 1 << 20
WORK_MAX: Final = 100_000  # transactions a second
PAYLOAD_MAX: Final = 1 << 19  # of a packet, which holds 1 MiB
LAG_NS_MAX: Final = 10_000_000_000  # of a write
NTH_MAX: Final = 1_000_000  # of a gate
_WAITING_MAX: Final = 256  # answers that a harness may leave unread
_KNOWN: Final = frozenset(
    {"go", "input", "clear", "block", "unblock", "timers", "hold", "let_go", "spoil", "mend"}
    | {"stats", "committed"}
)

Facts = dict[str, Json]


class Ordered(Protocol):
    """The peer that a control channel gives orders to."""

    loop: Loop
    journal: Journal
    room: Room
    timers: Timers
    turns: Turns
    spoils: Spoils

    def start(self) -> None:
        """Look for a leader from now on."""
        ...

    def leave(self, why: str) -> None:
        """End when the present wake-up is handled."""
        ...

    def block(self, name: str, cuts: tuple[Cut | PortCut, ...], how: How) -> None:
        """Put cuts in place."""
        ...

    def unblock(self, name: str) -> dict[str, int]:
        """Take cuts away; what they stopped."""
        ...

    def clear(self, name: str) -> dict[str, int]:
        """End a message fault; what it did."""
        ...

    def stats(self) -> dict[str, Json]:
        """What it costs, and what waits in it."""
        ...

    def committed(self, after: Zxid) -> tuple[Zxid, int]:
        """How far its log is committed, and how many transactions beyond ``after`` are."""
        ...


class Control:
    """One peer's end of its control channel."""

    def __init__(self, process: Ordered, sock: socket.socket) -> None:
        self._process = process
        self._sock = sock
        self._waiting: deque[bytes] = deque()
        sock.settimeout(0)

    def ready(self, sid: Sid) -> None:
        """Say hello: this peer listens."""
        self._say({"ready": True, "sid": int(sid), "pid": os.getpid()})
        self._watch()

    def fail(self, why: str) -> None:
        """Say that the peer cannot go on."""
        self._say({"error": why})
        self.flush()

    def flush(self) -> None:
        """Send the answers that wait, as far as the harness reads them."""
        try:
            while self._waiting:
                self._sock.send(self._waiting[0])
                self._waiting.popleft()
        except BlockingIOError:
            pass  # the loop says when it reads again
        except OSError as error:
            self._waiting.clear()
            self._process.leave(f"the control channel broke: {error}")
            return
        self._watch()

    def fileno(self) -> int:
        """The descriptor of the channel."""
        return self._sock.fileno()

    def serve(self) -> None:
        """While the peer holds: answer one request at once."""
        self._ready(READ)
        self._process.journal.flush()
        self.flush()

    # ----

    def _watch(self) -> None:
        # A harness that does not read its answers may ask no more meanwhile.
        mask = 0 if len(self._waiting) >= _WAITING_MAX else READ
        mask |= WRITE if self._waiting else 0
        # Who went on after a SIGCONT first hears what it was told while it was stopped.
        self._process.loop.watch(self._sock, mask, self._ready, urgent=True)

    def _ready(self, mask: int) -> None:
        if not mask & READ:
            return  # flush comes at the end of each wake-up
        try:
            data = self._sock.recv(MESSAGE_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._process.leave(f"the control channel broke: {error}")
            return
        if not data:
            self._process.loop.forget(self._sock)
            self._process.leave("the control channel closed")
            return
        self._process.loop.read_clock()
        self._say(self._answer(data))
        self._process.turns.go_on()

    def _answer(self, data: bytes) -> Facts:
        number: Json = None
        try:
            request = request_of(data)
            number = request.get("id")
            return {"id": number, "ok": True, **self._do(request)}
        except (RequestError, HistoryError) as error:
            # Anything else is an error of ours, half done: that ends the peer.
            return {"id": number, "ok": False, "error": str(error)}

    def _do(self, request: Request) -> Facts:
        match request.get("do"):
            case "go":
                self._process.start()
                return {"at_ns": self._process.loop.now_ns}
            case "input":
                return self._input(request)
            case "block" | "unblock" | "spoil" | "mend":
                return self._around(request)
            case "timers" | "hold" | "let_go":
                return self._timing(request)
            case "stats" | "committed":
                return self._account(request)
            case other if other == "clear" or other in HARMS:
                return self._message_fault(request)
            case other:
                known = ", ".join(sorted(HARMS | _KNOWN))
                raise RequestError(f"unknown request {other!r}; known are {known}")

    def _account(self, request: Request) -> Facts:
        if request["do"] == "stats":
            return self._process.stats()
        zxid, count = self._process.committed(Zxid(whole(request, "after", 0, HALF - 1)))
        return {"zxid": zxid, "committed": count}

    def _input(self, request: Request) -> Facts:
        happened = from_json(request.get("input"))
        if not isinstance(happened, SkewRound | SkewZxid | SkewEpochs | Reconfigure | Work):
            raise RequestError(
                f"{type(happened).__name__} cannot be told to a peer; SkewRound, SkewZxid, "
                "SkewEpochs, Reconfigure and Work can"
            )
        _fits(happened)
        seq = self._process.turns.tell(happened)
        return {"at_ns": self._process.loop.now_ns, "seq": seq}

    def _message_fault(self, request: Request) -> Facts:
        if request["do"] == "clear":
            return dict(self._process.clear(text(request, "name")))
        harm(self._process.room.shim, request)
        return {}

    def _around(self, request: Request) -> Facts:
        """What is between the peer and its network, or its disk."""
        process, name = self._process, text(request, "name")
        match request["do"]:
            case "block":
                process.block(name, cuts(request), how(request))
                return {}
            case "unblock":
                return dict(process.unblock(name))
            case "spoil":
                process.spoils.add(name, whole(request, "lag_ns", 0, LAG_NS_MAX))
                return {}
            case _:
                return dict(process.spoils.remove(name))

    def _timing(self, request: Request) -> Facts:
        """When things happen: how fast timers run, and where the peer holds."""
        match request["do"]:
            case "hold":
                return self._hold(request)
            case "let_go":
                again = request.get("again") is True
                held = self._process.turns.gates.let_go(text(request, "name"), again=again)
                return {"held": held, "at_ns": self._process.loop.now_ns}
            case _:
                return self._timers(request)

    def _timers(self, request: Request) -> Facts:
        rate, offset = request.get("rate_ppm"), request.get("offset_ns", 0)
        if not isinstance(rate, int) or rate <= 0 or not isinstance(offset, int):
            raise RequestError(f"no timers at {rate!r} ppm, {offset!r} ns; whole, above 0 ppm")
        timers = self._process.timers
        timers.skew(rate, offset, self._process.loop.now_ns)
        return {"rate_ppm": rate, "offset_ns": offset, "timers": len(timers)}

    def _hold(self, request: Request) -> Facts:
        awaited, nth = from_json(request.get("awaited")), whole(request, "nth", 1, NTH_MAX)
        if not isinstance(awaited, Awaited) or not nth:
            raise RequestError(f"{awaited!r} is no Awaited, or {nth} is below 1")
        self._process.turns.arm(text(request, "name"), awaited, nth)
        return {"at_ns": self._process.loop.now_ns}

    def _say(self, message: Facts) -> None:
        self._waiting.append(json.dumps(message).encode())


def _fits(happened: SkewRound | SkewZxid | SkewEpochs | Reconfigure | Work) -> None:
    """The wire and the disk hold 64 bits: what is larger must not get into the rules."""
    if isinstance(happened, Work) and not (
        0 <= happened.per_s <= WORK_MAX and 0 <= happened.payload <= PAYLOAD_MAX
    ):
        raise RequestError(
            f"no work of {happened.per_s} transactions a second with {happened.payload} bytes "
            f"each; at most {WORK_MAX} with {PAYLOAD_MAX}"
        )
    numbers: tuple[int | None, ...] = ()
    match happened:
        case SkewRound():
            numbers = (happened.by, happened.to)
        case SkewZxid():
            numbers = (happened.zxid,)
        case SkewEpochs():
            numbers = (happened.accepted, happened.current)
    for number in numbers:
        if number is not None and not -HALF <= number < HALF:
            raise RequestError(f"{number} does not fit a signed 64-bit number")
