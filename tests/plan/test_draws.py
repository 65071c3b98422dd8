"""What a plan leaves open is drawn: from streams that no other step moves."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import PlanError
from chaos.faults.messages import Delay
from chaos.plan.draws import Draws, drawn
from chaos.plan.load import load_plan
from chaos.plan.model import FaultStep, Parallel, Plan, Random
from chaos.plan.ranges import Range, is_open, settled
from chaos.plan.words import sentence

HEAD = "version: 1\nname: story\nensemble: {size: 5}\nsteps:\n"
STEPS = """\
  - {id: slow, fault: delay, target: 1, with: {latency: 5ms..25ms, jitter: 1ms}, for: 1s..2s}
  - {id: lossy, fault: loss, target: 2, with: {percent: 5%..20%}, for: 1s}
  - {id: turn, fault: skew_logical_clock, target: 3, with: {by: 1..1000}}
  - id: both
    parallel:
      - {id: inner, fault: delay, target: 4, with: {latency: 1ms..9ms}, for: 1s}
  - id: noise
    random:
      count: 4
      every: 300ms..700ms
      choose:
        - weight: 3
          fault: delay
          target: {pick: 1, of: voters}
          with: {latency: 5ms..25ms}
          for: 1s
        - {weight: 1, fault: pause, target: {pick: 1, of: voters}, for: 200ms..300ms}
  - {id: again, fault: pause, target: 5, for: 100ms..900ms}
