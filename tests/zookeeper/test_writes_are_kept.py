"""Clients write through real servers, the leader dies, and what they were promised is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup, Runs, configuration_of
from chaos.history.events import Event, Listed, Recalled, Seen, Source
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.systems.mixed import Mixed, Troupe
from chaos.verify.checks import INVARIANTS
from chaos.verify.verdict import Outcome, Verdict
from chaos.zookeeper.installation import Installation
from tests.sandbox.worlds import why_no_namespaces

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces()),
]

TIMINGS = Timings(tick_ms=500, init_limit=10, sync_limit=5, connect_ms=500)
_STEP_NS = 100_000_000
_LEADS_NS = 60_000_000_000
_WRITES_NS = 2_000_000_000
CASTS = {
    "zookeeper": (Runs.ZOOKEEPER, Runs.ZOOKEEPER, Runs.ZOOKEEPER),
    "mixed": (Runs.ZOOKEEPER, Runs.CHAOS, Runs.ZOOKEEPER),
}


class Play:
    """One ensemble of three, followed as a runner does."""

    def __init__(self, installation: Installation, system: str, folder: Path) -> None:
        cast = enumerate(CASTS[system], 1)
        peers = tuple(PeerSetup(Sid(sid), runs=runs) for sid, runs in cast)
        setup = EnsembleSetup(peers, timings=TIMINGS)
        self.system = Mixed(Troupe(system, setup, installation), 7, folder, "auto")
        self.events: list[Event] = []
        self._view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"h{sid}"))

    def advance(self, ns: int) -> None:
        for event in self.system.advance(self.system.now_ns + ns):
            self.events.append(event)
            self._view.observe(event)

    def leader(self, up: int) -> Sid:
        """Who leads, once ``up`` servers are settled under it."""
        deadline = self.system.now_ns + _LEADS_NS
        while self.system.now_ns < deadline:
            self.advance(_STEP_NS)
            leader = self._view.leader
            if leader is not None and len(self._view.followers_of(leader)) == up:
                return leader
        raise AssertionError(f"nobody leads {up} servers: {self._view.roles()}")

    def act(self, action: act.Action) -> None:
        evidence = self.system.apply(action)
        assert evidence.bit is not False, evidence

    def close(self) -> None:
        self.events += self.system.finish()
        self.events += self.system.close()
        self.events += self.system.rest()


def written(
    installation: Installation, system: str, folder: Path, forged: str = ""
) -> tuple[list[Event], Verdict]:
    """Two leaders; a third of the writes goes to each, and one to nobody if it is forged."""
    play = Play(installation, system, folder)
    try:
        play.system.prepare()
        play.system.go()
        first = play.leader(3)
        play.act(act.Load("w", 40, 10))
        play.advance(_WRITES_NS)
        play.act(act.Kill(first))
        play.leader(2)
        play.advance(_WRITES_NS)
        play.act(act.Launch(first))
        play.leader(3)
        play.act(act.Unload("w"))
        if forged:
            with (folder / "client" / "writes-w.jsonl").open("a", encoding="utf-8") as record:
                record.write(json.dumps({"path": forged, "outcome": "acknowledged"}) + "\n")
    finally:
        play.close()
    return play.events, INVARIANTS["no_acked_write_lost"].check(History.of(play.events))


@pytest.mark.parametrize("system", CASTS)
def test_later_leaders_and_clients_have_what_was_acknowledged(
    installation: Installation, tmp_path: Path, system: str
) -> None:
    events, verdict = written(installation, system, tmp_path)
    assert verdict.outcome is Outcome.HOLDS, verdict.summary
    (recalled,) = [event for event in events if isinstance(event, Recalled)]
    assert recalled.acknowledged > 0
    assert (recalled.missing, recalled.why) == ((), "")
    assert verdict.judged > recalled.acknowledged, "later leaders were judged too"
    assert any(isinstance(event, Listed) for event in events) is (system == "mixed")
    probes = [e.text for e in events if isinstance(e, Seen) and e.source is Source.PROBE]
    assert any(text.startswith("srvr: leader, zxid 0x") for text in probes)


def test_a_promise_that_nobody_kept_is_told(installation: Installation, tmp_path: Path) -> None:
    forged = "/chaos-w/99999999"
    _, verdict = written(installation, "zookeeper", tmp_path, forged)
    assert verdict.outcome is Outcome.FAILS
    assert f"workload w was told of {forged}, and a client finds them no longer" in verdict.summary
