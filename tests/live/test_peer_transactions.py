"""Real peers write: what was acked survives kill -9, on real disks and real links."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.actions import Action, Evidence
from chaos.election.effects import Committed, Serving
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.election.packets import Txn
from chaos.election.spec import PeerSpec
from chaos.ensemble import EnsembleSetup, PeerSetup, configuration_of
from chaos.history.codec import Json
from chaos.history.events import Acted, Began, Event, Stepped
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.peer import disk, log_file
from chaos.systems.processes import Processes
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.verdict import Outcome
from tests.peer.nest import QUICK, Nest, config_of, fresh_net

pytestmark = pytest.mark.live

SECOND = 1_000_000_000
ALL = tuple(Sid(sid) for sid in (1, 2, 3))
WORK: dict[str, Json] = {"k": "Work", "per_s": 200, "payload": 32}


def wrote(event: Stepped) -> bool:
    return any(isinstance(e, Committed) and e.zxid >= zxid_of(1, 20) for e in event.effects)


def test_a_peer_that_is_killed_while_it_writes_comes_back_with_its_log(home: Nest) -> None:
    spec = PeerSpec(Sid(1), config_of(fresh_net(), [1]), timings=QUICK)
    peer = home.fork(spec)
    peer.done("input", input=WORK)
    peer.wait(Stepped, wrote)
    os.kill(peer.pid, signal.SIGKILL)
    assert home.hear() == {"exited": peer.pid, "status": -9}
    steps = peer.all(Stepped)
    told = [e.zxid for s in steps for e in s.effects if isinstance(e, Committed)]
    surely = [e.zxid for s in steps[:-1] for e in s.effects if isinstance(e, Committed)]
    again = home.fork(spec, inc=1)
    began = again.all(Began)[0].spec
    found = [txn.zxid for txn in began.log]
    assert found == [zxid_of(1, n) for n in range(1, len(found) + 1)]
    # The journal's last line may tell of writes that the kill came before; a late peer has many.
    assert found[-1] >= max(surely)
    assert zxid_of(1, len(found)) in told[-2 * 20 :]
    answer = again.done("committed", after=zxid_of(1, 5))
    assert answer["committed"] in (0, len(found) - 5)  # it has to lead again to know


@pytest.mark.parametrize("bad", [{"per_s": -1}, {"per_s": 10**6}, {"payload": 10**7}], ids=str)
def test_work_beyond_reason_is_refused(home: Nest, bad: dict[str, int]) -> None:
    spec = PeerSpec(Sid(1), config_of(fresh_net(), [1]), timings=QUICK)
    peer = home.fork(spec, wait=True)
    answer = peer.ask("input", input={**WORK, **bad})
    assert answer["ok"] is False
    assert "no work of" in str(answer["error"])


class Live:
    """An ensemble of processes, and the view of it that a runner keeps."""

    def __init__(self, folder: Path) -> None:
        setup = EnsembleSetup(tuple(PeerSetup(sid) for sid in ALL), timings=QUICK)
        self.system = Processes(setup, 1, folder, "in-process")
        self.view = EnsembleView(ALL, configuration_of(setup, str))
        self.events: list[Event] = []

    def __enter__(self) -> Live:
        self.system.prepare()
        self.system.go()
        return self

    def __exit__(self, *_: object) -> None:
        self.events += [*self.system.close(), *self.system.rest()]

    def rest(self, seconds: float) -> None:
        self._until(seconds, lambda: False)

    def settle(self) -> Sid:
        self._until(10, self._settled)
        leader = self.view.leader
        assert leader is not None, self.view.roles()
        return leader

    def do(self, action: Action) -> Evidence:
        at_ns = self.system.now_ns
        evidence = self.system.apply(action)
        acted = Acted(at_ns, self.system.now_ns, "test", action, evidence)
        self.events.append(acted)
        self.view.observe(acted)
        return evidence

    def _until(self, seconds: float, wanted: Callable[[], bool]) -> None:
        for event in self.system.advance(self.system.now_ns + round(seconds * SECOND)):
            self.events.append(event)
            self.view.observe(event)
            if wanted():
                return

    def _settled(self) -> bool:
        leader = self.view.leader
        alive = [peer for peer in self.view.peers.values() if peer.alive]
        return leader is not None and all(
            peer.follows(leader) and peer.epoch is not None for peer in alive
        )


def stopped(sid: Sid) -> str:
    return f"peer {sid} is stopped and takes no orders; resume it first"


def written(folder: Path) -> tuple[Evidence, History]:
    """A workload, a follower that is stopped meanwhile, a leader that is killed and returns."""
    with Live(folder) as live:
        leader = live.settle()
        assert live.do(act.Load("w", 100, 16)).bit is None
        live.rest(1)
        follower = next(sid for sid in ALL if sid != leader)
        live.do(act.Pause(follower))
        # SIGTERM would wait for the end of the pause, and end the peer when nobody expects it.
        assert live.do(act.Terminate(follower)).facts == {"error": stopped(follower)}
        live.rest(0.3)
        live.do(act.Resume(follower))
        live.rest(0.5)
        leader = live.settle()
        assert live.do(act.Kill(leader)).bit
        live.rest(1)
        live.settle()
        assert live.do(act.Launch(leader)).bit
        live.rest(1)
        live.settle()
        done = live.do(act.Unload("w"))
        live.rest(1)
    return done, History.of(live.events)


def test_no_acked_write_is_lost_when_the_leader_is_killed(tmp_path: Path) -> None:
    done, history = written(tmp_path)
    assert done.bit
    verdicts = [check.check(history) for check in ALWAYS]
    assert [f"{v.name}: {v.summary}" for v in verdicts if v.outcome is Outcome.FAILS] == []
    assert INVARIANTS["no_acked_write_lost"].check(history).outcome is Outcome.HOLDS
    logs = [log_file.load(tmp_path / "peers" / str(sid)) for sid in ALL]
    assert len({log.txns[-1].zxid for log in logs if log is not None}) == 1


def test_a_learner_that_missed_more_than_a_buffer_holds_gets_it(home: Nest) -> None:
    """Several MiB of PROPOSAL and COMMIT in one step: no learner is let go for that."""
    config = config_of(fresh_net(), [1, 2, 3])
    log = tuple(Txn(zxid_of(1, n), 0, 0, 0, 1, bytes(600)) for n in range(1, 5_001))
    patient = replace(QUICK, init_limit=100)
    rich = PeerSpec(Sid(3), config, None, PeerEpoch(1), PeerEpoch(1), timings=patient)
    rich = replace(rich, log=log)
    disk.load(home.folder / "3", rich)  # too much for the message that forks a peer
    peers = [home.fork(replace(rich, sid=sid, log=())) for sid in (ALL[2], ALL[0])]
    peers[1].wait(Stepped, lambda step: any(isinstance(e, Serving) for e in step.effects))
    kept = log_file.load(home.folder / "1")
    assert kept is not None
    assert kept.txns == log