"""


def plan(steps: str = STEPS) -> Plan:
    return load_plan(HEAD + steps, "story.yaml")


def draws(seed: int) -> Draws:
    return Draws(lambda name: random.Random(f"{seed}/{name}"))


PLAN = plan()


def test_nothing_is_open_in_a_plan_that_was_drawn() -> None:
    assert is_open(PLAN.steps)
    done = drawn(PLAN, draws(1))
    faults = [verb for _, verb in done.faults]
    assert not any(is_open(verb) for verb in faults)
    noise = done.steps[4].verb
    assert isinstance(noise, Random)
    assert [step.id for step in noise.steps] == ["noise.1", "noise.2", "noise.3", "noise.4"]
    names = {step.verb.fault.name for step in noise.steps if isinstance(step.verb, FaultStep)}
    assert names == {step.id for step in noise.steps}, "blocks and delays go by it"


@given(st.integers(0, 2**31))
def test_a_draw_is_within_its_range(seed: int) -> None:
    done = drawn(PLAN, draws(seed))
    slow = done.steps[0].verb
    assert isinstance(slow, FaultStep)
    assert isinstance(slow.fault, Delay)
    assert 5_000_000 <= slow.fault.latency <= 25_000_000
    assert slow.for_ns is not None
    assert 1_000_000_000 <= slow.for_ns <= 2_000_000_000
    noise = done.steps[4].verb
    assert isinstance(noise, Random)
    gaps = [b - a for a, b in zip((0, *noise.offsets_ns), noise.offsets_ns, strict=False)]
    assert all(300_000_000 <= gap <= 700_000_000 for gap in gaps)


@given(st.integers(0, 2**31), st.integers(0, 5))
def test_one_step_less_leaves_every_other_draw_alone(seed: int, gone: int) -> None:
    less = replace(PLAN, steps=(*PLAN.steps[:gone], *PLAN.steps[gone + 1 :]))
    all_of, rest = draws(seed), draws(seed)
    kept = drawn(PLAN, all_of).steps
    assert drawn(less, rest).steps == (*kept[:gone], *kept[gone + 1 :])
    assert rest.made.items() <= all_of.made.items()


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_what_was_drawn_once_is_drawn_again_whatever_the_dice_say(one: int, other: int) -> None:
    first = draws(one)
    done = drawn(PLAN, first)
    second = replace(draws(other), earlier=first.made)
    assert drawn(PLAN, second) == done
    assert second.made == first.made


def test_each_number_has_a_stream_of_its_own() -> None:
    twins = plan(
        "".join(f"  - {{id: {name}, fault: pause, target: 1, for: 1s..9s}}\n" for name in "ab")
    )
    one, other = (step.verb for step in drawn(twins, draws(1)).steps)
    assert isinstance(one, FaultStep)
    assert isinstance(other, FaultStep)
    assert one.for_ns != other.for_ns
    noise = drawn(PLAN, draws(1)).steps[4].verb
    assert isinstance(noise, Random)
    gaps = {b - a for a, b in zip((0, *noise.offsets_ns), noise.offsets_ns, strict=False)}
    assert len(gaps) > 1


def test_weights_say_how_often() -> None:
    chosen = [
        step.verb.kind
        for seed in range(100)
        for step in drawn(PLAN, draws(seed)).steps[4].nested
        if isinstance(step.verb, FaultStep)
    ]
    assert 0.65 < chosen.count("delay") / len(chosen) < 0.85


def test_what_is_closed_stays_as_it_is() -> None:
    closed = plan("  - {id: stop, fault: pause, target: 1, for: 1s}\n").steps[0]
    assert settled(closed, "", lambda _, open_: open_) is closed


def test_two_ranges_are_the_same_if_both_ends_are() -> None:
    assert Range(1, 2) == Range(1, 2)
    assert Range(1, 2) != Range(1, 3)


def test_a_range_is_told_by_both_ends() -> None:
    told = [sentence(step) for step in PLAN.steps]
    assert "by 5ms to 25ms ± 1ms for 1s to 2s" in told[0]
    assert "lose 5 to 20 %" in told[1]
    assert "by +1 to +1000" in told[2]
    assert told[4].startswith("4 times, every 300ms to 700ms, by lot: delay")
    assert "(weight 3) or pause" in told[4]


def test_what_may_be_chosen_counts_among_what_a_plan_needs() -> None:
    assert [name for name, _ in PLAN.faults].count("noise") == 2
    nested = PLAN.steps[3].verb
    assert isinstance(nested, Parallel)


CHOOSE = "  - {id: x, random: {count: 2, every: 1s, choose: [%s]}}"
WRONG = {
    "a range that goes down": (
        "  - {id: x, fault: pause, target: 1, for: 2s..1s}",
        "story.yaml:5:43: 2s..1s does not go up; write 1s..2s, or one value",
    ),
    "a range without a unit": (
        "  - {id: x, fault: pause, target: 1, for: 1..2s}",
        "1 has no unit",
    ),
    "a range where nothing is drawn": (
        "  - {id: x, wait: {outcome: leader}, within: 1s..2s}",
        '1s..2s is a range; only the "with" and "for" of faults, and "every" are drawn',
    ),
    "a value that its end could not be": (
        "  - {id: x, fault: loss, target: 1, with: {percent: 50%..200%}, for: 1s}",
        '"200%" is no percentage',
    ),
    "nothing to choose from": (CHOOSE % "", 'random "x" has nothing to choose from'),
    "a choice without an end": (
        CHOOSE % "{fault: pause, target: 1}",
        "a choice has no end; add for: 500ms",
    ),
    "a choice without a target": (CHOOSE % "{fault: pause, for: 1s}", 'fault "x" needs "target"'),
    "a choice of a stranger": (
        CHOOSE % "{fault: pause, target: 9, for: 1s}",
        "no peer has id 9",
    ),
    "a choice that would be named": (
        CHOOSE % "{fault: pause, target: 1, for: 1s, as: old}",
        'a choice has no key "as"',
    ),
    "a choice with a slip": (
        CHOOSE % "{fault: pauze, target: 1, for: 1s}",
        'did you mean "pause"?',
    ),
    "no pause between them": (
        "  - {id: x, random: {count: 2, every: 0s, choose: [{fault: kill, target: 1}]}}",
        "knows no pause",
    ),
    "a release of what is drawn": (
        CHOOSE % "{fault: pause, target: 1, for: 1s}" + "\n  - {id: y, release: [x]}",
        'step "x" is no fault, so it cannot be released',
    ),
}


@pytest.mark.parametrize(("steps", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_drawn_is_told_with_its_place(steps: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan(steps)
    assert message in str(caught.value)
