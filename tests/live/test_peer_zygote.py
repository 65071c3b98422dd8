"""A zygote forks peers that share nothing they should not, and takes them with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.history.events import Began, Left
from chaos.peer.birth import Birth
from tests.peer.nest import QUICK, WITHIN_S, LivePeer, Mock, Nest, config_of

pytestmark = pytest.mark.live


def test_a_stopped_peer_dies_with_its_zygote(home: Nest, net: str) -> None:
    peer = home.fork(PeerSpec(Sid(1), config_of(net, [1, 2]), timings=QUICK))
    os.kill(peer.pid, signal.SIGSTOP)
    home.zygote.kill()
    peer.control.settimeout(WITHIN_S)
    assert peer.control.recv(1) == b""


def test_the_end_of_its_socket_ends_a_zygote_and_its_peers(home: Nest, net: str) -> None:
    peer = home.fork(PeerSpec(Sid(1), config_of(net, [1, 2]), timings=QUICK))
    home.sock.close()
    assert home.zygote.wait(WITHIN_S) == 0
    peer.control.settimeout(WITHIN_S)
    assert peer.control.recv(1) == b""


def test_a_zygote_refuses_nonsense_and_goes_on(home: Nest, net: str) -> None:
    assert "no request" in str(home.request({"do": "dance"})["error"])
    assert "no birth" in str(home.request({"do": "fork", "birth": {}})["error"])
    spec = PeerSpec(Sid(1), config_of(net, [1, 2]), timings=QUICK)
    birth = json.loads(Birth(spec, 0, str(home.folder / "1"), "s").to_json())
    assert "control descriptor" in str(home.request({"do": "fork", "birth": birth})["error"])
    home.fork(spec)


def test_a_peer_inherits_no_descriptor_but_its_own(home: Nest, net: str) -> None:
    config = config_of(net, [1, 2, 3, 4])
    peers = [home.fork(PeerSpec(Sid(s), config, timings=QUICK), wait=True) for s in (1, 2, 3)]
    counts = {peer.number("fds") for peer in peers}
    assert len(counts) == 1


def test_a_zygote_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import chaos.peer.zygote; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, root],
        check=True,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    found = set(done.stdout.split())
    assert "chaos" in found
    assert not found & {"typer", "pydantic", "yaml", "jinja2", "rich", "pyroute2", "asyncio"}


HAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); from chaos.peer.birth import Birth; "
    "from chaos.peer.hand import run_by_hand; "
    "sys.exit(run_by_hand(Birth.from_json(sys.argv[2])))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_peer_by_hand_ends_cleanly(tmp_path: Path, net: str, number: signal.Signals) -> None:
    spec = PeerSpec(Sid(1), config_of(net, [1, 2]), timings=QUICK)
    birth = Birth(spec, 0, str(tmp_path), "hand")
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen([sys.executable, "-c", HAND, root, birth.to_json()])
    never, _ = ends = socket.socketpair()
    peer = LivePeer(birth, process.pid, never)
    with Mock(net, 2).listen() as listener:
        listener.accept()[0].close()  # it looks for a leader: it stands
    assert peer.wait(Began).pid == process.pid
    process.send_signal(number)
    assert process.wait(WITHIN_S) == 0
    assert [left.why for left in peer.all(Left)] == [number.name]
    for sock in ends:
        sock.close()
