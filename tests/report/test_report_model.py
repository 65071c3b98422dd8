"""Messages, faults, lanes, elections and handshakes as a history tells them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from chaos.actions import Block, Cut, Evidence, Kill, Pause
from chaos.election.effects import Deliver, PacketRead, Send
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import Ping
from chaos.history.events import (
    Acted,
    Event,
    Exited,
    Lost,
    RunEnded,
    Stepped,
    Wrote,
)
from chaos.history.history import History
from chaos.report.bands import bands
from chaos.report.bins import binned, losses, thinned
from chaos.report.elections import Election, elections, important
from chaos.report.handshakes import Sign, marks, parcels, waits
from chaos.report.lanes import Look, Segment, reigns, segments
from chaos.report.messages import Fate, Message, messages, sayings, tallies
from chaos.report.svg import Scale
from chaos.verify.measure import faults_of, measures
from tests.report.runs import killed_under_loss, paused_then_cut
from tests.report.small_world import MS, SECOND, World

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
NOTE = Notification(ServerState.LOOKING, ONE, Zxid(0), Round(1), PeerEpoch(0))


@cache
def cut() -> History:
    return paused_then_cut()


@cache
def killed() -> History:
    return killed_under_loss()


def said(at_ns: int, seq: int, to: tuple[Sid, ...] = (TWO,)) -> Stepped:
    return Stepped(at_ns, ONE, 0, seq, Deliver(TWO, NOTE, "x", seq), (Send(to, NOTE),))


def wrote(at_ns: int, step: int, frame: int, link: str = "a>b") -> Wrote:
    return Wrote(at_ns, ONE, 0, 1000 + step, step, 0, TWO, link, frame)


def heard(at_ns: int, frame: int, seq: int = 0, link: str = "a>b") -> Stepped:
    return Stepped(at_ns, TWO, 0, seq, Deliver(ONE, NOTE, link, frame), ())


def only(*events: Event) -> tuple[Message, ...]:
    history = History.of([*events, RunEnded(100 * SECOND, "done")])
    return messages(history, bands(history, {}))


# ---- messages


def test_a_frame_that_was_read_is_delivered() -> None:
    (message,) = only(said(10, 1), wrote(11, 1, 0), heard(40, 0))
    assert (message.fate, message.sent_ns, message.read_ns) == (Fate.DELIVERED, 11, 40)
    assert message.note == NOTE


def test_a_link_name_that_comes_back_names_another_frame() -> None:
    first, second = only(
        said(10, 1), wrote(11, 1, 0), said(50, 2), wrote(51, 2, 0), heard(60, 0), heard(12, 0, 9)
    )
    assert (first.read_ns, second.read_ns) == (12, 60)


def test_of_two_frames_of_one_name_the_latest_was_read() -> None:
    first, second = only(said(10, 1), wrote(11, 1, 0), said(50, 2), wrote(51, 2, 0), heard(60, 0))
    assert (first.fate, second.fate) == (Fate.UNDELIVERED, Fate.DELIVERED)


def test_a_frame_is_not_read_before_it_was_written() -> None:
    (message,) = only(said(50, 1), wrote(51, 1, 0), heard(40, 0))
    assert message.fate is Fate.UNDELIVERED


def test_what_the_sender_lost_names_the_fault() -> None:
    lost = Lost(11, ONE, 0, 5, 1, 0, TWO, "lost on its way", "lossy")
    (message,) = only(said(10, 1), lost)
    assert (message.fate, message.why) == (Fate.LOST, "lost on its way (step lossy)")
    assert not message.routine


@pytest.mark.parametrize("fault", ["", "lossy"])
def test_what_a_newer_one_replaced_is_routine_unless_a_fault_did_it(fault: str) -> None:
    lost = Lost(11, ONE, 0, 5, 1, 0, TWO, "overwritten in its queue", fault)
    (message,) = only(said(10, 1), lost)
    assert message.routine is (fault == "")


YES = Evidence(True)
BLOCK = Block("cut", (Cut(ONE, TWO),))
CAUSES: dict[str, tuple[list[Event], str]] = {
    "a block of that direction": (
        [Acted(5, 6, "cut", BLOCK, YES)],
        "while step cut was in place: block 1→2 (silent)",
    ),
    "a block of the other direction is none": (
        [Acted(5, 6, "cut", Block("cut", (Cut(TWO, ONE),)), YES)],
        "the history does not tell why",
    ),
    "its reader was stopped": ([Acted(5, 6, "stop", Pause(TWO), YES)], "peer 2 was paused"),
    "its reader was killed": ([Exited(15, TWO, 0, -9)], "peer 2 ended first"),
    "nothing known": ([], "the history does not tell why"),
}


@pytest.mark.parametrize(("events", "why"), CAUSES.values(), ids=CAUSES.keys())
def test_what_was_not_read_has_its_cause(events: list[Event], why: str) -> None:
    (message,) = only(said(10, 1), wrote(11, 1, 0), *events)
    assert (message.fate, message.why) == (Fate.UNDELIVERED, why)


@pytest.mark.parametrize("make", [cut, killed], ids=["cut", "killed"])
def test_the_counts_are_those_of_the_history(make: object) -> None:
    history = cut() if make is cut else killed()
    found = messages(history, bands(history, {}))
    fates = Counter(message.fate for message in found)
    assert fates[Fate.LOST] == sum(1 for _ in history.every(Lost))
    written = sum(1 for _ in history.every(Wrote))
    assert fates[Fate.DELIVERED] + fates[Fate.UNDELIVERED] == written
    pairs = tallies(history, found)
    assert sum(tally.delivered for tally in pairs) == fates[Fate.DELIVERED]
    assert sum(tally.lost + tally.replaced for tally in pairs) == fates[Fate.LOST]
    assert all(
        tally.offered
        == tally.delivered + tally.replaced + tally.lost + tally.undelivered + tally.queued
        for tally in pairs
    )


def test_what_made_way_for_a_newer_one_is_counted_apart() -> None:
    history = History.of(
        [
            said(10, 1),
            Lost(11, ONE, 0, 5, 1, 0, TWO, "overwritten in its queue"),
            said(20, 2),
            Lost(21, ONE, 0, 6, 2, 0, TWO, "lost on its way", "lossy"),
            said(30, 3),
        ]
    )
    (tally,) = tallies(history, messages(history, ()))
    assert (tally.offered, tally.replaced, tally.lost, tally.queued) == (3, 1, 1, 1)


def test_what_one_effect_said_to_all_is_one_saying() -> None:
    history = cut()
    found = messages(history, ())
    groups = sayings(found)
    assert sum(len(group.parts) for group in groups) == len(found)
    assert max(len(group.to) for group in groups) == 4


@pytest.mark.parametrize("most", [1000, 20, 3, 1])
def test_crosses_drawn_are_messages_lost_however_coarse(most: int) -> None:
    history = killed()
    found = messages(history, bands(history, {}))
    gone = sum(message.fate is not Fate.DELIVERED for message in found)
    drawn, _ = losses(found, Scale(history.zero_ns, history.end_ns), most)
    assert gone > 10
    assert sum(loss.count for loss in drawn) == gone


@pytest.mark.parametrize("most", [1000, 40, 5])
def test_lines_drawn_are_messages_delivered_however_coarse(most: int) -> None:
    history = cut()
    found = messages(history, bands(history, {}))
    lines, pixels = binned(found, Scale(history.zero_ns, history.end_ns), most)
    read = sum(message.fate is Fate.DELIVERED for message in found)
    assert sum(line.count for line in lines) == read
    assert (pixels > 1) is (most < 1000)


# ---- lanes


def test_a_lane_has_no_hole_and_no_overlap() -> None:
    for sid in cut().sids:
        lane = [segment for segment in segments(cut()) if segment.sid == sid]
        assert lane[-1].to_ns == cut().end_ns
        assert all(a.to_ns == b.from_ns for a, b in pairwise(lane))


def test_a_paused_leader_is_shown_paused_for_as_long_as_it_was() -> None:
    (paused,) = (segment for segment in segments(cut()) if segment.look is Look.PAUSED)
    begin, end = (event for _, event in cut().every(Acted) if event.step == "pause-it")
    assert (paused.from_ns, paused.to_ns) == (begin.done_ns, end.at_ns)


def test_a_killed_peer_is_shown_down() -> None:
    (down,) = (segment for segment in segments(killed()) if segment.look is Look.DOWN)
    assert down.to_ns - down.from_ns == pytest.approx(2 * SECOND, abs=MS)


def test_reigns_follow_each_other_without_a_hole() -> None:
    found = reigns(cut())
    assert found[-1].to_ns == cut().end_ns
    assert all(a.to_ns == b.from_ns for a, b in pairwise(found))
    led = [reign.leaders for reign in found]
    assert led == [(), ((5, 1),), (), ((4, 2),), (), ((5, 3),)]


def test_states_shorter_than_a_pixel_share_one() -> None:
    scale = Scale(0, 10_000)
    lane = [Segment(ONE, Look.LOOKING, False, None, n, n + 1, n) for n in range(1000)]
    kept = thinned(lane, scale)
    assert 90 <= len(kept) <= 110


# ---- elections


def elected(history: History) -> tuple[Election, ...]:
    faults = bands(history, {})
    return elections(history, reigns(history), segments(history), faults)


def test_each_fault_that_ends_a_leadership_has_its_election() -> None:
    found = elected(cut())
    causes = [None if e.cause is None else e.cause.label for e in found]
    assert causes == [None, "pause 5", "block 4"]
    assert [(e.leader, e.epoch) for e in found] == [(5, 1), (4, 2), (5, 3)]


@pytest.mark.parametrize("make", [cut, killed], ids=["cut", "killed"])
def test_the_legs_of_an_election_add_up(make: object) -> None:
    for election in elected(cut() if make is cut else killed()):
        legs = election.phases
        assert legs[0].from_ns == election.begin_ns
        assert legs[-1].to_ns == election.end_ns
        pairs = [(a, b) for a, b in pairwise(legs) if a.name != "detect"]
        assert all(a.to_ns == b.from_ns for a, b in pairs)
        early = max(0, election.begin_ns - election.looking_ns) if len(pairs) < len(legs) - 1 else 0
        assert sum(leg.to_ns - leg.from_ns for leg in legs) == election.took_ns + early


def reaped_late() -> History:
    """The leader is reaped 3 ms after the first of the others went LOOKING."""
    world = World(3)
    world.begin()
    world.run(2)
    world.act("kill-it", Kill(world.leader()))
    world.run(4)
    events = list(world.history().events)
    place = next(i for i, event in enumerate(events) if isinstance(event, Acted))
    killed = events[place]
    assert isinstance(killed, Acted)
    looks = next(one for one in elected(world.history()) if one.cause is not None).looking_ns
    events[place] = replace(killed, done_ns=looks + 3 * MS)
    return History(tuple(events))


def test_the_page_shows_the_numbers_that_are_measured() -> None:
    history = reaped_late()
    (election,) = (one for one in elected(history) if one.cause is not None)
    told = {
        one.name: one.value_ns
        for one in measures(history, faults_of(history))
        if one.of == "kill-it"
    }
    shown = {f"election.{leg.name}": leg.to_ns - leg.from_ns for leg in election.phases}
    assert shown.pop("election.handshake") > 0
    assert shown == {name: told[name] for name in shown}
    assert shown["election.detect"] == 0
    assert election.took_ns == told["election.leaderless"]


def test_the_legs_are_named_and_the_first_election_has_nothing_to_detect() -> None:
    first, second, _ = elected(cut())
    assert [leg.name for leg in first.phases] == ["vote", "finalize", "handshake"]
    assert [leg.name for leg in second.phases] == ["detect", "vote", "finalize", "handshake"]
    finalize = second.phases[2]
    assert finalize.to_ns - finalize.from_ns >= 200 * MS


def test_the_latest_fault_before_is_the_cause() -> None:
    world = World(5)
    world.begin()
    world.run(1)
    world.act("first", Pause(ONE))
    world.run(1.2)
    world.act("second", Pause(world.leader()))
    world.run(4)
    cause = elected(world.history())[-1].cause
    assert cause is not None
    assert cause.step == "second"


def test_an_election_that_nobody_wins_is_not_over() -> None:
    world = World(3)
    world.begin()
    world.run(1)
    world.act("kill-two", Kill(THREE))
    world.act("kill-two", Kill(TWO))
    world.run(6)
    last = elected(world.history())[-1]
    assert last.served_ns is None
    assert last.leader is None
    assert last.end_ns == world.history().end_ns


def test_what_a_red_verdict_cites_is_most_important() -> None:
    found = elected(cut())
    first = found[0]
    assert important(found, [first.looking_ns])[0] is first
    assert important(found, [])[0] is found[2]


# ---- handshakes


def test_packets_arrive_in_the_order_of_their_connection() -> None:
    found = parcels(cut())
    kinds = Counter(parcel.kind for parcel in found)
    assert kinds["LEADERINFO"] == kinds["ACKEPOCH"] == kinds["NEWLEADER"] == kinds["UPTODATE"]
    assert kinds["LEADERINFO"] >= 12
    assert all(parcel.read_ns is None or parcel.read_ns > parcel.sent_ns for parcel in found)


@pytest.mark.parametrize("until", [0.25, 5.0], ids=["before the first ping", "after pings"])
def test_every_packet_that_was_read_was_sent_by_somebody(until: float) -> None:
    world = World(3, seed=3)
    world.begin()
    world.run(until)
    history = world.history()
    read = sum(
        isinstance(step.happened, PacketRead) and not isinstance(step.happened.packet, Ping)
        for _, step in history.every(Stepped)
    )
    assert read >= 8
    assert sum(parcel.read_ns is not None for parcel in parcels(history)) == read


def test_each_decision_is_marked_and_follows_a_wait_that_held() -> None:
    decided = [mark for mark in marks(cut()) if mark.sign is Sign.DECIDED]
    finalized = [mark for mark in decided if "(finalized)" in mark.text]
    held = [wait for wait in waits(cut()) if wait.done]
    assert len(finalized) == len(held)
    for mark in finalized:
        (wait,) = (w for w in held if (w.sid, w.to_ns) == (mark.sid, mark.at_ns))
        assert wait.to_ns - wait.from_ns == 200 * MS
