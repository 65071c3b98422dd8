"""What is done to messages of simulated peers: what is counted happened, and nobody is blamed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos import actions as act
from chaos.actions import Cut, Evidence, Port
from chaos.election.effects import Deliver, PacketRead, Send
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.history.events import LinkClosed, Rejected, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import ALWAYS
from chaos.verify.foreign.outside import from_outside
from chaos.verify.verdict import Outcome
from tests.sim.drive import Run

MS = 1_000_000
ALL = 1_000_000
ONE, THREE = Sid(1), Sid(3)
EVERYWHERE = tuple(Cut(Sid(a), Sid(b)) for a in (1, 2, 3) for b in (1, 2, 3) if a != b)
HARMS: dict[str, act.Messages] = {
    "duplicated": act.Duplicate("x", EVERYWHERE, ALL // 2),
    "overtaken": act.Reorder("x", EVERYWHERE, ALL // 2, 900 * MS),
    "corrupted": act.Corrupt("x", EVERYWHERE, ALL // 3),
    "throttled": act.Throttle("x", EVERYWHERE, 20_000),
    "sliced": act.Slice("x", EVERYWHERE, 7, MS),
}


def harmed(harm: act.Messages, seed: int = 1, *, kill: bool = False) -> tuple[Run, Evidence]:
    """An election under ``harm``, perhaps the death of its leader, and peace afterwards.

    Who is killed takes to the grave what its shim has counted.
    """
    run = Run(3, seed)
    assert run.do(harm).bit is None
    run.rest(1)
    if kill:
        run.do(act.Kill(THREE))
        run.rest(1)
        run.do(act.Launch(THREE))
    cleared = run.do(act.Clear("x"))
    run.settle(60)
    return run, cleared


def wrote(run: Run) -> list[Wrote]:
    return [event for event in run.events if isinstance(event, Wrote)]


def said(run: Run) -> dict[tuple[Sid, int, int, int], Notification]:
    return {
        (event.sid, event.inc, event.seq, number): effect.notification
        for event in run.events
        if isinstance(event, Stepped)
        for number, effect in enumerate(event.effects)
        if isinstance(effect, Send)
    }


def heard(run: Run) -> Iterator[tuple[Wrote, Deliver]]:
    """Each frame that was read, by the last that was written under its name before."""
    written: dict[tuple[Sid, str, int], Wrote] = {}
    for event in run.events:
        match event:
            case Wrote():
                written[event.sid, event.link, event.frame] = event
            case Stepped(happened=Deliver() as read):
                yield written[read.sender, read.link, read.frame], read
            case _:
                pass


@pytest.mark.parametrize("key", HARMS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_harm_makes_correct_peers_break_a_law(key: str, seed: int) -> None:
    run, cleared = harmed(HARMS[key], seed, kill=True)
    count = cleared.facts[key]
    assert cleared.bit is (count != 0)
    history = History.of(run.events)
    for told in (history, from_outside(history)):
        verdicts = [check.check(told) for check in ALWAYS]
        assert [v for v in verdicts if v.outcome is Outcome.FAILS] == []


@pytest.mark.parametrize("key", HARMS)
def test_where_nothing_passes_it_did_not_bite(key: str) -> None:
    run = Run(3)
    run.settle()
    run.do(act.Kill(THREE))
    run.settle()
    run.do(act.Kill(ONE))
    run.rest(5)
    harm = HARMS[key]
    assert run.do(harm).facts["peers"] == 1
    cleared = run.do(act.Clear("x"))
    assert (cleared.bit, cleared.facts[key]) == (False, 0)


def test_each_duplicate_is_written_and_heard_right_behind_its_message() -> None:
    run, cleared = harmed(HARMS["duplicated"])
    lines = wrote(run)
    copies = [line for line in lines if line.copied_by]
    assert {line.copied_by for line in copies} == {"x"}
    assert len(copies) == cleared.facts["duplicated"]
    frames = {(line.sid, line.link, line.frame): line for line in lines}
    for copy in copies:
        first = frames[copy.sid, copy.link, copy.frame - 1]
        assert (first.step, first.index, first.to) == (copy.step, copy.index, copy.to)
        assert not first.copied_by
    read = [line for line, _ in heard(run)]
    assert len([line for line in read if line.copied_by]) > len(copies) // 2


def test_what_is_counted_as_overtaken_was_written_behind_a_later_message() -> None:
    run, cleared = harmed(HARMS["overtaken"], seed=3)
    ways: dict[tuple[Sid, str], list[tuple[int, int]]] = defaultdict(list)
    for line in wrote(run):
        ways[line.sid, line.link].append((line.step, line.index))
    late = sum(a > b for way in ways.values() for a, b in pairwise(way))
    assert late == int(cleared.facts["overtaken"]) > 0


def test_slices_are_put_together_again_on_both_ports() -> None:
    run, cleared = harmed(HARMS["sliced"])
    assert int(cleared.facts["pieces"]) > 3 * int(cleared.facts["sliced"])
    messages = said(run)
    for line, read in heard(run):
        sent = messages[line.sid, line.inc, line.step, line.index]
        assert (sent.leader, sent.round, sent.state) == (
            read.notification.leader,
            read.notification.round,
            read.notification.state,
        )
    rejected = {event.why for event in run.events if isinstance(event, Rejected)}
    assert rejected <= {"end of file"}, "of connections that say nothing"
    steps = [event.happened for event in run.events if isinstance(event, Stepped)]
    assert len([one for one in steps if isinstance(one, PacketRead)]) > 20


PORTS = {"election": Port.ELECTION, "quorum": Port.QUORUM}


@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS.keys())
def test_a_throttle_makes_its_bytes_as_late_as_they_need(port: Port) -> None:
    run = Run(3)
    run.settle()
    run.do(act.Throttle("x", EVERYWHERE, 1_000, port))
    run.do(act.Kill(THREE))
    run.rest(0.6)
    facts = run.do(act.Clear("x")).facts
    assert int(facts["bytes"]) > 0
    assert int(facts["late_us"]) >= int(facts["bytes"]) * 1_000  # a millisecond each
    run.settle(20)


@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS.keys())
def test_a_delay_of_one_port_leaves_the_other_in_time(port: Port) -> None:
    run = Run(3)
    run.settle()
    begin = len(run.events)
    run.do(act.Slow("x", EVERYWHERE, 60 * MS, port=port))
    run.do(act.Kill(THREE))
    run.rest(2)
    assert int(run.do(act.Clear("x")).facts["delayed"]) > 0
    said_ns: dict[tuple[Sid, int, int], int] = {}
    late: set[bool] = set()
    for event in run.events[begin:]:
        match event:
            case Stepped(sid=sid, seq=seq, effects=effects):
                said_ns |= {(sid, seq, index): event.at_ns for index in range(len(effects))}
            case Wrote(sid=sid, step=step, index=index, again=False):
                late.add(event.at_ns - said_ns[sid, step, index] >= 60 * MS)
            case _:
                pass
    assert late == {port is Port.ELECTION}


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_byte_is_named_and_its_link_is_closed_in_the_end(seed: int) -> None:
    run, cleared = harmed(act.Corrupt("x", EVERYWHERE, ALL), seed)
    changed = [line for line in wrote(run) if line.corrupted_by]
    assert len(changed) == int(cleared.facts["corrupted"]) > 0
    assert all(line.byte >= 0 for line in changed)
    messages, differ = said(run), Counter[bool]()
    broken = {(line.sid, line.link) for line in changed if line.byte < 4}
    for line, read in heard(run):
        if (line.sid, line.link) not in broken:
            sent = messages[line.sid, line.inc, line.step, line.index]
            differ[bool(line.corrupted_by)] += (sent.leader, sent.zxid, sent.round) != (
                read.notification.leader,
                read.notification.zxid,
                read.notification.round,
            )
    assert not differ[False]
    closed = [event.why for event in run.events if isinstance(event, LinkClosed)]
    assert "a byte on it was changed by a fault that is over" in closed
