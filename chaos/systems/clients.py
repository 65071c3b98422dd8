"""The harness's side of the process that talks to real servers: see ``chaos.zookeeper.client``.

That process lives in the run's world, where the servers can be reached, and listens on a
socket in the run's folder.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import chaos
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.systems.world import World
from chaos.zookeeper.polls import Poll, read_poll
from chaos.zookeeper.server import CLIENT_PORT

_SOCKET: Final = "client.socket"
_POLLS: Final = "polls.jsonl"
_LOG: Final = "client.log"
_START_S: Final = 10.0
_ANSWER_S: Final = 30.0
_LOOK_S: Final = 0.005
_EVERY_MS: Final = 250  # between two questions to one server: what is seen first is its log

Reply = Mapping[str, object]


class Clients:
    """Asks servers by the process that can reach them."""

    def __init__(self, world: World, folder: Path, sids: tuple[Sid, ...]) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        (folder / _POLLS).touch()
        places = [f"{sid}={world.host_of(sid)}:{CLIENT_PORT}" for sid in sids]
        argv = [sys.executable, "-m", "chaos.zookeeper.client", _SOCKET, _POLLS]
        argv += [*places, "--every-ms", str(_EVERY_MS)]
        here = {"PYTHONPATH": str(Path(chaos.__file__).parent.parent)}  # this very chaos
        self._process = world.spawn(None, argv, cwd=folder, log=folder / _LOG, env=here)
        self._polls = (folder / _POLLS).open("rb", buffering=0)
        self._torn = b""
        self._link: socket.socket | None = None
        self._answers: BinaryIO | None = None

    def polls(self) -> Iterator[Poll]:
        """The answers to ``srvr`` since the last call."""
        data = self._polls.read()
        *lines, self._torn = (self._torn + (data or b"")).split(b"\n")
        for line in lines:
            yield read_poll(line.decode())

    def ask(self, do: str, **asked: int | str) -> Reply:
        """One request; what it answers.

        Raises:
            InfrastructureError: it was refused, with the reason, or the process is gone.
        """
        if self._link is None:
            self.connect()
        assert self._link is not None
        assert self._answers is not None
        try:
            self._link.sendall(json.dumps({"do": do, **asked}).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise InfrastructureError(f"the client process: {error}{self._said()}") from error
        if not line:
            raise InfrastructureError(f"the client process gave no answer{self._said()}")
        reply: Reply = json.loads(line)
        if reply.get("ok") is not True:
            raise InfrastructureError(f"{do}: {reply.get('why')}")
        return reply

    def connect(self) -> None:
        """Wait until the process listens; its socket is gone from the folder from then on.

        Raises:
            InfrastructureError: it does not listen; its log says why.
        """
        self._link = link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._answers = link.makefile("rb")
        link.settimeout(_ANSWER_S)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._await(link, f"/proc/self/fd/{folder}/{_SOCKET}")  # short, wherever it is
        finally:
            os.close(folder)
        (self._folder / _SOCKET).unlink(missing_ok=True)

    def _await(self, link: socket.socket, path: str) -> None:
        deadline = time.monotonic() + _START_S
        while link.connect_ex(path) != 0:
            if self._process.status is not None or time.monotonic() > deadline:
                raise InfrastructureError(f"the client process does not listen{self._said()}")
            time.sleep(_LOOK_S)

    def close(self) -> None:
        """Let go of everything; the process ends with the world."""
        self._polls.close()
        (self._folder / _SOCKET).unlink(missing_ok=True)
        if self._link is not None and self._answers is not None:
            self._answers.close()
            self._link.close()

    # ----

    def _said(self) -> str:
        lines = (self._folder / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        return f"; its log ends with: {' | '.join(lines[-3:])}" if lines else ""
