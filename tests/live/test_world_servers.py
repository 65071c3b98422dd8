"""Servers that are not ours: a network namespace each, programs in them, and what they send."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.effects import Decided
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.ensemble import ELECTION_PORT, EnsembleSetup, PeerSetup, peer_specs
from chaos.errors import InfrastructureError
from chaos.history.events import Stepped
from chaos.peer.birth import Birth
from chaos.sandbox.namespace import TCP_KNOBS
from chaos.systems.peerlink import PeerLink
from chaos.systems.tail import Tail
from chaos.systems.world import ForeignProcess, World
from tests.sandbox.worlds import (
    OTHERS,
    interpreter_for,
    obedient,
    puppet,
    why_no_namespaces,
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces()),
]

A, B, C = Sid(1), Sid(2), Sid(300)
BOTH = (Cut(A, B), Cut(B, A))
PYTHON = (sys.executable, "-I", "-S", "-u", "-c")
WITHIN_S = 10
FORWARDS = "/proc/sys/net/ipv4/ip_forward"

# A listener of either family, as Java's are; it says who came, and then how that ended.
LISTENER = """
import socket, sys
with socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6,
                          dualstack_ipv6=True) as listener:
    print("listening")
    while True:
        link, (host, *_) = listener.accept()
        print(host)
        try:
            while said := link.recv(4096):
                link.sendall(said)
            print("closed")
        except ConnectionError as error:
            print(type(error).__name__)
"""
DIALLER = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
link.sendall(b"hello")
print(link.recv(4096).decode(), link.getsockname()[0])
link.settimeout(None)
try:
    print("got", link.recv(4096))
except ConnectionError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World.open("kernel", tmp_path, obedient(), (A, B, C)) as world:
        yield world


def _run(world: World, sid: Sid | None, log: Path, *argv: str, **env: str) -> ForeignProcess:
    return world.spawn(sid, argv, cwd=log.parent, log=log, env=env)


def _saying(log: Path, words: str) -> str:
    """The log, once it holds ``words``."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if log.exists() and words in (text := log.read_text()):
            return text
        os.sched_yield()
    raise AssertionError(f"{log} never said {words!r}: {log.read_text() if log.exists() else ''}")


SOURCES = [(A, "10.77.0.1"), (C, "10.77.1.44"), (None, "10.76.0.1")]


@pytest.mark.parametrize(("sid", "source"), SOURCES)
def test_a_server_is_reached_from_where_its_visitor_lives(
    world: World, tmp_path: Path, sid: Sid | None, source: str
) -> None:
    assert world.host_of(B) == "10.77.0.2"
    _run(world, B, tmp_path / "b", *PYTHON, LISTENER, "2181")
    _saying(tmp_path / "b", "listening")
    _run(world, sid, tmp_path / "a", *PYTHON, DIALLER, world.host_of(B), "2181")
    assert _saying(tmp_path / "a", "\n") == f"hello {source}\n"
    assert f"::ffff:{source}\n" in _saying(tmp_path / "b", source)


@pytest.mark.parametrize(
    "cuts",
    [BOTH, (PortCut(B, Port.ELECTION, True), PortCut(B, Port.ELECTION, False))],
    ids=["peers", "port"],
)
def test_a_reset_ends_idle_connections_of_either_family(
    world: World, tmp_path: Path, cuts: tuple[Cut | PortCut, ...]
) -> None:
    _run(world, B, tmp_path / "b", *PYTHON, LISTENER, str(ELECTION_PORT))
    _saying(tmp_path / "b", "listening")
    _run(world, A, tmp_path / "a", *PYTHON, DIALLER, world.host_of(B), str(ELECTION_PORT))
    _saying(tmp_path / "a", "hello")
    facts = world.block("b", cuts, How.RESET)
    assert int(facts["connections"]) >= 1
    _saying(tmp_path / "a", "Connection")
    _saying(tmp_path / "b", "Connection")


def test_a_block_between_servers_leaves_the_hub_alone(world: World, tmp_path: Path) -> None:
    _run(world, B, tmp_path / "b", *PYTHON, LISTENER, str(ELECTION_PORT))
    _saying(tmp_path / "b", "listening")
    world.block("b", [*BOTH, PortCut(B, Port.ELECTION, True)], How.SILENT)
    _run(world, None, tmp_path / "hub", *PYTHON, DIALLER, world.host_of(B), str(ELECTION_PORT))
    _saying(tmp_path / "hub", "hello")


