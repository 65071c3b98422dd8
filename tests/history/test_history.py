"""The order of a history, and the spans of time that it describes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Evidence, Launch, Pause
from chaos.election.effects import Decided, Effect, Entered, Exit, Phase, Start
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.election.vote import Vote
from chaos.history.events import (
    Acted,
    Began,
    Event,
    Exited,
    Left,
    RunBegan,
    RunEnded,
    Sampled,
    Seen,
    Source,
    StepBegan,
    Stepped,
)
from chaos.history.history import History, Span
from chaos.history.order import order

ONE, TWO = Sid(1), Sid(2)
LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING
FOR_TWO = Vote(TWO, Zxid(0), Round(1), PeerEpoch(0))


def began(at: int, sid: Sid, inc: int = 0) -> Began:
    return Began(at, sid, inc, 0, 100 + sid, PeerSpec(sid, ""))


def stepped(at: int, sid: Sid, seq: int, *effects: Effect, inc: int = 0) -> Stepped:
    return Stepped(at, sid, inc, seq, Start(), effects)


def looking(at: int, sid: Sid, seq: int = 1, inc: int = 0) -> Stepped:
    return stepped(at, sid, seq, Entered(LOOKING, Phase.ELECTION), inc=inc)


def followed(at: int, sid: Sid, seq: int) -> Stepped:
    return stepped(
        at,
        sid,
        seq,
        Decided(FOR_TWO, FOLLOWING, (ONE, TWO), Exit.FINALIZED),
        Entered(FOLLOWING, Phase.DISCOVERY),
    )


STORY: list[Event] = [
    RunBegan(100, "story", 1, "simulated"),
    began(90, ONE),
    began(91, TWO),
    looking(100, ONE),
    looking(100, TWO),
    StepBegan(100, "s", 0),
    followed(300, ONE, 2),
    stepped(310, ONE, 3, Entered(FOLLOWING, Phase.BROADCAST)),
    Exited(400, ONE, 0, -9),
    began(500, ONE, 1),
    looking(501, ONE, 1, inc=1),
    RunEnded(600, "done"),
]


@given(st.randoms(use_true_random=False))
def test_a_history_is_the_same_whatever_order_its_lines_came_in(rng: random.Random) -> None:
    shuffled = STORY.copy()
    rng.shuffle(shuffled)
    assert History.of(shuffled).events == History.of(STORY).events


def test_the_run_is_first_and_last() -> None:
    history = History.of(STORY)
    assert isinstance(history.events[0], RunBegan)
    assert isinstance(history.events[-1], RunEnded)


def seen(since: int, at: int) -> Seen:
    return Seen(at, TWO, 0, 9, since, Source.LOG, effects=(Entered(LOOKING, Phase.ELECTION),))


def test_what_servers_do_while_the_tester_ends_them_is_no_part_of_a_run() -> None:
    """A line of a log is stamped by milliseconds: what may have been before the end is kept."""
    within: list[Event] = [looking(600, ONE, 2, inc=1), seen(599, 601)]
    beyond: list[Event] = [looking(601, ONE, 3, inc=1), seen(600, 602)]
    samples: list[Event] = [Exited(700, ONE, 1, -9), Sampled(610, 0, 0, 0)]
    history = History.of([*STORY, *within, *beyond, *samples])
    assert not [event for event in beyond if event in history.events]
    assert len(history.events) == len(STORY) + len(within) + len(samples)
    assert history.end_ns == 600
    cut_short = History.of([*STORY[:-1], *beyond])
    assert len(cut_short.events) == len(STORY) - 1 + len(beyond)


def test_at_one_moment_the_plan_comes_before_the_peers_and_a_death_after_its_lines() -> None:
    lines: list[Event] = [Exited(5, ONE, 0, 0), looking(5, ONE, 7)]
    lines += [StepBegan(5, "s", 5), looking(5, ONE, 6)]
    kinds = [type(event) for event in sorted(lines, key=order)]
    assert kinds == [StepBegan, Stepped, Stepped, Exited]


def test_a_peer_is_there_before_anything_is_done_to_it_in_the_same_instant() -> None:
    """Before time zero a simulated clock stands still: peers are born, then the plan acts."""
    acted = Acted(5, 5, "s", Pause(ONE), Evidence(True))
    lines: list[Event] = [acted, began(5, ONE), RunBegan(5, "p", 1, "simulated")]
    assert [type(event) for event in sorted(lines, key=order)] == [RunBegan, Began, Acted]
    again: list[Event] = [began(5, ONE, 1), Acted(5, 5, "s", Launch(ONE), Evidence(True))]
    assert [type(event) for event in sorted(again, key=order)] == [Acted, Began]


def test_lines_of_one_peer_keep_their_order() -> None:
    lines: list[Event] = [looking(5, ONE, seq) for seq in (2, 0, 1)]
    assert [e.seq for _, e in History.of(lines).every(Stepped)] == [0, 1, 2]


def test_an_index_names_its_event() -> None:
    history = History.of(STORY)
    ((index, exited),) = history.every(Exited)
    assert history.events[index] is exited


def test_time_zero_is_the_run_s_own() -> None:
    assert History.of(STORY).zero_ns == 100
    assert History.of(STORY[1:]).zero_ns == 90


def test_the_end_is_the_last_line_or_the_last_thing_seen() -> None:
    assert History.of(STORY).end_ns == 600
    assert History.of(STORY[:-1]).end_ns == 501
    assert History.of([]).end_ns == 0


def test_the_peers_of_a_run() -> None:
    assert History.of(STORY).sids == (ONE, TWO)


def spans_of(sid: Sid, *events: Event) -> list[Span]:
    return [one for one in History.of(events).spans if one.sid == sid]


def test_spans_tell_what_a_peer_was_and_when() -> None:
    found = [(one.state, one.phase, one.from_ns, one.to_ns) for one in spans_of(ONE, *STORY)]
    assert found == [
        (LOOKING, Phase.ELECTION, 100, 300),
        (FOLLOWING, Phase.DISCOVERY, 300, 310),
        (FOLLOWING, Phase.BROADCAST, 310, 400),
        (None, None, 400, 501),
        (LOOKING, Phase.ELECTION, 501, 600),
    ]


def test_a_span_keeps_the_decision_it_lives_by() -> None:
    votes = [one.vote for one in spans_of(ONE, *STORY)]
    assert votes == [None, FOR_TWO, FOR_TWO, None, None]


def test_a_span_names_the_event_that_began_it() -> None:
    history = History.of(STORY)
    for one in history.spans:
        event = history.events[one.index]
        assert isinstance(event, Stepped | Exited)
        assert (event.sid, event.at_ns) == (one.sid, one.from_ns)


def test_a_peer_that_left_and_was_reaped_is_down_once() -> None:
    found = spans_of(
        ONE, began(0, ONE), looking(1, ONE), Left(5, ONE, 0, 2, "term"), Exited(6, ONE, 0, 0)
    )
    assert [(one.state, one.from_ns, one.to_ns) for one in found] == [(LOOKING, 1, 5), (None, 5, 6)]


@pytest.mark.parametrize("sid", [ONE, TWO], ids=["one", "two"])
def test_spans_of_a_peer_join_without_gap_or_overlap(sid: Sid) -> None:
    found = spans_of(sid, *STORY)
    assert [one.to_ns for one in found[:-1]] == [one.from_ns for one in found[1:]]
    assert found[-1].to_ns == 600
