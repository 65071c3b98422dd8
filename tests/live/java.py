"""Apache ZooKeeper servers for tests, on loopback addresses of a test's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from chaos.election.config import parse_configuration
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.ensemble import PeerSetup
from chaos.errors import UnsupportedError
from chaos.zookeeper.archive import archive, cache_folder
from chaos.zookeeper.installation import Installation, find
from chaos.zookeeper.server import Server, command, write_files

_STRICT: Final = "CI"  # set where these tests may not be left out


def installed() -> Installation:
    """The ZooKeeper of this host. Without one a test is left out, but for CI, where it fails."""
    try:
        return find()
    except UnsupportedError as error:
        if os.environ.get(_STRICT):
            raise
        pytest.skip(str(error))


class Java:
    """The servers of one test; all are killed at its end."""

    def __init__(self, folder: Path, config: str, timings: Timings) -> None:
        self._folder = folder
        self._config = parse_configuration(config)
        self._timings = timings
        self._installation = installed()
        self._archive = archive(self._installation, cache_folder()).path
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, sid: int) -> None:
        """Start server ``sid``, which is down; its data stays from one start to the next."""
        home = self._folder / str(sid)
        if not home.exists():
            write_files(home, Server(PeerSetup(Sid(sid)), self._config, self._timings))
        with (home / "server.log").open("ab") as log:
            self._running[sid] = subprocess.Popen(
                command(self._installation, home, self._archive),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home,
            )

    def kill(self, sid: int) -> None:
        """SIGKILL, and reap it."""
        process = self._running.pop(sid)
        process.kill()
        process.wait()

    def ended(self) -> dict[int, int]:
        """Servers that have ended by themselves, and how."""
        codes = {sid: process.poll() for sid, process in self._running.items()}
        return {sid: code for sid, code in codes.items() if code is not None}

    def close(self) -> None:
        """Kill all."""
        for sid in list(self._running):
            self.kill(sid)


@contextlib.contextmanager
def java(folder: Path, config: str, timings: Timings) -> Iterator[Java]:
    """Servers for one test."""
    made = Java(folder, config, timings)
    try:
        yield made
    finally:
        made.close()
