"""Peers are asked what they are, and the ensemble becomes another one."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.errors import PlanError
from chaos.history.events import Acted
from chaos.plan.load import load_plan
from chaos.plan.words import sentence
from chaos.runner.rejudge import rejudge
from tests.runner.stage import HEAD, MS, Puppet, lead, plan

UP = "steps:\n  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}\n"


def story(steps: str) -> str:
    return UP + textwrap.indent(textwrap.dedent(steps), "  ")


def test_a_probe_is_done_when_every_answer_is_the_one_that_was_wanted(tmp_path: Path) -> None:
    led = lead(
        plan(
            story("""\
            - {id: stop, fault: pause, target: 1, for: 400ms}
            - {id: ask, probe: roles, target: all, equals: {reachable: true}, within: 2s}
            """)
        ),
        tmp_path,
    )
    assert led.step("ask").began_ns == led.step("stop").began_ns
    asked, stopped = led.step("ask").ended_ns, led.step("stop").ended_ns
    assert asked is not None
    assert stopped is not None
    assert stopped <= asked < stopped + 50 * MS
    assert led.step("ask").targets == (1, 2, 3)
    assert led.verdict("ask")[0] == "holds"


@pytest.mark.parametrize(
    ("otherwise", "outcome", "code"),
    [("fail", "failed", 1), ("skip", "skipped", 0), ("run", "done", 0)],
)
def test_a_probe_that_hears_something_else_does_as_it_was_told(
    tmp_path: Path, otherwise: str, outcome: str, code: int
) -> None:
    asks = "{id: ask, probe: roles, target: 3, equals: {role: follower}, within: 200ms"
    led = lead(plan(story(f"- {asks}, otherwise: {otherwise}}}")), tmp_path)
    assert led.step("ask").outcome == outcome
    assert "roles were" in led.step("ask").why
    assert led.result.exit_code == code


def test_a_change_is_done_when_a_quorum_has_adopted_it(tmp_path: Path) -> None:
    led = lead(
        plan(
            story("""\
            - {id: smaller, change: {remove: [1]}, within: 2s}
            - {id: larger, change: {add: [1]}, within: 2s}
            - {id: settled, wait: {outcome: leader, seen_by: all}, within: 9s}
            """)
        ),
        tmp_path,
    )
    assert led.result.exit_code == 0
    assert led.step("smaller").verb == "change"
    assert led.verdict("smaller")[1].startswith("adopted by a quorum")
    given = [one.action for _, one in led.history.every(Acted)]
    texts = [one.config for one in given if isinstance(one, act.Configure)]
    assert ["server.1=" in text for text in texts] == [False] * 3 + [True] * 3
    assert rejudge(led.folder).verdicts == led.result.verdicts


class Deaf(Puppet):
    """Its peers say that they took a configuration, and did not."""

    def apply(self, action: act.Action) -> act.Evidence:
        if isinstance(action, act.Configure):
            return act.Evidence(True, {})
        return super().apply(action)


def test_a_change_that_no_quorum_adopts_is_inconclusive(tmp_path: Path) -> None:
    changed = plan(story("- {id: smaller, change: {remove: [1]}, within: 500ms}"))
    led = lead(changed, tmp_path, system=Deaf(changed.ensemble))
    assert led.step("smaller").outcome == "inconclusive"
    assert "no quorum had version" in led.step("smaller").why
    assert led.result.exit_code == 3


def test_a_change_that_nobody_can_take_is_inconclusive(tmp_path: Path) -> None:
    led = lead(
        plan(
            story("""\
            - {id: end, fault: kill, target: all}
            - {id: smaller, change: {remove: [1]}, within: 500ms}
            """)
        ),
        tmp_path,
    )
    assert led.step("smaller").why == "no peer runs that could take a configuration"


def test_both_are_told_in_words() -> None:
    steps = plan(
        story("""\
        - {id: a, probe: roles, target: voters, equals: {role: looking}, within: 1s}
        - {id: b, probe: roles, target: 2, equals: {reachable: false}, within: 1s}
        - {id: c, change: {remove: [1], observers: [2]}, within: 5s}
        """)
    ).steps
    assert [sentence(step) for step in steps[1:]] == [
        "ask all voters until all are looking, at most 1s",
        "ask peer 2 until all are unreachable, at most 1s",
        "reconfigure the ensemble: peer 1 gone, peer 2 observing; a quorum adopts it within 5s",
    ]


PROBE = "- {id: x, probe: %s, target: 1, equals: %s, within: 1s}"
WRONG = {
    "another question": (PROBE % ("rolls", "{role: leader}"), 'did you mean "roles"?'),
    "no answer": (PROBE % ("roles", "{}"), '"equals" has one of the two'),
    "two answers": (
        PROBE % ("roles", "{role: leader, reachable: true}"),
        '"equals" has one of the two',
    ),
    "a role with a slip": (PROBE % ("roles", "{role: folower}"), 'did you mean "follower"?'),
    "no time": (
        "- {id: x, probe: roles, target: 1, equals: {reachable: true}}",
        'a probe step needs "within"',
    ),
    "nothing changed": ("- {id: x, change: {}, within: 1s}", "this changes nothing"),
    "a peer twice": (
        "- {id: x, change: {remove: [1], observers: [1]}, within: 1s}",
        "peer 1 is here twice: what becomes of it?",
    ),
    "a stranger": ("- {id: x, change: {add: [9]}, within: 1s}", "no peer has id 9"),
    "weights of a majority": (
        "- {id: x, change: {weights: {1: 2}}, within: 1s}",
        "a majority counts heads; weights need quorum: weighted",
    ),
    "no voter left": (
        "- {id: x, change: {remove: [1, 2, 3]}, within: 1s}",
        "this configuration would have no voter",
    ),
    "a change with a slip": (
        "- {id: x, change: {removes: [1]}, within: 1s}",
        'did you mean "remove"?',
    ),
}


@pytest.mark.parametrize(("steps", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_its_place(steps: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(HEAD + story(steps), "story.yaml")
    assert message in str(caught.value)
    assert "story.yaml:6:" in str(caught.value)
