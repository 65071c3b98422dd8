"""Frames that a fault changed: exactly those are nobody's word, and nothing else is excused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election.effects import Deliver, PersistConfig
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification
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


def test_a_vote_that_a_fault_seenis_held_against_nobody() -> None:
    assert forged(TORN).ballots
    assert SUPPORT.check(TORN).outcome is Outcome.HOLDS
    assert ORIGIN.check(TORN).outcome is not Outcome.FAILS  # it may be that none was passed on


def test_a_verdict_says_how_much_it_left_out() -> None:
    assert "left out, of which a fault had changed a byte" in SUPPORT.check(TORN).summary
    assert "left out" not in SUPPORT.check(TWICE).summary


LINK, ONE = "a>b", Sid(1)
OTHER = replace(next(event for _, event in TWICE.every(Wrote)), link=LINK, sid=ONE)


def frames(byte: int) -> History:
    """Four frames, of which the second is changed in ``byte``; then two on the same ports again."""
    first = [replace(OTHER, at_ns=10 + n, frame=n) for n in range(4)]
    first[1] = replace(first[1], corrupted_by="torn", byte=byte)
    return History((*first, *(replace(OTHER, at_ns=50 + n, frame=n) for n in range(2))))


TAINTED = {
    "of its content": (4, {1}),
    "of the last byte of its length": (3, {1, 2, 3}),
    "of the first": (0, {1, 2, 3}),
}


@pytest.mark.parametrize(("byte", "frames_"), TAINTED.values(), ids=TAINTED.keys())
def test_a_byte_of_the_length_taints_what_is_read_behind_it(byte: int, frames_: set[int]) -> None:
    seen = forged(frames(byte))
    vote = Notification(0, ONE, Zxid(0), Round(1), PeerEpoch(0))

    def read(number: int, at_ns: int) -> str:
        return seen.wrote(Deliver(ONE, vote, LINK, number), at_ns)

    assert {number for number in range(6) if read(number, 40)} - {4, 5} == frames_
    assert not any(read(number, 60) for number in range(2)), "another connection"


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
