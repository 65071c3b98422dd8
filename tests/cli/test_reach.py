"""Which steps are refused because a peer is a ZooKeeper server, before anything starts."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.cli.drivers import Driver
from chaos.cli.reach import beyond_reach
from chaos.election.ids import Sid
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.plan.names import ABILITIES
from chaos.systems.mixed import supported
from chaos.systems.simulated import Simulated

CLOCK = "fault: skew_logical_clock, with: {by: 1}"
BUMP = "fault: bump_config_version, with: {by: 1}"
PROPOSE = "fault: bump_config_version, with: {by: 1, activate: false}"
EPOCH = "fault: skew_peer_epoch, with: {current: {by: 1}}"
PAUSE = "fault: pause, for: 1s"
SLOW = "fault: delay, with: {latency: 1ms}, for: 1s"
HARMS = (
    "fault: duplicate, with: {percent: 5%}, for: 1s",
    "fault: reorder, with: {percent: 5%}, for: 1s",
    "fault: corrupt, with: {percent: 5%}, for: 1s",
    "fault: throttle, with: {rate: 1KiB/s}, for: 1s",
    "fault: slice, with: {size: 9}, for: 1s",
)
ALL = (1, 2, 3, 4)
MIXED = (2, 4)

CASES = {
    "ours by name": (CLOCK, "[1, 3]", MIXED, ""),
    "theirs by name": (CLOCK, "[1, 2]", MIXED, "to server 2"),
    "everybody": (CLOCK, "all", MIXED, "to server 2"),
    "voters": (CLOCK, "voters", MIXED, "to server 2"),
    "the only observer": (CLOCK, "observers", MIXED, "to server 4"),
    "followers: the only voter of theirs may lead": (CLOCK, "followers", MIXED, ""),
    "followers: one of two follows": (CLOCK, "followers", (1, 2), "to server 1"),
    "the leader may be ours": (CLOCK, "leader", MIXED, ""),
    "a draw may meet ours": (CLOCK, "{pick: 1, of: all}", MIXED, ""),
    "all but theirs": (CLOCK, "{of: all, except: [2, 4]}", MIXED, ""),
    "all but one of theirs": (CLOCK, "{of: all, except: [2]}", MIXED, "to server 4"),
    "those that run ours": (CLOCK, "{of: all, runs: chaos}", MIXED, ""),
    "those that run ours, where nobody does": (
        PAUSE,
        "{pick: 1, of: all, runs: chaos}",
        ALL,
        "asks for peers that run chaos, and there are none",
    ),
    "likewise, among others": (PAUSE, "[1, {of: all, runs: chaos}]", ALL, "run chaos"),
    "those that run theirs, where nobody does": (
        PAUSE,
        "{of: {of: all, runs: zookeeper}, except: [2]}",
        (),
        "run zookeeper",
    ),
    "a configuration beside ours": (BUMP, "all", MIXED, "runs: chaos"),
    "a configuration among themselves": (BUMP, "all", ALL, ""),
    "a configuration in advance": (PROPOSE, "all", ALL, "in advance"),
    "a slow link of ours": (SLOW, "{from: 1, to: 2}", MIXED, ""),
    "slow links of ours, and back": (SLOW, "1", MIXED, "server 2: it holds no message back"),
    **{
        f"{harm.split()[1]} what ours send": (harm, "{from: [1, 3], to: all}", MIXED, "")
        for harm in HARMS
    },
    **{
        f"{harm.split()[1]} what all send": (harm, "1", MIXED, "to server 2: its messages go as")
        for harm in HARMS
    },
    "a file can be changed": (EPOCH, "2", MIXED, ""),
    "whatever is done from outside": (PAUSE, "all", ALL, ""),
    "nobody is foreign": (CLOCK, "all", (), ""),
}


def plan(what: str, target: str) -> Plan:
    return load_plan(
        f"""
version: 1
name: reach
ensemble:
  peers: [{{id: 1}}, {{id: 2}}, {{id: 3}}, {{id: 4, role: observer}}]
steps:
  - {{id: up, wait: {{outcome: leader}}, within: 5s}}
  - {{id: it, {what}, target: {target}}}
""",
        "reach.yaml",
    )


@pytest.mark.parametrize(("what", "target", "foreign", "why"), CASES.values(), ids=CASES.keys())
def test_a_step_is_refused_where_it_surely_meets_a_server_that_cannot(
    what: str, target: str, foreign: tuple[int, ...], why: str
) -> None:
    found = beyond_reach(plan(what, target), [Sid(sid) for sid in foreign])
    assert why in found
    assert bool(found) is bool(why)
    assert "step it" in found or not found


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.split()[1])
def test_servers_alone_harm_no_message(harm: str) -> None:
    def make(*_: object) -> Simulated:
        raise AssertionError("nothing is started")

    alone, beside = (Driver(supported(name), make, on_host=True) for name in ("zookeeper", "mixed"))
    kind = harm.split()[1].strip(",")
    assert alone.lacks(plan(harm, "all")) == f"cannot do step it ({kind})"
    assert beside.lacks(plan(harm, "all")) == ""


GATED = """
version: 1
name: gated
ensemble: {size: 3}
steps:
  - {id: at-vote, when: {event: decided, mode: MODE}, within: 1s, fault: kill, target: 1}
"""


def test_a_gate_is_refused_where_nobody_can_be_held() -> None:
    def make(*_: object) -> Simulated:
        raise AssertionError("nothing is started")

    free = Driver(act.EVERY_ACTION - {act.Hold, act.LetGo}, make, on_host=True)
    gated, watched, either = (
        load_plan(GATED.replace("MODE", mode), "p.yaml")
        for mode in ("gate", "observe", "gate_or_observe")
    )
    assert free.lacks(gated).startswith("cannot do step at-vote (a gate: none of its servers can")
    assert free.lacks(watched) == free.lacks(either) == ""


def test_a_fault_that_is_required_and_cannot_be_done_is_the_reason() -> None:
    def make(*_: object) -> Simulated:
        raise AssertionError("nothing is started")

    def lacks(word: str, kinds: frozenset[type[act.Action]]) -> str:
        text = GATED.replace("steps:", f"requires: [{word}]\nsteps:").replace("MODE", "observe")
        return Driver(act.EVERY_ACTION - kinds, make, on_host=True).lacks(load_plan(text, "p.yaml"))

    assert lacks("pause", frozenset({act.Pause})) == "cannot do pause, which the plan requires"
    assert lacks("delay", frozenset({act.Slow})) == "cannot do delay, which the plan requires"
    assert lacks("disk_full", frozenset({act.SpoilDisk})).startswith("cannot do disk_full")
    assert lacks("terminate", frozenset({act.Launch, act.Pause})) == ""


@pytest.mark.parametrize("word", ABILITIES)
def test_an_ability_asks_for_something(word: str) -> None:
    assert ABILITIES[word]
