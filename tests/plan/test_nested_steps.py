"""Steps inside steps: what they may refer to, and what is said of them."""

from __future__ import annotations

import textwrap

import pytest

from chaos.errors import PlanError
from chaos.plan.load import load_plan
from chaos.plan.model import Note, Parallel
from chaos.plan.words import sentence

HEAD = "version: 1\nname: story\nensemble: {size: 3}\n"

WRONG = {
    "an empty list": (
        "steps:\n  - {id: x, parallel: []}",
        'parallel "x" holds no steps',
    ),
    "an id that is taken": (
        """\
        steps:
          - {id: a, note: hello}
          - {id: x, parallel: [{id: a, note: hello}]}
        """,
        'story.yaml:6:29: the id "a" is taken',
    ),
    "the id of the step around it": (
        "steps:\n  - {id: x, parallel: [{id: x, note: hello}]}",
        'the id "x" is taken',
    ),
    "a wait for the whole": (
        "steps:\n  - {id: x, parallel: [{id: a, after: x, note: hello}]}",
        'step "x" does not come before this',
    ),
    "a later neighbour": (
        "steps:\n  - {id: x, parallel: [{id: a, after: b, note: hi}, {id: b, note: hi}]}",
        'step "b" does not come before this',
    ),
    "two verbs": (
        "steps:\n  - {id: x, note: hello, parallel: [{id: a, note: hello}]}",
        "a step has one verb, and this has note and parallel",
    ),
    "a verb with a slip": (
        "steps:\n  - {id: x, paralel: [{id: a, note: hello}]}",
        'did you mean "parallel"?',
    ),
    "a fault that nothing ends": (
        "steps:\n  - {id: x, parallel: [{id: a, fault: pause, target: 1}]}",
        'fault "a" has no end',
    ),
    "a release of no fault": (
        "steps:\n  - {id: x, parallel: [{id: a, note: hi}]}\n  - {id: b, release: [x]}",
        'step "x" is no fault, so it cannot be released',
    ),
    "a note without words": ("steps:\n  - {id: x, note: 7}", "a text is needed, not 7"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_in_a_nested_step_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(HEAD + textwrap.dedent(text), "story.yaml")
    assert message in str(caught.value)


def test_nested_steps_are_steps() -> None:
    plan = load_plan(
        HEAD
        + textwrap.dedent("""\
        steps:
          - id: x
            parallel:
              - {id: a, fault: pause, target: 1, as: old, for: 1s}
              - {id: y, parallel: [{id: b, note: hello}]}
          - {id: c, fault: kill, target: $old}
        """),
        "story.yaml",
    )
    assert [step.id for step in plan.every_step] == ["x", "a", "y", "b", "c"]
    assert [name for name, _ in plan.faults] == ["a", "c"]
    outer, last = plan.steps
    assert isinstance(outer.verb, Parallel)
    assert sentence(outer) == "begin together: a, y"
    inner = plan.every_step[3]
    assert inner.verb == Note("hello")
    assert sentence(inner) == "note: hello"
    assert last.nested == ()
