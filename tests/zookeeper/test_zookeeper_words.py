"""What servers answer to four-letter words, and what the client process is asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.election.config import Address
from chaos.election.ids import Sid, Zxid
from chaos.errors import HistoryError
from chaos.zookeeper.client import Desk
from chaos.zookeeper.polls import Poll, poll_line, read_poll
from chaos.zookeeper.sessions import Outcome, outcome
from chaos.zookeeper.words import (
    NOT_SERVING,
    Answer,
    Srvr,
    ask,
    parse_conf,
    parse_mntr,
    parse_srvr,
)

SRVR = """\
Zookeeper version: 3.8.0, built on 2024-12-29 17:54 UTC
Latency min/avg/max: 0/0.0/0
Zxid: 0x100000002
Mode: leader
Node count: 5
"""
CONF = """\
clientPort=2181
peerType=0
membership:\x20
server.1=10.77.0.1:2888:3888:participant;0.0.0.0:2181
server.2=10.77.0.2:2888:3888:observer;0.0.0.0:2181
version=100000000"""

ANSWERS = {
    "serves": (Answer(SRVR), Srvr("leader", Zxid(0x100000002))),
    "looks": (Answer(NOT_SERVING + "\n"), Srvr(why=NOT_SERVING)),
    "refuses": (Answer("", "Connection refused"), Srvr(why="Connection refused")),
}


@pytest.mark.parametrize(("answer", "srvr"), ANSWERS.values(), ids=ANSWERS.keys())
def test_srvr_tells_mode_and_zxid_or_why_not(answer: Answer, srvr: Srvr) -> None:
    assert parse_srvr(answer) == srvr


def test_conf_ends_with_the_configuration() -> None:
    found = parse_conf(CONF)
    assert found is not None
    assert found.version == 0x100000000
    assert (found.voters, found.observers) == (frozenset({Sid(1)}), frozenset({Sid(2)}))
    assert parse_conf(NOT_SERVING) is None
    assert parse_conf("server.1=nonsense\nversion=0") is None


def test_mntr_is_keys_and_values() -> None:
    assert parse_mntr("zk_version\t3.8.0\nnonsense\nzk_peer_state\tleading - broadcast\n") == {
        "zk_version": "3.8.0",
        "zk_peer_state": "leading - broadcast",
    }


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def _serve(listener: socket.socket, parts: tuple[bytes, ...], heard: list[bytes]) -> None:
    link, _ = listener.accept()
    with link:
        heard.append(link.recv(4))
        for part in parts:
            link.sendall(part)


def test_an_answer_may_come_in_pieces(listener: socket.socket) -> None:
    heard: list[bytes] = []
    server = threading.Thread(target=_serve, args=(listener, (b"im", b"ok"), heard))
    server.start()
    found = ask("127.0.0.1", listener.getsockname()[1], "ruok", 5.0)
    server.join()
    assert (found, heard) == (Answer("imok"), [b"ruok"])


def test_who_accepts_and_says_nothing_is_given_up(listener: socket.socket) -> None:
    assert ask("127.0.0.1", listener.getsockname()[1], "ruok", 0.05).why == "timed out"


def test_who_listens_not_is_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "refused" in ask("127.0.0.1", port, "ruok", 1.0).why


POLLS = (
    Poll(Sid(1), 5, 9, "leader", Zxid(0x100000000), ""),
    Poll(Sid(2), 5, 9, "", None, NOT_SERVING),
)


@pytest.mark.parametrize("poll", POLLS)
def test_a_poll_is_read_as_it_was_written(poll: Poll) -> None:
    assert read_poll(poll_line(poll)) == poll


@pytest.mark.parametrize("line", ["", "{}", "[1]", '{"sid": "1"}'])
def test_what_is_no_poll_is_refused(line: str) -> None:
    with pytest.raises(HistoryError, match="no poll"):
        read_poll(line)


class ConnectionLoss(Exception):  # noqa: N818  kazoo's name
    pass


class NoNodeError(Exception):
    pass


def test_a_lost_connection_leaves_a_write_unknown() -> None:
    assert outcome(None) is Outcome.ACKNOWLEDGED
    assert outcome(ConnectionLoss()) is Outcome.UNKNOWN
    assert outcome(NoNodeError()) is Outcome.FAILED


REFUSED = {
    "no JSON": ("{", "Expecting"),
    "no object": ("[]", "JSON object"),
    "nothing to do": ("{}", '"do", a text'),
    "an unknown thing": (
        '{"do": "dance"}',
        "use check, children, reconfigure, load, counts, unload",
    ),
    "no server": ('{"do": "check"}', '"sid", a whole number'),
    "an unknown server": ('{"do": "check", "sid": 9}', "server 9 is none of"),
    "an unknown workload": ('{"do": "unload", "name": "w"}', 'no workload "w" runs'),
    "no rate": ('{"do": "load", "name": "w", "per_s": 0, "payload": 1}', "a rate above 0"),
}


@pytest.mark.parametrize(("line", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_makes_no_sense_is_answered(tmp_path: Path, line: str, why: str) -> None:
    reply = Desk({Sid(1): Address("127.0.0.1", 1)}, tmp_path).answer(line)
    assert reply["ok"] is False
    assert why in str(reply["why"])
