"""Random faults on simulated ensembles: whatever is done to correct peers, nothing alarms."""

from __future__ import annotations

import random

import pytest

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind
from chaos.history.history import History
from chaos.verify.checks import ALWAYS
from chaos.verify.evidence import fault_evidence
from chaos.verify.foreign.outside import from_outside
from chaos.verify.measure import faults_of, measures
from chaos.verify.safety import NO_ACKED_WRITE_LOST
from chaos.verify.verdict import Outcome
from tests.sim.drive import Run


class Mischief:
    """Draws actions that the ensemble can still do, and remembers what has to be healed."""

    def __init__(self, setup: EnsembleSetup, seed: int) -> None:
        self._rng = random.Random(f"mischief/{seed}")
        self._sids = setup.sids
        self._down: set[Sid] = set()
        self._paused: set[Sid] = set()
        self._blocks: list[str] = []
        self._drawn = 0

    def draw(self) -> Action | None:
        rng, self._drawn = self._rng, self._drawn + 1
        sid = rng.choice(self._sids)
        match rng.randrange(6):
            case 0 if sid not in self._down:
                self._down.add(sid)
                self._paused.discard(sid)
                return act.Kill(sid)
            case 1 if sid in self._down:
                self._down.discard(sid)
                return act.Launch(sid)
            case 2 if sid not in self._down | self._paused:
                self._paused.add(sid)
                return act.Pause(sid)
            case 3 if sid in self._paused:
                self._paused.discard(sid)
                return act.Resume(sid)
            case 4:
                self._blocks.append(f"b{self._drawn}")
                others = [one for one in self._sids if one != sid]
                cuts = [act.Cut(*ends) for o in others for ends in ((sid, o), (o, sid))]
                return act.Block(self._blocks[-1], tuple(cuts), rng.choice(list(act.How)))
            case 5 if self._blocks:
                return act.Unblock(self._blocks.pop(0))
        return None

    def heal(self) -> list[Action]:
        blocks: list[Action] = [act.Unblock(name) for name in self._blocks]
        paused: list[Action] = [act.Resume(sid) for sid in sorted(self._paused)]
        return [*blocks, *paused, *(act.Launch(sid) for sid in sorted(self._down))]


def campaign(seed: int, size: int, kind: QuorumKind, skew: Action | None = None) -> History:
    rng = random.Random(f"campaign/{seed}")
    peers = tuple(
        PeerSetup(Sid(sid), votes=sid <= size, weight=rng.choice((0, 1, 2)) if sid > 1 else 1)
        for sid in range(1, size + 2)
    )
    setup = EnsembleSetup(peers, kind)
    run, mischief = Run(setup, seed), Mischief(setup, seed)
    for number in range(12):
        run.rest(rng.uniform(0.05, 1.0))
        action = skew if number == 1 and skew is not None else mischief.draw()
        if action is not None:
            run.do(action)
    for action in mischief.heal():
        run.do(action)
    run.rest(3)
    return History.of(run.events)


def alarms(history: History) -> list[str]:
    verdicts = [check.check(history) for check in ALWAYS]
    return [f"{v.name}: {v.summary}" for v in verdicts if v.outcome is Outcome.FAILS]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [QuorumKind.MAJORITY, QuorumKind.WEIGHTED])
def test_no_fault_makes_correct_peers_break_a_law(seed: int, kind: QuorumKind) -> None:
    history = campaign(seed, 3 + 2 * (seed % 2), kind)
    assert alarms(history) == []
    assert measures(history, faults_of(history))
    assert {v.outcome for v in fault_evidence(history)} <= {Outcome.HOLDS, Outcome.UNKNOWN}


@pytest.mark.parametrize("sids", [(), (1, 3)], ids=["all", "two"])
@pytest.mark.parametrize("seed", range(6, 10))
def test_nor_correct_servers_that_are_seen_from_outside(seed: int, sids: tuple[int, ...]) -> None:
    """Packets and log are whole, so that nothing may be left open either."""
    history = from_outside(campaign(seed, 3 + 2 * (seed % 2), QuorumKind.MAJORITY), *sids)
    verdicts = [check.check(history) for check in ALWAYS]
    assert {v.outcome for v in verdicts} <= {Outcome.HOLDS, Outcome.NOT_EXERCISED}


@pytest.mark.parametrize("sids", [(), (1, 3)], ids=["all", "two"])
@pytest.mark.parametrize("seed", [0, 1, 4, 5])
def test_nor_do_writes_that_go_on_meanwhile(seed: int, sids: tuple[int, ...]) -> None:
    load = act.Load("writes", 40, 10)
    told = campaign(seed, 3 + 2 * (seed % 2), QuorumKind.MAJORITY, load)
    verdict = NO_ACKED_WRITE_LOST.check(from_outside(told, *sids))
    assert verdict.outcome is Outcome.HOLDS, verdict.summary


SKEWS = {
    "round": act.TurnRound(Sid(1), to=-7),
    "promise": act.SetEpochs(Sid(2), accepted=0),
    "epochs": act.SetEpochs(Sid(3), accepted=9, current=8),
    "zxid": act.SetZxid(Sid(2), 7 << 32 | 1),
}


@pytest.mark.parametrize("skew", SKEWS.values(), ids=SKEWS.keys())
def test_nor_does_a_skew(skew: Action) -> None:
    assert alarms(campaign(4, 3, QuorumKind.MAJORITY, skew)) == []
