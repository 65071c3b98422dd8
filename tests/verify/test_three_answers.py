"""Every check that is registered can fail, can hold, and knows when it cannot judge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import pytest

from chaos.history.history import History
from chaos.verify import foreign
from chaos.verify.checks import ALWAYS
from chaos.verify.docket import Law
from chaos.verify.ends import EndsAsTold
from chaos.verify.expectations import Expectation
from chaos.verify.verdict import Check, Kind, Outcome, Verdict
from tests.verify.answers import ANSWERS, OUTSIDE, Answers
from tests.verify.test_expectations import LEADERS, OTHERS

REGISTERED: dict[str, Check] = {check.name: check for check in (*ALWAYS, EndsAsTold())}
ASKED = ("fails", "holds", "unknown")


def without_a_row(checks: Iterable[Check], answers: Mapping[str, Answers]) -> set[str]:
    """The names of those for which nobody has shown all three."""
    return {check.name for check in checks} - set(answers)


class Untried:
    """A check that somebody registers, and shows no history for."""

    name = "untried"

    def check(self, history: History) -> Verdict:
        """It holds whatever happened."""
        return Verdict(self.name, Kind.INVARIANT, Outcome.HOLDS, f"{len(history.events)} events")


def test_every_registered_check_has_its_three_histories() -> None:
    assert without_a_row(REGISTERED.values(), ANSWERS) == set()
    assert set(ANSWERS) - set(REGISTERED) == set(), "rows of checks that are gone"


def test_a_check_that_is_registered_without_them_is_named() -> None:
    assert without_a_row((*REGISTERED.values(), Untried()), ANSWERS) == {"untried"}


def test_every_law_is_a_registered_check() -> None:
    assert {law.value for law in Law} - {check.name for check in ALWAYS} == set()


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", REGISTERED)
def test_a_check_gives_each_answer(name: str, asked: str) -> None:
    demand(REGISTERED[name], ANSWERS[name], asked)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_law_gives_each_answer_of_servers_without_a_journal(name: str, asked: str) -> None:
    demand(REGISTERED[name], OUTSIDE[name], asked)


def demand(check: Check, answers: Answers, asked: str) -> None:
    """``check`` answers so, and shows why."""
    match asked:
        case "fails":
            verdict = check.check(answers.fails())
            assert verdict.outcome is Outcome.FAILS, verdict
            assert verdict.evidence, "nothing shows it"
        case "holds":
            verdict = check.check(answers.holds())
            assert verdict.outcome is Outcome.HOLDS, verdict
            assert verdict.judged > 0, "nothing was judged"
        case _:
            verdict = check.check(answers.unknown())
            assert verdict.outcome is Outcome.UNKNOWN, verdict
            assert answers.doubt in verdict.summary, "it does not say what is missing"
            assert answers.doubt


def test_every_law_that_is_judged_from_outside_has_its_three_histories() -> None:
    (folder,) = foreign.__path__
    text = "".join(path.read_text() for path in sorted(Path(folder).glob("*.py")))
    judged = {Law[name].value for name in re.findall(r"\bLaw\.([A-Z_]+)", text)}
    assert judged == set(OUTSIDE)


def test_every_kind_of_expectation_has_its_three_cases() -> None:
    shown: dict[type, set[Outcome]] = {}
    for expected, outcome in (*LEADERS.values(), *OTHERS.values()):
        shown.setdefault(type(expected), set()).add(outcome)
    wanted = {Outcome.FAILS, Outcome.HOLDS, Outcome.UNKNOWN}
    assert {kind: wanted - shown.get(kind, set()) for kind in get_args(Expectation)} == {
        kind: set() for kind in get_args(Expectation)
    }
