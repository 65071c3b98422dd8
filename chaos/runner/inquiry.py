"""Asks somebody outside about peers, again and again, until every answer is the one wanted."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from chaos.actions import Ask
from chaos.election.ids import Sid
from chaos.history.answers import Answered, answer
from chaos.history.events import Event
from chaos.plan.model import Question
from chaos.runner.log import StepLog
from chaos.runner.pending import Moment, Pending
from chaos.runner.scene import Ended, Scene

_PAUSE_NS: Final = 200_000_000  # between an answer that is not the one, and the next question
_GRACE_NS: Final = 5_000_000_000  # for an answer that says that there was none


class _Answers(Pending):
    """Until everybody has answered question ``number``; at most ``until_ns``."""

    def __init__(self, step: str, number: int, of: tuple[Sid, ...], until_ns: int) -> None:
        self.found: dict[Sid, Answered] = {}
        self._key = (step, number)
        self._of = frozenset(of)
        self._until_ns = until_ns
        self._up = False

    @property
    def due_ns(self) -> int | None:
        """When it is given up."""
        return self._until_ns

    def heard(self, event: Event) -> None:
        """One more answer."""
        if isinstance(event, Answered) and (event.step, event.number) == self._key:
            self.found[event.sid] = event

    def passed(self, now_ns: int) -> None:
        """Whether its time is up."""
        self._up = now_ns >= self._until_ns

    def over(self, now_ns: int) -> bool:
        """All are there, or time is up."""
        del now_ns
        return self._up or self.found.keys() >= self._of


def inquire(
    scene: Scene, log: StepLog, question: Question, until_ns: int
) -> Generator[Pending, None, str]:
    """Ask about every target of the step until ``until_ns``; why it is not so, empty if it is.

    Raises:
        Ended: nobody could be sent to ask.
    """
    number = 0
    while True:
        number += 1
        left_ns = max(_PAUSE_NS, until_ns - scene.now_ns)
        answers = _Answers(log.step.id, number, log.targets, scene.now_ns + left_ns + _GRACE_NS)
        for sid in log.targets:
            _ask(scene, log, Ask(log.step.id, sid, number, left_ns, question.argv, question.url))
        yield answers
        for sid, one in answers.found.items():
            log.evidence[f"peer {sid}"] = answer(one)
        wrong = _wrong(question, answers.found, log.targets)
        if not wrong:
            return ""
        if scene.now_ns + _PAUSE_NS >= until_ns:
            return wrong
        yield Moment(scene.now_ns + _PAUSE_NS)


def _ask(scene: Scene, log: StepLog, action: Ask) -> None:
    """It does nothing to the ensemble, so that the history has only the answer."""
    evidence = scene.system.apply(action)
    if evidence.bit is False:
        scene.end(log, "inconclusive", f"nobody could ask: {evidence.facts.get('error', '')}")
        raise Ended(log.step.id)


def _wrong(question: Question, found: dict[Sid, Answered], of: tuple[Sid, ...]) -> str:
    """The first peer of which the answer is another one."""
    for sid in of:
        one = found.get(sid)
        if one is None:
            return f"no answer about peer {sid}"
        if not _is(question, one):
            return f"about peer {sid}: {answer(one)}"
    return ""


def _is(question: Question, one: Answered) -> bool:
    if one.status is None:
        return False
    if question.status is not None and one.status != question.status:
        return False
    return question.text is None or one.text.strip() == question.text.strip()
