"""Somebody outside is asked about peers until every answer is the one that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from chaos.actions import EVERY_ACTION, Action, Ask, Evidence
from chaos.cli.drivers import DRIVERS
from chaos.errors import PlanError
from chaos.history.answers import Answered
from chaos.history.events import Event
from chaos.plan.load import load_plan
from chaos.plan.words import sentence
from chaos.runner.rejudge import rejudge
from tests.runner.stage import HEAD, MS, Led, Puppet, lead, plan

UP = "steps:\n  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}\n"
ASK = UP + (
    "  - {id: ask, probe: {command: [check]}, target: [1, 2],"
    " equals: {%s}, within: 1s, otherwise: %s}\n"
)
Answers = Mapping[int, tuple[int | None, str]]  # by the number of the question


class Asked(Puppet):
    """Somebody answers about peer 2 as ``script`` says, and about others at once as wanted."""

    supports = EVERY_ACTION
    script: Answers = MappingProxyType({})  # each test gives its own
    deaf = False

    def advance(self, until_ns: int) -> Iterator[Event]:
        """What its peers do, and who has answered meanwhile."""
        waiting: list[Event] = self.__dict__.setdefault("waiting", [])
        for event in super().advance(until_ns):
            yield event
            while waiting and waiting[0].at_ns <= event.at_ns:
                yield waiting.pop(0)
        while waiting and waiting[0].at_ns <= self.now_ns:
            yield waiting.pop(0)

    def apply(self, action: Action) -> Evidence:
        """Take a question down; the answer comes 50 ms later."""
        if not isinstance(action, Ask):
            return super().apply(action)
        self.applied.append(action)
        if self.deaf:
            return Evidence(False, {"error": "no more processes"})
        status, text = self.script.get(action.number, (0, "ok")) if action.sid == 2 else (0, "ok")
        why = "" if status is not None else "no page"
        told = Answered(
            self.now_ns + 50 * MS, self.now_ns, "ask", action.sid, action.number, status, text, why
        )
        self.__dict__.setdefault("waiting", []).append(told)
        return Evidence(True, {"pid": 1})


def ran(
    out: Path, script: Answers, equals: str = "status: 0, stdout: ok", otherwise: str = "fail"
) -> Led:
    story = plan(ASK % (equals, otherwise))
    system = Asked(story.ensemble)
    system.script = script
    return lead(story, out, system=system)


def questions(led: Led) -> list[tuple[int, int]]:
    return [(one.number, one.sid) for one in led.system.applied if isinstance(one, Ask)]


def test_it_is_done_when_every_answer_is_the_one(tmp_path: Path) -> None:
    led = ran(tmp_path, {1: (1, "no"), 2: (None, "")})
    assert questions(led) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert led.step("ask").outcome == "done"
    assert led.step("ask").evidence["peer 2"] == 'status 0, "ok"'
    assert led.result.exit_code == 0, led.result.headline
    verdict = next(one for one in led.result.verdicts if one.name == "ask")
    shown = [led.history.events[index] for index in verdict.evidence]
    assert [(one.number, one.sid) for one in shown if isinstance(one, Answered)] == [(3, 1), (3, 2)]
    assert rejudge(led.folder).verdicts == led.result.verdicts


WRONG_ANSWERS: dict[str, tuple[tuple[int | None, str], str, str]] = {
    "another status": ((7, "ok"), "status: 0", 'about peer 2: status 7, "ok" within 1s'),
    "another text": ((0, "no"), "stdout: ok", 'about peer 2: status 0, "no" within 1s'),
    "none": ((None, ""), "stdout: ok", "about peer 2: no page within 1s"),
}


@pytest.mark.parametrize(("said", "equals", "why"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_another_answer_fails_when_time_is_up(
    said: tuple[int | None, str], equals: str, why: str, tmp_path: Path
) -> None:
    led = ran(tmp_path, dict.fromkeys(range(1, 99), said), equals)
    assert led.result.exit_code == 1
    assert led.step("ask").why == why
    failing = next(one for one in led.result.verdicts if one.name == "ask")
    assert failing.signature == "probe.timeout@ask"
    assert max(number for number, _ in questions(led)) in (4, 5), "each 200 ms after an answer"


@pytest.mark.parametrize(("otherwise", "outcome"), [("skip", "skipped"), ("run", "done")])
def test_it_goes_on_as_it_was_told(otherwise: str, outcome: str, tmp_path: Path) -> None:
    led = ran(tmp_path, dict.fromkeys(range(1, 99), (1, "")), "status: 0", otherwise)
    assert led.result.exit_code == 0
    assert led.step("ask").outcome == outcome


def test_where_nobody_can_be_sent_to_ask_it_is_inconclusive(tmp_path: Path) -> None:
    story = plan(ASK % ("status: 0", "fail"))
    system = Asked(story.ensemble)
    system.deaf = True
    led = lead(story, tmp_path, system=system)
    assert led.result.exit_code == 3
    assert led.step("ask").why == "nobody could ask: no more processes"


def test_a_simulation_refuses_it_with_the_reason() -> None:
    story = plan(ASK % ("status: 0", "fail"))
    assert DRIVERS["simulated"]().lacks(story) == (
        "cannot do step ask (probe: nobody can be asked where the peers have no address)"
    )
    assert DRIVERS["processes"]().lacks(story) == ""


def test_it_is_told_in_words() -> None:
    page = UP + (
        '  - {id: b, probe: {http: "http://{address}/x"}, target: 2,'
        ' equals: {status: 200, body: "yes\\n"}, within: 1s}\n'
    )
    assert sentence(plan(ASK % ("status: 0", "fail")).steps[1]) == (
        "run check for peers 1 and 2 until all answer status 0, at most 1s"
    )
    assert sentence(plan(page).steps[1]) == (
        'get http://{address}/x for peer 2 until all answer status 200 and "yes", at most 1s'
    )


PROBE = "- {id: x, probe: %s, target: 1, equals: %s, within: 1s}"
WRONG = {
    "both": (PROBE % ('{command: [a], http: "http://x"}', "{status: 0}"), "by a command or by"),
    "neither": (PROBE % ("{command: []}", "{status: 0}"), "by a command or by"),
    "no page": (PROBE % ('{http: "x:80"}', "{status: 200}"), "is no page; write"),
    "a strange place": (
        PROBE % ('{http: "http://{host}/"}', "{status: 200}"),
        "{host} means nothing here; {address} and {sid} do",
    ),
    "a role of a command": (PROBE % ("{command: [a]}", "{role: leader}"), "has status, stdout"),
    "a body of a command": (PROBE % ("{command: [a]}", '{body: "x"}'), "has status, stdout"),
    "an output of a page": (PROBE % ('{http: "http://x"}', '{stdout: "x"}'), "has status, body"),
    "a status of roles": (PROBE % ("roles", "{status: 0}"), '"equals" has one of the two'),
    "a number for a text": (PROBE % ("{command: [a, 1]}", "{status: 0}"), 'quote it: "1"'),
}


@pytest.mark.parametrize(("step", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_its_place(step: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(f"{HEAD}{UP}  {step}\n", "story.yaml")
    assert message in str(caught.value)
    assert "story.yaml:6:" in str(caught.value)
