"""Frames that a fault changed: exactly those are nobody's word, and nothing else is excused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election.effects import Deliver, PersistConfig
from chaos.history.events import Acted, Event, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.forged import Answerable, forged
from chaos.verify.verdict import Kind, Outcome, Verdict
from tests.sim.test_simulated_harms import ALL, EVERYWHERE, harmed

SUPPORT, ORIGIN, BOUNDS = (
    INVARIANTS[name]
    for name in ("leader_has_quorum_support", "votes_have_an_origin", "stays_within_bounds")
)
TORN = History.of(harmed(act.Corrupt("x", EVERYWHERE, ALL), 2)[0].events)
TWICE = History.of(harmed(act.Duplicate("x", EVERYWHERE, ALL))[0].events)


def changed(history: History, change: Callable[[Event], Event | None]) -> History:
    kept = (change(event) for event in history.events)
    return History(tuple(event for event in kept if event is not None))


def test_a_vote_that_a_fault_changed_is_held_against_nobody() -> None:
    assert forged(TORN).ballots
    assert SUPPORT.check(TORN).outcome is Outcome.HOLDS
    assert ORIGIN.check(TORN).outcome is not Outcome.FAILS  # it may be that none was passed on


def test_the_same_votes_are_breaches_where_no_frame_is_marked() -> None:
    def unmarked(event: Event) -> Event:
        return replace(event, corrupted_by="", byte=-1) if isinstance(event, Wrote) else event

    plain = changed(TORN, unmarked)
    assert not forged(plain).ballots
    assert SUPPORT.check(plain).outcome is Outcome.FAILS
    assert ORIGIN.check(plain).outcome is Outcome.FAILS


def _twice(*, copied_by: str) -> Callable[[Event], Event]:
    def rename(event: Event) -> Event:
        if isinstance(event, Wrote) and event.copied_by:
            return replace(event, copied_by=copied_by)
        return event

    return rename


def _never(event: Event) -> Event | None:
    asked = isinstance(event, Acted) and isinstance(event.action, act.Duplicate)
    return None if asked else event


def _elsewhere(event: Event) -> Event:
    """A copy that says it repeats what another link was told."""
    if isinstance(event, Wrote) and event.copied_by:
        return replace(event, step=event.step + 1)
    return event


WRONG = {
    "on nobody's account": (_twice(copied_by=""), "wrote one message twice to peer"),
    "on account of another fault": (_twice(copied_by="y"), "y, which never was in place"),
    "of a fault that never was": (_never, "x, which never was in place"),
    "of another message": (_elsewhere, "x, another message came between"),
}


def test_a_duplicate_that_a_fault_asked_for_is_no_breach() -> None:
    assert BOUNDS.check(TWICE).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("change", "why"), WRONG.values(), ids=WRONG.keys())
def test_any_other_second_writing_is(change: Callable[[Event], Event | None], why: str) -> None:
    verdict = BOUNDS.check(changed(TWICE, change))
    assert verdict.outcome is Outcome.FAILS
    assert why in verdict.summary


# ---- a configuration that nobody wrote

TEXT = "server.1=h:1:2\nversion=9"


def adopted(*, marked: bool) -> tuple[History, int]:
    """The first vote that is heard brings a configuration, which is taken; the event of that."""
    at, step = next(
        (index, step) for index, step in TWICE.every(Stepped) if isinstance(step.happened, Deliver)
    )
    heard = step.happened
    assert isinstance(heard, Deliver)
    read = replace(heard, notification=replace(heard.notification, config=TEXT))
    taken = replace(step, happened=read, effects=(PersistConfig(TEXT, active=True), *step.effects))
    events = list(TWICE.events)
    events[at] = taken
    for index, event in enumerate(events):
        named = isinstance(event, Wrote) and (event.sid, event.link, event.frame) == (
            heard.sender,
            heard.link,
            heard.frame,
        )
        if marked and named and isinstance(event, Wrote):
            events[index] = replace(event, corrupted_by="torn", byte=60)
    return History(tuple(events)), at


class Broken:
    """A law that is broken by the event ``at``."""

    name = "broken"

    def __init__(self, at: int) -> None:
        self._at = at

    def check(self, history: History) -> Verdict:
        """It fails."""
        del history
        return Verdict(self.name, Kind.INVARIANT, Outcome.FAILS, "it is", (self._at,), 1)


AFTER = {"before it": (-1, Outcome.FAILS), "after it": (1, Outcome.UNKNOWN)}


@pytest.mark.parametrize(("later", "outcome"), AFTER.values(), ids=AFTER.keys())
def test_what_follows_a_forged_configuration_is_unknown(later: int, outcome: Outcome) -> None:
    history, at = adopted(marked=True)
    assert (forged(history).since, forged(history).fault) == (at, "torn")
    verdict = Answerable(Broken(at + later)).check(history)
    assert verdict.outcome is outcome
    assert ("what torn did to a message" in verdict.summary) is (outcome is Outcome.UNKNOWN)


def test_a_configuration_that_somebody_sent_excuses_nothing() -> None:
    history, at = adopted(marked=False)
    assert forged(history).since is None
    assert Answerable(Broken(at + 1)).check(history).outcome is Outcome.FAILS
