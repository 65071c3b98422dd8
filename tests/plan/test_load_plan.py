"""What a plan's text becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import actions as act
from chaos.election.ids import Sid, zxid_of
from chaos.ensemble import LinkSetup, QuorumKind
from chaos.errors import PlanError
from chaos.faults.network import Partition, Shape
from chaos.faults.processes import Kill, Restart
from chaos.faults.targets import Ambiguity, Between, Group, Name, Pick, Several, Sids, Word
from chaos.plan import model
from chaos.plan.load import load_plan
from chaos.plan.model import After, At, Edge, FaultStep, InOrder, Plan, Step, Wait, Where

MS = 1_000_000
ALL = """\
version: 1
name: everything
description: >
  Every part of the language
  that there is.
owner: me
tags: [one, two]
system: simulated
requires: [pause, links]
seed: 20260820
params: {pause_for: 8s, back_off: 1s}
ensemble:
  quorum: weighted
  peers:
    - {id: 1, zone: east, weight: 3, zxid: "0x200000003"}
    - {id: 2, zone: west, epoch: 4, accepted_epoch: 5}
    - {id: 3, zone: west, role: observer, config_version: 9}
  defaults: {zxid: "0x100000001", config_version: 7, weight: 2}
  timings:
    tick: 100ms
    init_limit: 20
    sync_limit: 4
    connect_timeout: 500ms
    finalize_wait: 150ms
    notification: {first: 100ms, max: "${back_off}"}
  links:
    default: {latency: 1ms}
    pairs:
      - {from: {zone: east}, to: {zone: west}, latency: 12ms, jitter: 2ms, direction: both}
      - {from: 2, to: [3], latency: 0ms}
  reconfig: false
steps:
  - id: up
    wait: {outcome: leader, seen_by: all, among: [1, 2], hold_for: 100ms}
    within: 10s
    otherwise: run
  - {id: warm, wait: {time: 500ms}, why: past synchronisation}
  - {id: stop, fault: pause, target: leader, if_ambiguous: skip, as: old, for: "${pause_for}"}
  - id: cut
    at: 2s
    fault: one_way
    target: {from: $old, to: {pick: 1, of: voters, except: [$old]}}
    with: {drop: reset}
    for: 1s
  - {id: again, after: cut, fault: kill, target: 2, confirm: optional}
  - {id: split, after: {step: cut, edge: ended, plus: 5ms}, fault: partition,
     with: {shape: minority}, for: 1s}
  - {id: heal, after: warm, release: [cut, stop]}
  - {id: quiet, wait: {outcome: no_leader, among: $old}, within: 1s}
  - {id: roles, wait: {outcome: {role: follower}, of: 2}, within: 1s}
invariants:
  - epoch_monotone
  - {name: both_quorums, except_after: [cut]}
expect:
  - {id: next, outcome: leader, among: {of: voters, except: $old}, after: stop, within: 3s}
  - {id: none, outcome: no_leader, among: $old, during: stop}
  - {id: gap, outcome: no_leader, between: [up, {step: stop, edge: ended, plus: 1ms}]}
  - {id: role, outcome: {role: follower}, of: $old, within: 5s, hold_for: 1s}
  - {id: same, outcome: same_leader, between: [next, up]}
  - {id: count, metric: rounds, max: 3}
  - {id: time, metric: election.total, of: stop, from: {step: stop}, max: 2s}
  - {id: mine, metric: election.peer, of: 2, max: 2s}
limits: {run_timeout: 90s}
x-notes: anything
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(ALL, "all.yaml")


def _step(plan: Plan, name: str) -> Step:
    return next(step for step in plan.steps if step.id == name)


def _harm(plan: Plan, name: str) -> FaultStep:
    verb = _step(plan, name).verb
    assert isinstance(verb, FaultStep)
    return verb


def test_the_head_of_a_plan(plan: Plan) -> None:
    assert (plan.name, plan.file, plan.text) == ("everything", "all.yaml", ALL)
    assert plan.description == "Every part of the language that there is."
    assert (plan.owner, plan.tags, plan.system) == ("me", ("one", "two"), "simulated")
    assert (plan.seed, plan.run_timeout_ns) == (20260820, 90_000 * MS)
    assert plan.requires == ("pause", "links")


def test_a_plan_needs_what_its_faults_and_its_requirements_need(plan: Plan) -> None:
    faults = {act.Pause, act.Resume, act.Block, act.Unblock, act.Kill}
    assert plan.needs == faults | {act.Slow, act.Lose, act.Clear}


