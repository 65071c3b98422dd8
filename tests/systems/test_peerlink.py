"""A peer that ends while it is asked something is gone, and nothing worse."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox.zygote import PeerProcess
from chaos.systems.peerlink import PeerLink


@pytest.fixture
def ends() -> Iterator[tuple[PeerLink, socket.socket]]:
    """A link, and the other end of its control channel."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = PeerProcess(os.getpid(), 1, mine, {}, os.pidfd_open(os.getpid()))
    yield PeerLink(Sid(1), 0, process, held=False), its
    its.close()
    process.close()


def test_a_peer_that_ends_before_it_read_the_question_is_gone(
    ends: tuple[PeerLink, socket.socket],
) -> None:
    """The kernel tells of unread bytes by a reset, and not by an end of file."""
    link, its = ends
    number = link.tell("skew")
    its.close()
    with pytest.raises(InfrastructureError, match="peer 1 is gone"):
        link.answer(number)


def test_a_peer_that_ends_before_it_answers_is_gone(
    ends: tuple[PeerLink, socket.socket],
) -> None:
    link, its = ends
    number = link.tell("skew")
    its.recv(1000)
    its.close()
    with pytest.raises(InfrastructureError, match="peer 1 is gone"):
        link.answer(number)
