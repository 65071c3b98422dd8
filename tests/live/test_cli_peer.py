"""Peers that are started by hand elect a leader; what stops one is said in a line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaos.election.effects import Entered, Phase
from chaos.election.notification import ServerState
from chaos.history.codec import Reader
from chaos.history.events import Event, Left, Stepped
from chaos.sandbox.libc import ended_within
from tests.cli.command import CHAOS, chaos, environment
from tests.peer.nest import config_of, fresh_net

pytestmark = pytest.mark.live

WITHIN_S = 20
_LOOKS = WITHIN_S * 100


class ByHand:
    """``chaos peer`` in the foreground of a shell."""

    def __init__(self, folder: Path, sid: int, stack: ExitStack) -> None:
        self.journal = folder / f"data-{sid}" / "journal-0.jsonl"
        self.process = subprocess.Popen(
            [*CHAOS, "peer", "cfg", "--sid", str(sid), "--data", f"data-{sid}", "--tick-ms", "100"],
            cwd=folder,
            env=environment(folder),
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(self.process)
        stack.callback(self.process.kill)
        self._pidfd = os.pidfd_open(self.process.pid)
        stack.callback(os.close, self._pidfd)

    def events(self) -> list[Event]:
        if not self.journal.exists():
            return []
        with self.journal.open(encoding="utf-8") as lines:
            return list(Reader().events(lines))

    def until(self, wanted: Callable[[Event], bool]) -> None:
        """Look at the journal again and again; a peer that ends ends the wait."""
        for _ in range(_LOOKS):
            if any(wanted(event) for event in self.events()):
                return
            assert not ended_within(self._pidfd, 10), self.process.communicate()
        raise AssertionError(self.events()[-3:])

    def state(self) -> ServerState:
        found = [
            effect.state
            for event in self.events()
            if isinstance(event, Stepped)
            for effect in event.effects
            if isinstance(effect, Entered)
        ]
        return found[-1]


def settled(event: Event) -> bool:
    return isinstance(event, Stepped) and any(
        isinstance(effect, Entered) and effect.phase is Phase.BROADCAST for effect in event.effects
    )


@pytest.fixture
def net(tmp_path: Path) -> str:
    net = fresh_net()
    (tmp_path / "cfg").write_text(config_of(net, [1, 2, 3]), encoding="utf-8")
    return net


@pytest.fixture
def three(tmp_path: Path, net: str) -> Iterator[list[ByHand]]:
    assert net
    with ExitStack() as stack:
        yield [ByHand(tmp_path, sid, stack) for sid in (1, 2, 3)]


def test_three_peers_by_hand_elect_a_leader_and_end_by_ctrl_c(three: list[ByHand]) -> None:
    for peer in three:
        peer.until(settled)
    assert sorted(peer.state() for peer in three) == [
        ServerState.FOLLOWING,
        ServerState.FOLLOWING,
        ServerState.LEADING,
    ]
    for peer in three:
        peer.process.send_signal(signal.SIGINT)
    for peer in three:
        _, err = peer.process.communicate(timeout=WITHIN_S)
        assert peer.process.returncode == 0, err
        assert err.startswith("peer ")
        assert "Ctrl-C ends it" in err
        assert "Traceback" not in err
        assert isinstance(peer.events()[-1], Left)


def test_a_port_that_is_taken_is_named(tmp_path: Path, net: str) -> None:
    with socket.create_server((f"{net}.1", 3888)):
        done = chaos(tmp_path, "peer", "cfg", "--sid", "1", "--data", "data")
    assert done.returncode == 4
    assert f"cannot listen on {net}.1:3888" in done.stderr
    assert "Traceback" not in done.stderr


WRONG = {
    "a sid that is not there": (["cfg", "--sid", "9", "--data", "d"], 2, "it has 1, 2, 3"),
    "no configuration": (["nowhere", "--sid", "1", "--data", "d"], 2, "nowhere: No such file"),
    "a plan": (["plan", "--sid", "1", "--data", "d"], 2, "plan: unrecognised parameter"),
    "a file for data": (["cfg", "--sid", "1", "--data", "cfg"], 4, "--data cfg: "),
    "no sid": (["cfg", "--data", "d"], 2, "--sid"),
}


@pytest.mark.parametrize(("arguments", "code", "why"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.usefixtures("net")
def test_what_is_wrong_is_named(arguments: list[str], code: int, why: str, tmp_path: Path) -> None:
    (tmp_path / "plan").write_text("name=x\n", encoding="utf-8")
    done = chaos(tmp_path, "peer", *arguments)
    assert done.returncode == code, done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()
