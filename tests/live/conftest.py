"""What live tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from tests.peer.nest import QUICK, LivePeer, Nest, config_of, fresh_net, nest


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that another user can reach and write: one of pytest's cannot be reached."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def net() -> str:
    """Addresses of its own."""
    return fresh_net()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Nest]:
    """Where peers are forked; all of them end with the test."""
    with nest(tmp_path) as made:
        yield made


@pytest.fixture
def peer(home: Nest, net: str) -> LivePeer:
    """Peer 2 of three, waiting to be told to look."""
    return home.fork(PeerSpec(Sid(2), config_of(net, [1, 2, 3]), timings=QUICK), wait=True)
