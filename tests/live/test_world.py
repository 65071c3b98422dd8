"""A world holds its peers, keeps them apart from others, and ends them whatever happens."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import chaos
from chaos.actions import Cut
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError, UnsupportedError
from chaos.sandbox.libc import ended_within
from chaos.systems.world import World
from tests.sandbox.worlds import OTHERS, interpreter_for, obedient, puppet, why_no_namespaces

pytestmark = pytest.mark.live

ROOT = Path(chaos.__file__).parent.parent
HARNESS = """
import os, signal, sys, json
from pathlib import Path
from tests.sandbox.worlds import obedient, puppet
from chaos.systems.world import World
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs these tests may ignore it (nohup)
world = World.open(sys.argv[1], Path(sys.argv[2]), obedient())
peers = [puppet(world, sid) for sid in (1, 2, 3)]
peers[0].process.signal(signal.SIGSTOP)
outer = [world.pid, *(peer.process.pid for peer in peers)]
if "fork" in sys.argv and os.fork() == 0:  # holds every socket of the world open
    sys.stdin.read()
    os._exit(0)
print(json.dumps({"network": world.network, "facts": world.facts, "pids": outer}), flush=True)
sys.stdin.read()
if "close" in sys.argv: world.close()
"""


@pytest.fixture(params=["kernel", "in-process"])
def network(request: pytest.FixtureRequest) -> str:
    wanted: str = request.param
    if wanted == "kernel" and (why := why_no_namespaces()):
        pytest.skip(why)
    return wanted


@pytest.fixture
def world(network: str, tmp_path: Path) -> Iterator[World]:
    with World.open(network, tmp_path, obedient()) as world:
        yield world


def test_a_peer_is_known_by_the_pid_that_the_harness_sees(world: World) -> None:
    peer = puppet(world, 7)
    assert peer.process.hello == {"ready": True, "sid": 7, "pid": peer.process.inner_pid}
    os.kill(peer.process.pid, 0)
    seen = peer.do("processes")
    assert isinstance(seen, list)
    assert peer.process.inner_pid in seen
    assert (peer.process.pid == peer.process.inner_pid) == (world.network == "in-process")
    assert peer.process.state in "RS"


def test_an_exit_wakes_and_is_told_once_with_its_signal(world: World) -> None:
    peer = puppet(world, 1)
    assert world.exits() == []
    peer.process.signal(signal.SIGKILL)
    assert select.select([world], [], [], 5)[0] == [world]
    assert world.exits() == [(peer.process.inner_pid, -signal.SIGKILL)]
    assert select.select([world], [], [], 0)[0] == []
    assert world.exits() == []
    assert peer.process.ended_within(0)


def test_an_exit_that_was_heard_while_forking_still_wakes(world: World) -> None:
    first = puppet(world, 1)
    first.process.signal(signal.SIGKILL)
    assert first.process.ended_within(5000)
    puppet(world, 2)
    assert select.select([world], [], [], 5)[0] == [world]
    assert [pid for pid, _ in world.exits()] == [first.process.inner_pid]


FAILED_BIRTHS = {
    "the zygote refuses": ({"refuse": "too many"}, "too many"),
    "the peer says why": ({"broken": "port in use"}, "port in use"),
    "the peer says nothing": ({"dumb": "yes"}, "ended before its hello"),
}


@pytest.mark.parametrize(("birth", "words"), FAILED_BIRTHS.values(), ids=FAILED_BIRTHS.keys())
def test_a_peer_that_does_not_come_up_says_why(
    world: World, birth: dict[str, str], words: str
) -> None:
    with pytest.raises(InfrastructureError, match=words):
        world.fork(json.dumps(birth))
    assert puppet(world, 1).do("processes")  # and the world goes on


def test_a_zygote_that_cannot_start_says_why(network: str, tmp_path: Path) -> None:
    missing = type(obedient())("no_such_module:serve")
    with World.open(network, tmp_path, missing) as world:
        assert select.select([world], [], [], 5)[0] == [world]
        with pytest.raises(InfrastructureError, match="no_such_module"):
            world.exits()


def test_closing_ends_running_and_stopped_peers(network: str, tmp_path: Path) -> None:
    world = World.open(network, tmp_path, obedient())
    peers = [puppet(world, sid).process for sid in (1, 2, 3)]
    peers[1].signal(signal.SIGSTOP)
    watched = [os.pidfd_open(pid) for pid in (world.pid, *(peer.pid for peer in peers))]
    world.close()
    world.close()
    assert all(ended_within(pidfd, 0) for pidfd in watched)
    for pidfd in watched:
        os.close(pidfd)


def test_a_world_outlives_the_thread_that_opened_it(network: str, tmp_path: Path) -> None:
    opened: list[World] = []
    thread = threading.Thread(
        target=lambda: opened.append(World.open(network, tmp_path, obedient()))
    )
    thread.start()
    thread.join()
    with opened[0] as world:
        assert not puppet(world, 1).process.ended_within(50)
        assert puppet(world, 2).do("processes")


def test_two_worlds_use_the_same_ports_and_do_not_meet(network: str, tmp_path: Path) -> None:
    with (
        World.open(network, tmp_path / "one", obedient()) as one,
        World.open(network, tmp_path / "two", obedient()) as two,
    ):
        here, there = puppet(one, 1), puppet(two, 1)
        assert here.do("listen", name="l", port="3888") == "done"
        missed = there.do("dial", name="d", to=one.host_of(Sid(2)), port="3888", timeout="1")
        assert missed == "ConnectionRefusedError"
        assert there.do("listen", name="l", port="3888") == "done"
        if network == "kernel":
            assert there.do("processes") == [1, 2, 3]


def test_peers_are_born_light(world: World) -> None:
    heavy = {"typer", "pydantic", "rich", "yaml", "jinja2", "asyncio", "multiprocessing"}
    modules = puppet(world, 1).do("modules")
    assert isinstance(modules, list)
    assert not heavy & {str(name) for name in modules}


def test_only_the_kernel_network_blocks(tmp_path: Path) -> None:
    with (
        World.open("in-process", tmp_path, obedient()) as world,
        pytest.raises(UnsupportedError, match="in-process"),
    ):
        world.block("b", [Cut(Sid(1), Sid(2))])


def test_an_unknown_network_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="auto, kernel, in-process"):
        World.open("carrier-pigeon", tmp_path)


def _harness(before: Sequence[str], *after: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, "-c", HARNESS, *after],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


DEATHS = {
    "SIGKILL": (signal.SIGKILL, ""),
    "SIGTERM": (signal.SIGTERM, ""),
    "SIGHUP": (signal.SIGHUP, ""),
    "SIGKILL while a child of it lives": (signal.SIGKILL, "fork"),
}


@pytest.mark.parametrize(("how", "option"), DEATHS.values(), ids=DEATHS.keys())
def test_nothing_outlives_a_harness_that_dies(
    network: str, tmp_path: Path, how: signal.Signals, option: str
) -> None:
    with _harness([sys.executable], network, str(tmp_path), option) as harness:
        assert harness.stdout is not None
        pids = json.loads(harness.stdout.readline())["pids"]
        watched = [os.pidfd_open(pid) for pid in pids]
        harness.send_signal(how)
        assert [ended_within(pidfd, 1000) for pidfd in watched] == [True] * len(pids)
        for pidfd in watched:
            os.close(pidfd)


def _as(command: Sequence[str], network: str, folder: Path) -> dict[str, str]:
    """What a harness started by ``command`` says of its world, which it then closes."""
    with _harness(command, network, str(folder), "close") as harness:
        said, _ = harness.communicate("", timeout=30)
        assert harness.returncode == 0
    facts: dict[str, str] = json.loads(said)["facts"]
    return facts


@pytest.mark.parametrize("who", OTHERS.values(), ids=OTHERS.keys())
def test_an_ordinary_user_gets_the_same_world(network: str, who: list[str], shared: Path) -> None:
    if not (python := interpreter_for(who)):
        pytest.skip(f"no interpreter here can be run by {' '.join(who)}")
    facts = _as([*who, python], network, shared)
    assert facts["network"] == network


@pytest.mark.skipif(
    bool(why_no_namespaces()) or shutil.which("setpriv") is None,
    reason="takes namespaces away by unshare and setpriv",
)
def test_where_namespaces_are_forbidden_auto_falls_back_and_says_why(tmp_path: Path) -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "$@"'
    command = ["unshare", "-Ur", "sh", "-c", forbid, "sh", sys.executable]
    facts = _as(command, "auto", tmp_path)
    assert facts["network"] == "in-process"
    assert "max_user_namespaces" in facts["namespaces_why"]


@pytest.mark.skipif(bool(why_no_namespaces()), reason="takes user namespaces away by unshare")
def test_root_without_user_namespaces_still_gets_the_others(network: str, tmp_path: Path) -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", forbid, "sh", sys.executable]
    facts = _as(command, network, tmp_path)
    made = {"kernel": "mount, network, pid", "in-process": "none"}
    assert facts["namespaces"] == made[network]
