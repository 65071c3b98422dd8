"""One running peer as the harness holds it: its process and its control channel."""

from __future__ import annotations

import json
import select
import signal
import time
from typing import Final

from chaos.election.effects import Work
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.history.codec import Json
from chaos.systems.world import PeerProcess

_ANSWER_NS: Final = 3_000_000_000  # a peer that runs answers long before
_MESSAGE_MAX: Final = 1 << 20


class PeerLink:
    """A peer that was forked and said hello."""

    def __init__(self, sid: Sid, inc: int, process: PeerProcess, *, held: bool) -> None:
        self.sid = sid
        self.inc = inc
        self.pid = process.pid
        self.inner_pid = process.inner_pid
        self.alive = True
        self.held = held  # it waits for "go"
        self.taught: set[str] = set()  # names of the blocks and message faults it knows of
        self.spoilt: set[str] = set()  # names of the disk faults that it knows of
        self.work = Work(0)  # what it was last told to propose
        self.shut: set[str] = set()  # those of them that are blocks
        self._process = process
        self._control = process.control
        self._asked = 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process.

        Raises:
            ProcessLookupError: it has ended.
        """
        self._process.signal(number)

    @property
    def stopped(self) -> bool:
        """Whether the kernel reports the process as stopped (state T)."""
        return self._process.state == "T"

    def wait_until_stopped(self, *, wanted: bool, within_ns: int) -> bool:
        """Watch the kernel's word on the process; whether it became what was wanted."""
        deadline = time.monotonic_ns() + within_ns
        while self.stopped is not wanted:
            if time.monotonic_ns() > deadline:
                return False
            time.sleep(0.0002)
        return True

    def tell(self, do: str, **facts: Json) -> int:
        """Send a request and return its number, without waiting for the answer.

        Raises:
            InfrastructureError: the peer is gone, or does not read.
        """
        self._asked += 1
        text = json.dumps({"id": self._asked, "do": do, **facts})
        try:
            self._control.send(text.encode())
        except OSError as error:
            raise InfrastructureError(f"peer {self.sid} takes no orders: {error}") from error
        return self._asked

    def answer(self, number: int) -> dict[str, Json]:
        """Wait for the answer to request ``number``.

        Raises:
            InfrastructureError: none came in time, or the peer refused.
        """
        deadline = time.monotonic_ns() + _ANSWER_NS
        while True:
            left = (deadline - time.monotonic_ns()) / 1e9
            if left <= 0 or not select.select([self._control], [], [], left)[0]:
                raise InfrastructureError(f"peer {self.sid} did not answer within 3 s")
            try:
                data = self._control.recv(_MESSAGE_MAX)
            except ConnectionResetError:  # it had not read the question
                data = b""
            if not data:
                raise InfrastructureError(f"peer {self.sid} is gone")
            found: dict[str, Json] = json.loads(data)
            if found.get("id") != number:
                continue  # the late answer to a request that was given up
            if found.get("ok") is not True:
                raise InfrastructureError(f"peer {self.sid}: {found.get('error')}")
            return found

    def ask(self, do: str, **facts: Json) -> dict[str, Json]:
        """:meth:`tell`, then :meth:`answer`."""
        return self.answer(self.tell(do, **facts))

    def close(self) -> None:
        """Let go of the control channel; a peer that still runs ends by that."""
        self.alive = False
        self._control.close()
