"""What a run draws is one of the sets that the linter looks at, and each of them can be drawn."""

from __future__ import annotations

import random

import pytest

from chaos.faults.targets import NoTarget, aim
from chaos.history.view import EnsembleView, PeerView
from chaos.plan.lint.context import Context
from chaos.plan.load import load_plan
from chaos.plan.model import FaultStep

WEIGHTED = (
    "{quorum: weighted, peers: [{id: 1, zone: east}, {id: 2, zone: east}, {id: 3, zone: west,"
    " weight: 2}, {id: 4, zone: west, weight: 2}, {id: 5, zone: north}, {id: 6, role: observer}]}"
)
GROUPS = (
    "{quorum: hierarchical, peers: [{id: 1, group: 1}, {id: 2, group: 1}, {id: 3, group: 2},"
    " {id: 4, group: 2}, {id: 5, group: 3}, {id: 6, group: 3}]}"
)
ENSEMBLES = {"five": "{size: 5}", "weighted": WEIGHTED, "groups": GROUPS}
TARGETS = (
    "half",
    "minority",
    "majority",
    "minority_third",
    "quorum_breaker",
    "{pick: 2, of: voters}",
    "{pick: 2, of: voters, by: highest_sid}",
    "{pick: 2, of: voters, by: lightest}",
    "{pick: 1, of: voters, by: heaviest}",
    "{pick: 2, of: voters, leaves: quorum}",
    "{pick: 2, of: voters, leaves: no_quorum}",
    "{pick: 3, of: voters, leaves: no_quorum}",
    "{pick: 1, of: voters, weight_at_least: 2}",
    "{of: voters, zone: west}",
    "{pick: 1, of: voters, group: 2}",
    "{pick: 1, of: links}",
    "{from: 1, to: {pick: 2, of: voters, except: [1]}}",
)
DRAWS = 400


def text_of(target: str, ensemble: str) -> str:
    fault = "delay" if "links" in target or "from" in target else "isolate"
    how = ", with: {latency: 20ms}" if fault == "delay" else ""
    return (
        f"version: 1\nname: x\nensemble: {ensemble}\nsteps:\n"
        f"  - {{id: f, fault: {fault}, target: {target}{how}, for: 1s}}\n"
    )


def looked_at(context: Context) -> set[tuple[int, ...]]:
    return {
        () if world.empty else tuple(sorted(world.deeds["f"].targets))
        for world in context.all_worlds
    }


def drawn(context: Context) -> set[tuple[int, ...]]:
    """Whom the step of a run means, in many draws on an ensemble at rest."""
    verb = context.steps["f"].verb
    assert isinstance(verb, FaultStep)
    config = context.all_worlds[0].configs[0][1]
    zones = {one.sid: one.zone for one in context.plan.ensemble.peers if one.zone}
    view = EnsembleView(tuple(sorted(config.members)), config, zones=zones)
    for sid in config.members:
        view.peers[sid] = PeerView(sid, up=True)
    found: set[tuple[int, ...]] = set()
    for seed in range(DRAWS):
        try:
            found.add(aim(verb.target, view, {}, random.Random(seed)).targets)
        except NoTarget:
            found.add(())
    return found


CASES = [
    (target, ensemble)
    for target in TARGETS
    for ensemble in ENSEMBLES
    if "zone" not in target or ensemble == "weighted"  # a zone that nobody is in is an error
]


@pytest.mark.parametrize(("target", "ensemble"), CASES)
def test_a_run_draws_one_of_the_sets_and_any_of_them(target: str, ensemble: str) -> None:
    context = Context(load_plan(text_of(target, ENSEMBLES[ensemble]), "x.yaml"))
    assert looked_at(context) == drawn(context)


def test_who_is_best_by_zxid_is_left_undecided() -> None:
    target = "{pick: 1, of: voters, by: highest_zxid}"
    context = Context(load_plan(text_of(target, "{size: 3}"), "x.yaml"))
    assert context.all_worlds == ()


def test_what_is_left_while_a_fault_may_be_over_is_undecided() -> None:
    text = """\
version: 1
name: x
ensemble: {size: 5}
steps:
  - {id: a, fault: pause, target: 1, for: 1s}
  - {id: b, after: {step: a, edge: started}, wait: {outcome: leader}, within: 5s}
  - {id: f, fault: pause, target: {pick: 2, of: voters, except: [1], leaves: quorum}, for: 1s}
"""
    assert Context(load_plan(text, "x.yaml")).all_worlds == ()
