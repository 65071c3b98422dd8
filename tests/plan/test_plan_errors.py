"""Wrong plans: each is told with its place, its line, a caret, and what would do."""

from __future__ import annotations

import pytest

from chaos.errors import PlanError
from chaos.plan.load import load_plan

HEAD = "version: 1\nname: p\nensemble: {size: 3}\nsteps:\n"

WRONG = {
    "unknown key": (
        "version: 1\nname: p\nensemble: {sise: 3}\nsteps: []\n",
        """\
p.yaml:3:12: "ensemble" has no key "sise"; did you mean "size"?
    3 | ensemble: {sise: 3}
      |            ^""",
    ),
    "a newer language": (
        "version: 2\nname: p\nensemble: {size: 3}\nsteps: []\n",
        """\
p.yaml:1:10: plans of version 1 are read here, not of version 2
    1 | version: 2
      |          ^""",
    ),
    "misspelt fault": (
        HEAD + "  - {id: a, fault: partitoin, target: 1, for: 1s}\n",
        """\
p.yaml:5:20: no fault is called "partitoin"; did you mean "partition"?
    5 |   - {id: a, fault: partitoin, target: 1, for: 1s}
      |                    ^""",
    ),
    "bad duration": (
        HEAD + "  - {id: a, fault: pause, target: 1, for: 5 seconds}\n",
        """\
p.yaml:5:43: "5 seconds" is no duration; its unit is one of ns, us, ms, s, m, h
    5 |   - {id: a, fault: pause, target: 1, for: 5 seconds}
      |                                           ^""",
    ),
    "escapes of a terminal": (
        'version: 1\nname: "a\\e[31mred\\u202e\\nb"\nensemble: {size: 3}\nsteps: []\n',
        """\
p.yaml:2:7: "a⟨001B⟩[31mred⟨202E⟩ b" is no id; it has letters, digits, - and _, at most 64 of them
    2 | name: "a\\e[31mred\\u202e\\nb"
      |       ^""",
    ),
    "no time for any run": (
        HEAD.replace("steps", "limits: {plan_timeout: 0s}\nsteps") + "  []\n",
        """\
p.yaml:4:9: "limits": no run begins in no time; write plan_timeout: 30m
    4 | limits: {plan_timeout: 0s}
      |         ^""",
    ),
    "a word that no command can have": (
        HEAD
        + '  - {id: a, probe: {command: ["a\\0b"]}, target: 1, equals: {status: 0}, within: 1s}\n',
        """\
p.yaml:5:20: "probe": no command has a NUL in a word of it; leave it out
    5 |   - {id: a, probe: {command: ["a\\0b"]}, target: 1, equals: {status: 0}, within: 1s}
      |                    ^""",
    ),
    "number without unit": (
        HEAD + "  - {id: a, fault: pause, target: 1, for: 5}\n",
        """\
p.yaml:5:43: 5 has no unit; write 5ms or 5s
    5 |   - {id: a, fault: pause, target: 1, for: 5}
      |                                           ^""",
    ),
    "duplicate key": (
        "version: 1\nname: p\nname: q\n",
        """\
p.yaml:3:1: "name" is here twice; the first is in line 2
    3 | name: q
      | ^""",
    ),
    "on as a key": (
        "version: 1\non: 3\n",
        """\
p.yaml:2:1: on is a truth value in YAML 1.1; write true, false, or "on"
    2 | on: 3
      | ^""",
    ),
    "unknown step": (
        HEAD + "  - {id: up, wait: {outcome: leader}, within: 5s, after: upp}\n",
        """\
p.yaml:5:58: no step has id "upp"
    5 |   - {id: up, wait: {outcome: leader}, within: 5s, after: upp}
      |                                                          ^""",
    ),
    "unknown name": (
        HEAD + "  - {id: a, fault: kill, target: leader, as: old}\n"
        "  - {id: b, fault: kill, target: $odl}\n",
        """\
p.yaml:6:34: no step binds $odl with as:; did you mean "old"?
    6 |   - {id: b, fault: kill, target: $odl}
      |                                  ^""",
    ),
    "name used before it is bound": (
        HEAD + "  - {id: b, fault: kill, target: $old}\n"
        "  - {id: a, fault: kill, target: leader, as: old}\n",
        """\
p.yaml:5:34: $old has no meaning yet: the step that binds it comes later
    5 |   - {id: b, fault: kill, target: $old}
      |                                  ^""",
    ),
    "sid that is no member": (
        HEAD + "  - {id: a, fault: kill, target: [1, 7]}\n",
        """\
p.yaml:5:38: no peer has id 7; the ensemble is 1, 2, 3
    5 |   - {id: a, fault: kill, target: [1, 7]}
      |                                      ^""",
    ),
    "weight without a weighted quorum": (
        "version: 1\nname: p\nensemble:\n  peers:\n    - {id: 1, weight: 2}\nsteps: []\n",
        """\
p.yaml:5:7: peer 1 has a weight, but a majority counts heads; add quorum: weighted
    5 |     - {id: 1, weight: 2}
      |       ^""",
    ),
    "tab": (
        "version: 1\nensemble:\n\tsize: 3\n",
        """\
p.yaml:3:1: a tab; YAML is indented with spaces
    3 |  size: 3
      | ^""",
    ),
    "bad YAML": (
        "version: 1\nname: [a, b\nsteps: []\n",
        """\
p.yaml:3:6: this is no YAML: expected ',' or ']', but got ':'
    3 | steps: []
      |      ^""",
    ),
    "no mapping": (
        "- version: 1\n",
        """\
p.yaml:1:1: a plan is a mapping of keys, not a list
    1 | - version: 1
      | ^""",
    ),
    "empty file": ("", "p.yaml:1:1: the file is empty; a plan begins with version: 1"),
    "only comments": (
        "# nothing\n",
        """\
p.yaml:1:1: the file is empty; a plan begins with version: 1
    1 | # nothing
      | ^""",
    ),
    "pieces of no size": (
        HEAD + "  - {id: a, fault: slice, target: 1, with: {size: 0}, for: 1s}\n",
        """\
p.yaml:5:44: "with" of slice: size: 0 is not from 1 to 65536
    5 |   - {id: a, fault: slice, target: 1, with: {size: 0}, for: 1s}
      |                                            ^""",
    ),
    "bandwidth without a unit": (
        HEAD + "  - {id: a, fault: throttle, target: 1, with: {rate: 2000}, for: 1s}\n",
        """\
p.yaml:5:54: "2000" is no bandwidth; write 500B/s, 2KiB/s or 1MiB/s
    5 |   - {id: a, fault: throttle, target: 1, with: {rate: 2000}, for: 1s}
      |                                                      ^""",
    ),
    "system that is not supported yet": (
        "version: 1\nname: p\nensemble: {size: 3}\nsteps: []\nsystem: etcd\n",
        """\
p.yaml:5:9: not supported yet: etcd
    5 | system: etcd
      |         ^""",
    ),
    "format of a report that is none": (
        "version: 1\nname: p\nensemble: {size: 3}\nsteps: []\nreport: {formats: [htm]}\n",
        """\
p.yaml:5:20: "htm" is none of its words; did you mean "html"?
    5 | report: {formats: [htm]}
      |                    ^""",
    ),
    "the same baseline twice": (
        "version: 1\nname: p\nensemble: {size: 3}\nsteps: []\nreport: {compare_to: [a, a]}\n",
        """\
p.yaml:5:9: "report": a is there twice
    5 | report: {compare_to: [a, a]}
      |         ^""",
    ),
    "decided, and nothing is asked": (
        "version: 1\nname: p\nensemble: {size: 3}\nsteps: []\nrepeat: {runs: 9, stop: decided}\n",
        """\
p.yaml:5:9: stop: decided has nothing to decide; expect a quantile, as p95, or a baseline
    5 | repeat: {runs: 9, stop: decided}
      |         ^""",
    ),
    "paired with nothing": (
        "version: 1\nname: p\nensemble: {size: 3}\nsteps: []\nrepeat: {pair_with: baseline}\n",
        """\
p.yaml:5:9: pair_with: baseline has nothing to pair with; expect {metric: …, baseline: main}
    5 | repeat: {pair_with: baseline}
      |         ^""",
    ),
    "paired with several": (
        HEAD.replace("steps:", "repeat: {pair_with: baseline}\nsteps: []\nexpect:")
        + "  - {id: a, metric: election.total, baseline: main}\n"
        "  - {id: b, metric: election.detect, baseline: old}\n",
        """\
p.yaml:8:5: runs are paired with those of one baseline, not of main and old
    8 |   - {id: b, metric: election.detect, baseline: old}
      |     ^""",
    ),
    "fault without an end": (
        HEAD + "  - {id: a, fault: pause, target: leader}\n",
        """\
p.yaml:5:10: fault "a" has no end; add for: 5s, or a step release: [a]
    5 |   - {id: a, fault: pause, target: leader}
      |          ^""",
    ),
    "key that a fault needs": (
        HEAD + "  - {id: a, fault: block_port, target: 1, for: 1s}\n",
        """\
p.yaml:5:5: "with" of block_port needs "port"
    5 |   - {id: a, fault: block_port, target: 1, for: 1s}
      |     ^""",
    ),
    "two documents": (
        "version: 1\n---\nversion: 1\n",
        """\
p.yaml:2:1: a file holds one plan; this is a second document
    2 | ---
      | ^""",
    ),
}


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_plan_is_told_with_place_line_caret_and_advice(text: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert str(caught.value) == told


FROM_EATS = "{from: {zone: eats}, to: 1, latency: 1ms}"
MESSAGES = {
    "neither size nor peers": ("ensemble: {}", 'needs either "size" or "peers"'),
    "both size and peers": ("ensemble: {size: 3, peers: [{id: 1}]}", 'either "size" or "peers"'),
    "only observers": ("ensemble: {peers: [{id: 1, role: observer}]}", "observers alone"),
    "peer twice": ("ensemble: {peers: [{id: 1}, {id: 1}]}", "peer 1 is here twice"),
    "group of a majority": ("ensemble: {peers: [{id: 1, group: 1}]}", "quorum: hierarchical"),
    "no group in a hierarchy": (
        "ensemble: {quorum: hierarchical, peers: [{id: 1}]}",
        "peer 1 needs a group",
    ),
    "no weight at all": (
        "ensemble: {quorum: weighted, peers: [{id: 1, weight: 0}]}",
        "no voter has weight",
    ),
    "default weight of a majority": (
        "ensemble: {size: 3, defaults: {weight: 2}}",
        "the defaults have a weight",
    ),
    "part of a millisecond": (
        "ensemble: {size: 3, timings: {tick: 1500us}}",
        '"tick" is a whole number of milliseconds',
    ),
    "back-off upside down": (
        "ensemble: {size: 3, timings: {notification: {first: 2s, max: 1s}}}",
        "first is longer than max",
    ),
    "unknown zone": (
        f"ensemble: {{peers: [{{id: 1, zone: east}}], links: {{pairs: [{FROM_EATS}]}}}}",
        'no peer is in zone "eats"; there is east',
    ),
    "link to nobody": (
        "ensemble: {size: 2, links: {pairs: [{from: 1, to: 9, latency: 1ms}]}}",
        "no peer has id 9; the ensemble is 1, 2",
    ),
    "link to itself": (
        "ensemble: {size: 2, links: {pairs: [{from: 1, to: 1, latency: 1ms}]}}",
        "names no link between two peers",
    ),
}


@pytest.mark.parametrize(("ensemble", "told"), MESSAGES.values(), ids=MESSAGES.keys())
def test_an_ensemble_that_does_not_fit_together(ensemble: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(f"version: 1\nname: p\n{ensemble}\nsteps: []\n", "p.yaml")
    assert told in str(caught.value)
    assert str(caught.value).startswith("p.yaml:3:")


def test_all_problems_are_told_in_one_go_in_the_order_of_the_text() -> None:
    text = (
        "version: 2\nname: 7\nensemble: {size: three}\n"
        "steps:\n  - {id: a, fault: puase}\n  - {wait: 3}\nmatrix: 1\nwhat: 1\n"
    )
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    places = [line.split(": ")[0] for line in str(caught.value).splitlines() if "p.yaml:" in line]
    assert places == [
        "p.yaml:1:10",
        "p.yaml:2:7",
        "p.yaml:3:18",
        "p.yaml:5:20",
        "p.yaml:6:5",
        "p.yaml:6:12",
        "p.yaml:7:9",
        "p.yaml:8:1",
    ]


def test_x_keys_and_comments_are_free() -> None:
    text = "version: 1\nname: p  # why\nensemble: {size: 3, x-a: 1}\nsteps: []\nx-b: {c: [1]}\n"
    assert load_plan(text, "p.yaml").name == "p"


def test_what_is_too_long_to_be_told_leaves_room_for_what_would_do() -> None:
    with pytest.raises(PlanError) as error:
        load_plan(HEAD.replace("name: p", f"name: {'x' * 9999}") + "  []\n", "p.yaml")
    message = str(error.value).splitlines()[0]
    assert len(message) < 1100
    assert message.startswith('p.yaml:2:7: "xxx')
    assert "characters … xxx" in message
    assert message.endswith("it has letters, digits, - and _, at most 64 of them")