def test_peers_have_their_own_values_then_the_defaults(plan: Plan) -> None:
    one, two, three = plan.ensemble.peers
    assert (one.weight, one.zxid, one.config_version, one.zone) == (3, zxid_of(2, 3), 7, "east")
    assert (one.current_epoch, one.accepted_epoch) == (2, 2)  # those of its zxid
    assert (two.weight, two.zxid) == (2, zxid_of(1, 1))
    assert (two.current_epoch, two.accepted_epoch) == (4, 5)
    assert (three.votes, three.config_version) == (False, 9)
    assert plan.ensemble.quorum is QuorumKind.WEIGHTED
    assert plan.ensemble.reconfig_enabled is False


def test_timings_are_milliseconds_and_ticks(plan: Plan) -> None:
    timings = plan.ensemble.timings
    assert (timings.tick_ms, timings.init_limit, timings.sync_limit) == (100, 20, 4)
    assert (timings.connect_ms, timings.finalize_ms) == (500, 150)
    assert (timings.notification_ms_min, timings.notification_ms_max) == (100, 1000)


def test_of_two_pairs_that_name_a_link_the_later_counts(plan: Plan) -> None:
    slow = 12 * MS, 2 * MS
    assert plan.ensemble.links == (
        LinkSetup(Sid(1), Sid(2), *slow),
        LinkSetup(Sid(1), Sid(3), *slow),
        LinkSetup(Sid(2), Sid(1), *slow),
        LinkSetup(Sid(3), Sid(1), *slow),
        LinkSetup(Sid(3), Sid(2), MS),
    )


def test_a_size_is_that_many_equal_voters() -> None:
    text = "version: 1\nname: p\nensemble: {size: 3, defaults: {zxid: 5}}\nsteps: []\n"
    ensemble = load_plan(text, "p.yaml").ensemble
    assert ensemble.sids == (1, 2, 3)
    assert {(peer.votes, peer.zxid) for peer in ensemble.peers} == {(True, 5)}


def test_waits(plan: Plan) -> None:
    up = _step(plan, "up").verb
    assert up == Wait(
        model.LeaderOutcome(Several((Sids((Sid(1),)), Sids((Sid(2),)))), "all"),
        10_000 * MS,
        100 * MS,
        model.Otherwise.RUN,
    )
    assert _step(plan, "warm").verb == Wait(model.Elapsed(500 * MS), 500 * MS)
    assert _step(plan, "warm").why == "past synchronisation"
    quiet, roles = _step(plan, "quiet").verb, _step(plan, "roles").verb
    assert isinstance(quiet, Wait)
    assert isinstance(roles, Wait)
    assert quiet.condition == model.NoLeaderOutcome(Name("old"))
    assert roles.condition == model.RoleOutcome("follower", Sids((Sid(2),)))


def test_faults_carry_their_step_id_and_their_target(plan: Plan) -> None:
    stop = _harm(plan, "stop")
    assert stop.target == Group(Word.LEADER, Ambiguity.SKIP)
    assert (stop.bind, stop.for_ns, stop.confirm) == ("old", 8_000 * MS, True)
    cut = _harm(plan, "cut")
    assert cut.fault.name == "cut"
    picked = Pick(Group(Word.VOTERS), 1, (Name("old"),))
    assert cut.target == Between(Name("old"), picked)
    assert _harm(plan, "again").fault == Kill("again", Restart.NEVER)
    assert _harm(plan, "again").confirm is False


def test_a_shape_chooses_the_target(plan: Plan) -> None:
    split = _harm(plan, "split")
    assert split.fault == Partition("split", Shape.MINORITY)
    assert split.target == Group(Word.MINORITY)


def test_a_moment_has_the_usual_edge_of_its_step(plan: Plan) -> None:
    assert _step(plan, "up").start == InOrder()
    assert _step(plan, "cut").start == At(2_000 * MS)
    assert _step(plan, "again").start == After("cut", Edge.STARTED)  # a fault: its begin
    assert _step(plan, "heal").start == After("warm", Edge.ENDED)  # a wait: its end
    assert _step(plan, "split").start == After("cut", Edge.ENDED, 5 * MS)


def test_steps_know_their_place(plan: Plan) -> None:
    line = ALL.splitlines().index("  - id: up") + 1
    assert _step(plan, "up").where == Where("all.yaml", line, 5)
    assert str(_step(plan, "up").where) == f"all.yaml:{line}:5"


def test_expectations(plan: Plan) -> None:
    found = {one.id: one for one in plan.expectations}
    voters = Pick(Group(Word.VOTERS), None, (Name("old"),))
    next_, none, gap = found["next"], found["none"], found["gap"]
    assert isinstance(next_, model.LeaderExpected)
    assert (next_.among, next_.within_ns) == (voters, 3_000 * MS)
    assert next_.after == After("stop", Edge.STARTED)
    assert isinstance(none, model.NoLeaderExpected)
    assert (none.since, none.until) == (After("stop", Edge.STARTED), After("stop", Edge.ENDED))
    assert isinstance(gap, model.NoLeaderExpected)
    assert (gap.since, gap.until) == (After("up", Edge.ENDED), After("stop", Edge.ENDED, MS))
    role, same = found["role"], found["same"]
    assert isinstance(role, model.RoleExpected)
    assert (role.role, role.of, role.hold_ns) == ("follower", Name("old"), 1_000 * MS)
    assert isinstance(same, model.SameLeaderExpected)
    assert (same.first, same.second) == ("next", "up")


