"""Clients of real servers: sessions, writes that are accounted for, reconfigurations."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.election.config import parse_configuration
from chaos.election.ids import Sid, zxid_of
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.zookeeper.client import READY
from chaos.zookeeper.polls import Poll, read_poll
from chaos.zookeeper.sessions import Change, check, children, reconfigure
from chaos.zookeeper.workload import Workload
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
SETUP = EnsembleSetup(
    (PeerSetup(ONE), PeerSetup(TWO), PeerSetup(THREE)),
    timings=Timings(tick_ms=100, init_limit=20, sync_limit=5),
)


@pytest.fixture
def servers(ensemble: Callable[[EnsembleSetup], Servers]) -> Servers:
    found = ensemble(SETUP)
    found.start(*found.sids)
    found.serving()
    return found


def hosts(servers: Servers) -> list[str]:
    return [str(servers.client(sid)) for sid in servers.sids]


def test_a_session_with_each_server_is_opened_and_closed(servers: Servers) -> None:
    for host in hosts(servers):
        found = check(host, 5.0)
        assert (found.why, found.children) == ("", ("zookeeper",))
        assert found.session != 0


def test_where_nobody_serves_a_check_says_so(servers: Servers) -> None:
    servers.kill(TWO, THREE)
    wait_until(lambda: servers.srvr(ONE).mode == "")
    assert "no session with" in check(str(servers.client(ONE)), 0.5).why


def test_a_member_that_joins_again_changes_the_version_alone(servers: Servers) -> None:
    members = servers.configuration().text().splitlines()[:-1]
    text = reconfigure(hosts(servers), Change(joining=members[0]), 5.0)
    found = parse_configuration(text)
    assert text.splitlines()[:-1] == members
    assert found.version >= zxid_of(1, 1)


def test_what_was_acknowledged_is_there_after_the_leader_was_killed(
    servers: Servers, tmp_path: Path
) -> None:
    record = tmp_path / "writes"
    workload = Workload("load", 200, 10, record)
    workload.start(hosts(servers))
    wait_until(lambda: workload.counts().acknowledged > 20)
    servers.kill(servers.serving())
    before = workload.counts().acknowledged
    wait_until(lambda: workload.counts().acknowledged > before + 20)
    counts = workload.stop()
    written = [json.loads(line) for line in record.read_text().splitlines()]
    there = set(children(hosts(servers), "/chaos-load", 5.0))
    acknowledged = [line for line in written if line["outcome"] == "acknowledged"]
    assert {line["path"].rpartition("/")[2] for line in acknowledged} <= there
    assert all(line["zxid"] > 0 and line["sent_ns"] < line["done_ns"] for line in acknowledged)
    assert counts.acknowledged == len(acknowledged)
    assert counts.sent == counts.acknowledged + counts.unknown + counts.failed + counts.refused


class Process:
    """A client process, and one connection to it."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self.polls = folder / "polls.jsonl"
        places = [f"{sid}={servers.client(sid)}" for sid in servers.sids]
        program = (sys.executable, "-m", "chaos.zookeeper.client", "--every-ms", "20")
        self._process = subprocess.Popen(
            [*program, str(folder / "s"), str(self.polls), *places],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{READY}\n"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(folder / "s"))
        self._lines = self._socket.makefile("rw", encoding="utf-8")

    def ask(self, **request: object) -> dict[str, object]:
        self._lines.write(json.dumps(request) + "\n")
        self._lines.flush()
        reply = json.loads(self._lines.readline())
        assert isinstance(reply, dict)
        return reply

    def polled(self) -> list[Poll]:
        return [read_poll(line) for line in self.polls.read_text().splitlines()]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def process(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    found = Process(servers, tmp_path_factory.mktemp("c"))
    yield found
    found.close()


def test_a_client_process_answers_and_polls(servers: Servers, process: Process) -> None:
    leader = servers.serving()
    assert process.ask(do="check", sid=leader)["children"] == ["zookeeper"]
    assert process.ask(do="load", name="w", per_s=100, payload=5)["path"] == "/chaos-w"
    wait_until(lambda: process.ask(do="counts", name="w")["acknowledged"] != 0)
    counts = process.ask(do="unload", name="w")
    assert counts["acknowledged"] == counts["sent"]
    names = process.ask(do="children", path="/chaos-w", sid=leader)["children"]
    assert isinstance(names, list)
    assert len(names) == counts["sent"]
    wait_until(lambda: {poll.sid for poll in process.polled()} == set(servers.sids))
    assert any(poll.sid == leader and poll.mode == "leader" for poll in process.polled())
    assert all(poll.since_ns <= poll.at_ns for poll in process.polled())


def test_a_client_process_says_why_not(process: Process) -> None:
    assert process.ask(do="unload", name="none") == {
        "ok": False,
        "why": 'no workload "none" runs',
    }
    refused = process.ask(do="reconfigure", leaving="1", joining="nonsense", timeout_ms=3000)
    assert refused["ok"] is False
