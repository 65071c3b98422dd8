"""What refers to what in a plan, and what a step may say."""

from __future__ import annotations

import pytest

from chaos.errors import PlanError
from chaos.plan.load import load_plan

HEAD = "version: 1\nname: p\nensemble: {size: 5}\n"
UP = "  - {id: up, wait: {outcome: leader}, within: 5s}\n"
CUT = "  - {id: cut, fault: isolate, target: leader, as: old, for: 1s}\n"


def _steps(*lines: str) -> str:
    return HEAD + "steps:\n" + "".join(lines)


def _expect(line: str) -> str:
    return _steps(UP, CUT) + f"expect:\n  - {line}\n"


WRONG = {
    "id twice": (_steps(UP, UP), 'the id "up" is taken'),
    "expectation takes a step's id": (
        _expect("{id: up, outcome: leader, within: 1s}"),
        'the id "up" is taken',
    ),
    "after a later step": (
        _steps("  - {id: a, fault: kill, target: 1, after: up}\n", UP),
        'step "up" does not come before this',
    ),
    "at and after": (
        _steps(UP, "  - {id: a, fault: kill, target: 1, at: 1s, after: up}\n"),
        "which is it?",
    ),
    "begin of a wait": (
        _steps(UP, "  - {id: a, fault: kill, target: 1, after: {step: up, edge: started}}\n"),
        "a wait has one moment, its end",
    ),
    "wait without within": (
        _steps("  - {id: up, wait: {outcome: leader}}\n"),
        'wait "up" needs "within"',
    ),
    "wait for nothing": (_steps("  - {id: w, wait: {}}\n"), "for an outcome or for a time"),
    "time and within": (
        _steps("  - {id: w, wait: {time: 1s}, within: 2s}\n"),
        "ends by itself",
    ),
    "wait for the same leader": (
        _steps("  - {id: w, wait: {outcome: same_leader}, within: 2s}\n"),
        "is for expectations",
    ),
    "role of nobody": (
        _steps("  - {id: w, wait: {outcome: {role: follower}}, within: 2s}\n"),
        'needs "of"',
    ),
    "no such role": (
        _steps("  - {id: w, wait: {outcome: {role: folower}, of: 1}, within: 2s}\n"),
        'did you mean "follower"?',
    ),
    "no verb": (_steps("  - {id: w, fualt: pause}\n"), 'did you mean "fault"?'),
    "two verbs": (
        _steps("  - {id: w, fault: pause, wait: {time: 1s}}\n"),
        "this has wait and fault",
    ),
    "gate of a wait": (
        _steps("  - {id: w, wait: {time: 1s}, when: {}}\n"),
        'a wait step has no key "when"',
    ),
    "an event without a verb": (
        _steps("  - {id: w, when: {event: decided}, within: 1s}\n"),
        "a step has one verb",
    ),
    "no time for an event": (
        _steps("  - {id: a, when: {event: decided}, fault: kill, target: 1}\n"),
        '"when" needs "within" beside it; write within: 5s',
    ),
    "a time without an event": (
        _steps("  - {id: a, within: 1s, fault: kill, target: 1}\n"),
        '"within" goes with "when", and this step has none',
    ),
    "an event that is none": (
        _steps("  - {id: a, when: {event: decidde}, within: 1s, fault: kill, target: 1}\n"),
        'did you mean "decided"?',
    ),
    "a packet that is none": (
        _steps(
            "  - {id: a, when: {event: packet_sent, packet: ACKEPOCHS}, within: 1s, "
            "fault: kill, target: 1}\n"
        ),
        'did you mean "ACKEPOCH"?',
    ),
    "a packet of a vote": (
        _steps(
            "  - {id: a, when: {event: decided, packet: ACK}, within: 1s, fault: kill, target: 1}\n"
        ),
        "decided has no packet",
    ),
    "the other peer of an event that has none": (
        _steps(
            "  - {id: a, when: {event: stepped_down, peer: 1}, within: 1s, "
            "fault: kill, target: 1}\n"
        ),
        "stepped_down concerns no other peer",
    ),
    "the round of a link": (
        _steps(
            "  - {id: a, when: {event: link_opened, round: 1}, within: 1s, "
            "fault: kill, target: 1}\n"
        ),
        "link_opened is of no round",
    ),
    "no such round": (
        _steps(
            "  - {id: a, when: {event: decided, round: nxt}, within: 1s, fault: kill, target: 1}\n"
        ),
        "a round is a number, next or last",
    ),
    "nobody to come to an event": (
        _steps(
            "  - {id: a, when: {event: decided, by: $who}, within: 1s, fault: kill, target: 1}\n"
        ),
        "no step binds $who",
    ),
    "an event's name twice": (
        _steps(
            "  - {id: a, when: {event: decided, as: x}, within: 1s, "
            "fault: kill, target: 1, as: x}\n"
        ),
        "$x has a meaning already",
    ),
    "key of another verb": (
        _steps("  - {id: w, wait: {time: 1s}, target: 1}\n"),
        'a wait step has no key "target"',
    ),
    "no target": (_steps("  - {id: a, fault: kill}\n"), 'fault "a" needs "target"'),
    "for of an instant fault": (
        _steps("  - {id: a, fault: kill, target: 1, for: 1s}\n"),
        "or add with: {restart: after}",
    ),
    "id that names no file": (_steps("  - {id: ../x, wait: {time: 1s}}\n"), '"../x" is no id'),
    "name with a $": (
        _steps("  - {id: a, fault: kill, target: 1, as: $old}\n"),
        '"$old" is no id',
    ),
    "plan that names no folder": (
        "version: 1\nname: a/b\nensemble: {size: 3}\nsteps: []\n",
        '"a/b" is no id',
    ),
    "release of no fault": (
        _steps(UP, "  - {id: r, release: [up]}\n"),
        'step "up" is no fault',
    ),
    "release of an instant fault": (
        _steps("  - {id: a, fault: kill, target: 1}\n  - {id: r, release: [a]}\n"),
        "nothing to release",
    ),
    "name bound twice": (
        _steps(CUT, "  - {id: b, fault: kill, target: 1, as: old}\n"),
        "$old has a meaning already",
    ),
    "sides of a fault without links": (
        _steps("  - {id: a, fault: kill, target: {from: 1, to: 2}}\n"),
        "kill has no two sides",
    ),
    "one_way without sides": (
        _steps("  - {id: a, fault: one_way, target: 1, for: 1s}\n"),
        "one_way needs target: {from: …, to: …}",
    ),
    "shape and target": (
        _steps("  - {id: a, fault: partition, target: 1, with: {shape: halves}, for: 1s}\n"),
        "the shape chooses the sides",
    ),
    "a ring of one direction": (
        _steps("  - {id: a, fault: partition, with: {shape: ring, direction: in}, for: 1s}\n"),
        "shape ring has no two sides; no direction then",
    ),
    "both by and to": (
        _steps("  - {id: a, fault: skew_zxid, target: 1, with: {by: 1, to: 2}}\n"),
        '"with" of skew_zxid: give either by: or to:, not both',
    ),
    "wipe of the dead": (
        _steps("  - {id: a, fault: kill, target: 1, with: {wipe: true}}\n"),
        "add restart: after",
    ),
    "members that are none": (
        _steps(
            "  - {id: a, fault: bump_config_version, target: all, "
            "with: {by: 1, members: {remove: [8]}}}\n"
        ),
        "no peer has id 8",
    ),
    "configuration without voters": (
        _steps(
            "  - {id: a, fault: bump_config_version, target: all, "
            "with: {by: 1, members: {observers: [1, 2, 3, 4, 5]}}}\n"
        ),
        "no voter",
    ),
    "leaves something unknown": (
        _steps("  - {id: a, fault: kill, target: {of: voters, leaves: quorm}}\n"),
        'did you mean "quorum"?',
    ),
    "an unknown order": (
        _steps("  - {id: a, fault: kill, target: {pick: 1, of: voters, by: highest_zxd}}\n"),
        'did you mean "highest_zxid"?',
    ),
    "an order of nobody": (
        _steps("  - {id: a, fault: kill, target: {of: voters, by: heaviest}}\n"),
        "how many? write pick: 1",
    ),
    "a zone where nobody is": (
        _steps("  - {id: a, fault: kill, target: {of: voters, zone: east}}\n"),
        'no peer is in zone "east"',
    ),
    "a weight in words": (
        _steps("  - {id: a, fault: kill, target: {of: voters, weight_at_least: heavy}}\n"),
        "a weight is a number",
    ),
    "links of a fault of peers": (
        _steps("  - {id: a, fault: kill, target: links}\n"),
        "kill has no two sides",
    ),
    "links among peers": (
        _steps("  - {id: a, fault: kill, target: [1, links]}\n"),
        "links are whole targets of",
    ),
    "two links at a time": (
        _steps(
            "  - {id: a, fault: loss, target: {pick: 2, of: links}, with: {percent: 5}, for: 1s}\n"
        ),
        "links are drawn one at a time",
    ),
    "an order after the run": (
        _expect("{id: e, outcome: leader, among: {of: voters, leaves: quorum}, within: 1s}"),
        "nothing is drawn after a run",
    ),
    "misspelt selector": (
        _steps("  - {id: a, fault: kill, target: leadr}\n"),
        'did you mean "leader"?',
    ),
    "pick without of": (_steps("  - {id: a, fault: kill, target: {pick: 1}}\n"), 'needs "of"'),
    "pick nobody": (
        _steps("  - {id: a, fault: kill, target: {pick: 0, of: voters}}\n"),
        "how many?",
    ),
    "set that changes": (
        _expect("{id: e, outcome: leader, among: followers, within: 1s}"),
        '"followers" changes while a run goes on',
    ),
    "unknown name in an expectation": (
        _expect("{id: e, outcome: leader, among: $new, within: 1s}"),
        "no step binds $new",
    ),
    "during and between": (
        _expect("{id: e, outcome: no_leader, during: cut, between: [up, cut]}"),
        'either "during" or "between"',
    ),
    "during nothing": (
        _expect("{id: e, outcome: no_leader, during: cutt}"),
        'did you mean "cut"?',
    ),
    "leader between unknown moments": (
        _expect("{id: e, outcome: same_leader, between: [up, donw]}"),
        'no step has id "donw"',
    ),
    "unknown metric": (
        _expect("{id: e, metric: election.totl, max: 1s}"),
        'did you mean "election.total"?',
    ),
    "count as a duration": (
        _expect("{id: e, metric: rounds, max: 1s}"),
        "rounds is a count; write max: 3",
    ),
    "duration as a count": (_expect("{id: e, metric: election.total, max: 3}"), "3 has no unit"),
    "a metric without a bound": (
        _expect("{id: e, metric: election.total}"),
        "needs a bound: max, a quantile such as p95, or baseline",
    ),
    "a mean": (_expect("{id: e, metric: election.total, mean: {max: 1s}}"), "there is no mean"),
    "a quantile without its mapping": (
        _expect("{id: e, metric: election.total, p95: 3s}"),
        "write {max: 3s}",
    ),
    "a quantile's unit": (
        _expect("{id: e, metric: epochs.started, p95: {max: 3s}}"),
        "epochs.started is a count",
    ),
    "confidence in percent": (
        _expect("{id: e, metric: rounds, p95: {max: 3, confidence: 95}}"),
        "from 0.5 to 0.9999 is needed, not 95; write 0.95",
    ),
    "bounds that fall": (
        _expect("{id: e, metric: election.total, p50: {max: 3s}, p95: {max: 2s}}"),
        "p95 is never below p50",
    ),
    "quantiles of a part of a run": (
        _expect("{id: e, metric: epochs.started, from: cut, p95: {max: 3}}"),
        "are of whole runs",
    ),
    "a phase that is none": (
        _expect("{id: e, metric: election.phase.finalise, max: 1s}"),
        'did you mean "election.phase.finalize"?',
    ),
    "a slowdown against nothing": (
        _expect("{id: e, metric: election.total, max: 1s, max_slowdown: 10%}"),
        "need a baseline",
    ),
    "a slowdown of a count": (
        _expect("{id: e, metric: rounds, baseline: main}"),
        "which has no slowdown",
    ),
    "a test that is none": (
        _expect("{id: e, metric: election.total, baseline: main, test: mann_witney}"),
        'did you mean "mann_whitney"?',
    ),
    "unknown invariant": (
        _steps(UP) + "invariants: [epoch_monotonous]\n",
        'did you mean "epoch_monotone"?',
    ),
    "exception of no step": (
        _steps(UP) + "invariants: [{name: epoch_monotone, except_after: [skew]}]\n",
        'no step has id "skew"',
    ),
    "unknown ability": (_steps(UP) + "requires: [paus]\n", 'did you mean "pause"?'),
    "system for later": (_steps(UP) + "system: etcd\n", "not supported yet: etcd"),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_is_an_error_that_says_why(text: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert told in str(caught.value)


def test_a_fault_may_be_ended_by_a_release_alone() -> None:
    text = _steps("  - {id: a, fault: pause, target: 1}\n  - {id: r, release: [a]}\n")
    assert [step.id for step in load_plan(text, "p.yaml").steps] == ["a", "r"]