def test_metrics_have_a_unit_and_an_owner(plan: Plan) -> None:
    found = {e.id: e for e in plan.expectations if isinstance(e, model.MetricExpected)}
    assert (found["count"].max, found["count"].unit, found["count"].of) == (3, "count", None)
    assert (found["time"].max, found["time"].unit, found["time"].of) == (2_000 * MS, "ns", "stop")
    assert found["time"].since == After("stop", Edge.STARTED)
    assert found["mine"].of == "peer 2"


def test_invariants_may_have_an_exception(plan: Plan) -> None:
    one, two = plan.invariants
    assert (one.name, one.except_after) == ("epoch_monotone", ())
    assert (two.name, two.except_after) == ("both_quorums", ("cut",))


SETTINGS = {
    "a key": ({"seed": "7"}, lambda plan: plan.seed == 7),
    "deep": ({"ensemble.timings.tick": "50ms"}, lambda plan: plan.ensemble.timings.tick_ms == 50),
    "a new key": ({"limits.run_timeout": "1m"}, lambda plan: plan.run_timeout_ns == 60_000 * MS),
    "a step by its id": (
        {"steps.stop.for": "1s"},
        lambda plan: _harm(plan, "stop").for_ns == 1_000 * MS,
    ),
    "a step by its number": (
        {"steps.2.for": "1s"},
        lambda plan: _harm(plan, "stop").for_ns == 1_000 * MS,
    ),
    "a parameter": (
        {"params.pause_for": "3s"},
        lambda plan: _harm(plan, "stop").for_ns == 3_000 * MS,
    ),
    "a whole mapping": (
        {"limits": "{run_timeout: 5s}"},
        lambda plan: plan.run_timeout_ns == 5_000 * MS,
    ),
}


@pytest.mark.parametrize(("settings", "holds"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_takes_the_place_of_a_value(settings: dict[str, str], holds: object) -> None:
    assert callable(holds)
    plan = load_plan(ALL, "all.yaml", settings)
    assert holds(plan)
    assert plan.overrides == tuple(settings.items())


WRONG_SETTINGS = {
    "no such step": ({"steps.stpo.for": "1s"}, 'did you mean "stop"?'),
    "no such room": ({"ensmble.size": "3"}, 'did you mean "ensemble"?'),
    "through a value": ({"seed.x": "3"}, 'there is no "x" in 20260820'),
    "unknown key": ({"ensemble.sise": "3"}, '"ensemble" has no key "sise"'),
    "bad value": ({"steps.stop.for": "1"}, "--set steps.stop.for=1:1:1: 1 has no unit"),
    "empty": ({"name": ""}, "a text is needed, not nothing"),
}


@pytest.mark.parametrize(("settings", "told"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS.keys())
def test_a_wrong_setting_is_told(settings: dict[str, str], told: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(ALL, "all.yaml", settings)
    assert told in str(caught.value)


def test_a_parameter_that_is_not_there_is_told_with_its_place() -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(ALL.replace("${pause_for}", "${paus_for}"), "all.yaml")
    assert 'no parameter is called "paus_for"; did you mean "pause_for"?' in str(caught.value)


def test_a_parameter_stands_alone() -> None:
    with pytest.raises(PlanError, match="stands alone"):
        load_plan(ALL.replace("owner: me", 'owner: "by ${pause_for}"'), "all.yaml")


@given(
    st.integers(min_value=0, max_value=len(ALL)),
    st.integers(min_value=0, max_value=12),
    st.text(alphabet="{}[]:,-$\"'&*!|>%#\t\n ab1~", max_size=6),
)
def test_a_damaged_plan_is_a_plan_or_a_plan_error(at: int, cut: int, put: str) -> None:
    text = ALL[:at] + put + ALL[at + cut :]
    try:
        plan = load_plan(text, "all.yaml")
    except PlanError as error:
        assert str(error).startswith("all.yaml:")  # noqa: PT017 - either outcome is right
    else:
        assert plan.text == text


def test_a_filter_without_of_is_of_all() -> None:
    text = "version: 1\nname: p\nensemble: {peers: [{id: 1, zone: east}, {id: 2}, {id: 3}]}\n"
    text += "steps:\n  - {id: a, fault: kill, target: %s}\n"
    alone, told = (
        load_plan(text % target, "p.yaml").every_step[0].verb
        for target in ("{zone: east}", "{of: all, zone: east}")
    )
    assert alone == told