def test_a_program_has_its_folder_words_log_and_nothing_else(world: World, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    script = "pwd; echo $WORD $0; cat; echo oops >&2; ls /proc/self/fd"
    process = _run(world, A, log, "sh", "-c", script, "name", WORD="word")
    assert process.wait(WITHIN_S) == 0
    descriptors = ["0", "1", "2", "3"]  # the last is that of ls, on the folder it lists
    assert log.read_text().split() == [
        "before", str(tmp_path.resolve()), "word", "name", "oops", *descriptors,
    ]  # fmt: skip


def test_an_end_wakes_and_is_told_once(world: World, tmp_path: Path) -> None:
    process = _run(world, A, tmp_path / "log", "sh", "-c", "exit 3")
    assert select.select([world], [], [], WITHIN_S)[0] == [world]
    assert world.spawn_exits() == [(process.pid, 3)]
    assert select.select([world], [], [], 0)[0] == []
    assert (process.status, process.state, world.spawn_exits()) == (3, "", [])
    with pytest.raises(ProcessLookupError):
        process.signal(signal.SIGKILL)


def test_a_program_stops_goes_on_and_dies_by_signals(world: World, tmp_path: Path) -> None:
    process = _run(world, A, tmp_path / "log", "sleep", "1000")
    assert process.status is None
    process.signal(signal.SIGSTOP)
    _until(lambda: process.state == "T")
    process.signal(signal.SIGCONT)
    _until(lambda: process.state == "S")
    process.signal(signal.SIGKILL)
    assert process.wait(WITHIN_S) == -signal.SIGKILL
    assert world.spawn_exits() == [(process.pid, -signal.SIGKILL)]
    assert world.exits() == []


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline
        os.sched_yield()


def test_what_cannot_run_says_why_and_the_world_goes_on(world: World, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot start no-such-program"):
        _run(world, A, tmp_path / "log", "no-such-program")
    with pytest.raises(InfrastructureError, match="server 9 has no network namespace"):
        _run(world, Sid(9), tmp_path / "log", "true")
    assert _run(world, A, tmp_path / "log", "true").wait(WITHIN_S) == 0


def test_wait_gives_up_when_time_is_up(world: World, tmp_path: Path) -> None:
    assert _run(world, A, tmp_path / "log", "sleep", "1000").wait(0.01) is None


def test_peers_and_programs_of_a_server_share_its_namespace_alone(
    world: World, tmp_path: Path
) -> None:
    pids = [
        puppet(world, A).process.pid,
        _run(world, A, tmp_path / "log", "sleep", "1000").pid,
        puppet(world, B).process.pid,
        _run(world, None, tmp_path / "log", "sleep", "1000").pid,
        os.getpid(),
    ]
    first, again, *others = [Path(f"/proc/{pid}/ns/net").readlink() for pid in pids]
    assert first == again
    assert len({first, *others}) == 4


def test_real_peers_elect_across_namespaces_and_a_capture_holds_their_votes(
    tmp_path: Path,
) -> None:
    setup = EnsembleSetup((PeerSetup(A), PeerSetup(B), PeerSetup(C)))
    tail = Tail(proposals=False)
    with World.open("kernel", tmp_path, servers=setup.sids) as world:
        recording = world.capture(tmp_path / "capture.pcap")
        births = [_birth(world, tmp_path, spec) for spec in peer_specs(setup, world.host_of)]
        forked = world.fork_all([birth.to_json() for birth in births])
        for birth, process in zip(births, forked, strict=True):
            tail.add(Path(birth.journal))
            PeerLink(birth.spec.sid, 0, process, held=True).ask("go")
        decided: dict[Sid, Sid] = {}
        deadline = time.monotonic() + WITHIN_S
        while len(decided) < 3 and time.monotonic() < deadline:
            steps = [event for event in tail.read() if isinstance(event, Stepped)]
            decided |= {
                step.sid: effect.vote.leader
                for step in steps
                for effect in step.effects
                if isinstance(effect, Decided)
            }
        assert decided == {A: C, B: C, C: C}
        assert recording.end()["packets"] > 10
    tail.close()


def _birth(world: World, folder: Path, spec: PeerSpec) -> Birth:
    home = folder / str(spec.sid)
    home.mkdir()
    return Birth(spec, 0, str(home), "seed", netns=world.netns_of(spec.sid))


def test_a_peer_that_finds_no_namespace_says_so(tmp_path: Path) -> None:
    setup = EnsembleSetup((PeerSetup(A), PeerSetup(B)))
    with World.open("kernel", tmp_path, servers=(A,)) as world:
        spec = peer_specs(setup, world.host_of)[0]
        birth = Birth(spec, 0, str(tmp_path), "seed", netns=str(tmp_path / "nowhere"))
        with pytest.raises(InfrastructureError, match=r"cannot enter .*/nowhere"):
            world.fork(birth.to_json())
        with pytest.raises(InfrastructureError, match="server 2 is none of this world's"):
            world.netns_of(B)


def test_every_namespace_bounds_the_back_off_of_tcp(world: World, tmp_path: Path) -> None:
    for knob, value in TCP_KNOBS.items():
        if world.facts[knob].startswith(value):
            file = f"/proc/sys/net/ipv4/{knob}"
            log = tmp_path / knob
            assert _run(world, C, log, "cat", file).wait(WITHIN_S) == 0
            assert log.read_text().strip() == value


@pytest.mark.parametrize("servers", [(), (A, B)], ids=["none", "two"])
def test_a_world_leaves_no_folder_of_namespaces(tmp_path: Path, servers: tuple[Sid, ...]) -> None:
    with World.open("kernel", tmp_path, obedient(), servers) as world:
        assert (tmp_path / "netns").exists() == bool(servers)
        assert _run(world, None, tmp_path / "log", "cat", FORWARDS).wait(WITHIN_S) == 0
    assert not (tmp_path / "netns").exists()
    assert (tmp_path / "log").read_text().strip() == str(int(bool(servers)))


def test_a_world_without_kernel_network_has_no_servers(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="in-process"):
        World.open("in-process", tmp_path, obedient(), (A,))


# ---- the end of the harness

HARNESS = """
import json, sys, time
from pathlib import Path
from chaos.election.ids import Sid
from chaos.systems.world import World
from tests.sandbox.worlds import obedient, puppet
folder = Path(sys.argv[1])
world = World.open("kernel", folder, obedient(), (Sid(1), Sid(2)))
peer = puppet(world, 1)
spawned = [world.spawn(sid, ["sleep", "1000"], cwd=folder, log=folder / "log")
           for sid in (Sid(1), Sid(2), None)]
recording = world.capture(folder / "capture.pcap")
other = puppet(world, 2)
other.do("dial", name="x", to=peer.host, port="3888", timeout="1")
pids = [world.pid, peer.process.pid, recording.process.pid, *(one.pid for one in spawned)]
print(json.dumps(pids), flush=True)
sys.stdin.read()
world.close()
print(json.dumps(world.facts), flush=True)
"""
ROOT = Path(__file__).parents[2]


def _harness(before: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, "-c", HARNESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_nothing_outlives_a_harness_that_is_killed(tmp_path: Path) -> None:
    links = socket.if_nameindex()
    with _harness([sys.executable], tmp_path) as harness:
        assert harness.stdout is not None
        pids = json.loads(harness.stdout.readline())
        watched = [os.pidfd_open(pid) for pid in pids]
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
        harness.kill()
        for pidfd in watched:
            assert select.select([pidfd], [], [], WITHIN_S)[0]
            os.close(pidfd)
    assert socket.if_nameindex() == links
    assert list((tmp_path / "netns").iterdir()) == []


def test_root_without_user_namespaces_has_servers_too(tmp_path: Path) -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    with _harness(
        ["unshare", "-Ur", "sh", "-c", forbid, "sh", sys.executable], tmp_path
    ) as harness:
        said, _ = harness.communicate("", timeout=30)
    facts = json.loads(said.splitlines()[-1])
    assert facts["namespaces"] == "mount, network, pid"
    assert "packets 2, dropped 0" in facts["capture"]


@pytest.mark.parametrize("who", OTHERS.values(), ids=OTHERS.keys())
def test_an_ordinary_user_has_servers_too(who: list[str], shared: Path) -> None:
    with _harness([*who, interpreter_for(who)], shared) as harness:
        said, _ = harness.communicate("", timeout=30)
    facts = json.loads(said.splitlines()[-1])
    assert facts["namespaces"] == "user, mount, network, pid"
    assert "packets 2, dropped 0" in facts["capture"]  # an attempt, and that nobody listens
