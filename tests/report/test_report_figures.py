"""Words, numbers, markup and colours."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from chaos import actions
from chaos.actions import Action, Cut, Port, PortCut
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.moments import Awaited, MomentKind
from chaos.history.events import Sampled, Wrote
from chaos.history.history import History
from chaos.report import words
from chaos.report.bands import bands
from chaos.report.canary import canary
from chaos.report.enlarged import panel
from chaos.report.lanes import Reign
from chaos.report.rows import line_of
from chaos.report.svg import PALETTE, Markup, Scale, element
from chaos.report.telling import what, who
from chaos.report.timeline import Story, timeline
from chaos.report.windows import windows
from chaos.report.words import MS, SECOND
from chaos.texts import visible
from chaos.verify.punctuality import late_limit_ns
from tests.report.closes import closes
from tests.report.runs import killed_under_loss, paused_then_cut

DURATIONS = {
    "zero": (0, "0.00 ms"),
    "three digits": (3_421_000, "3.42 ms"),
    "rounds up into fewer decimals": (9_996_000, "10.0 ms"),
    "tens": (31_440_000, "31.4 ms"),
    "hundreds": (331_000_000, "331 ms"),
    "nearly a second": (999_600_000, "1.000 s"),
    "seconds": (1_204_000_000, "1.204 s"),
    "minutes": (125_040_000_000, "125.0 s"),
    "before": (-6_300_000, "−6.30 ms"),
}
WINDOWS = {
    "twelve seconds": (0, 12 * SECOND, SECOND, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]),
    "under a second": (0, SECOND // 2, SECOND, ["0.00 s", "0.05 s"]),
    "milliseconds from before": (-3 * MS, 17 * MS, MS, ["−2 ms", "0 ms", "2 ms", "4 ms"]),
    "one moment": (7, 7, MS, []),
}
TRICKS = {
    "right to left": ("a\u202eb", "a⟨202E⟩b"),
    "an invisible space": ("a\u200bb", "a⟨200B⟩b"),
    "half a character": ("a\ud800", "a⟨D800⟩"),
    "nothing to see": ("naïve ★ 名前\n\t", "naïve ★ 名前\n\t"),
}
LINE = Wrote(9, Sid(1), 0, 3, 1, 0, Sid(2), "a>b", 4)
ONE_OF_EACH: tuple[Action, ...] = (
    actions.Kill(Sid(1)),
    actions.Terminate(Sid(1)),
    actions.Launch(Sid(1), wipe=True),
    actions.Pause(Sid(1)),
    actions.Resume(Sid(1)),
    actions.Block("b", (Cut(Sid(1), Sid(2)), PortCut(Sid(1), Port.QUORUM, inbound=True))),
    actions.Unblock("b"),
    actions.Slow("s", (Cut(Sid(1), Sid(2)),), 12 * MS, 3 * MS),
    actions.Lose("l", (Cut(Sid(1), Sid(2)),), 300_000),
    actions.Duplicate("d", (Cut(Sid(1), Sid(2)),), 300_000),
    actions.Reorder("r", (Cut(Sid(1), Sid(2)),), 300_000, 20 * MS),
    actions.Corrupt("c", (Cut(Sid(1), Sid(2)),), 300_000),
    actions.Throttle("t", (Cut(Sid(1), Sid(2)),), 2048, Port.QUORUM),
    actions.Slice("c", (Cut(Sid(1), Sid(2)),), 7, MS),
    actions.Clear("s"),
    actions.TurnRound(Sid(1), by=-3),
    actions.SetEpochs(Sid(1), accepted=9),
    actions.SetZxid(Sid(1), 0x100000003),
    actions.SkewTimers(Sid(1), 1_500_000, MS),
    actions.Configure(Sid(1), "version=1"),
    actions.Load("w", 50, 100),
    actions.Unload("w"),
    actions.Hold("h", (Sid(1), Sid(2)), Awaited(MomentKind.DECIDED), 2),
    actions.LetGo("h", (Sid(1),), again=True),
    actions.Attack("a", (Sid(1),), Port.ELECTION, "silent", 8, 8),
    actions.CallOff("a"),
    actions.SpoilDisk("d", (Sid(1),), 5 * MS),
    actions.MendDisk("d"),
    actions.Burn("b", (Sid(1), Sid(2)), 600_000, 1),
    actions.Cool("b"),
    actions.Ask("ask", Sid(1), 0, 5 * MS, ("true",)),
)


@pytest.mark.parametrize(("span", "text"), DURATIONS.values(), ids=DURATIONS.keys())
def test_a_duration_has_three_or_four_digits(span: int, text: str) -> None:
    assert words.duration(span) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(("text", "shown"), TRICKS.values(), ids=TRICKS.keys())
def test_what_reorders_or_hides_text_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(("begin", "end", "unit", "first"), WINDOWS.values(), ids=WINDOWS.keys())
def test_ticks_are_round_and_inside(begin: int, end: int, unit: int, first: list[str]) -> None:
    scale = Scale(begin, end)
    ticks = scale.ticks(0, unit)
    assert [text for _, text in ticks][: len(first)] == first
    assert all(scale.left <= x <= scale.right for x, _ in ticks)
    assert len(ticks) <= 12


def test_every_action_has_words() -> None:
    assert {type(done) for done in ONE_OF_EACH} == set(get_args(Action))
    told = [words.action(done) for done in ONE_OF_EACH]
    assert len(set(told)) == len(told)
    assert words.action(ONE_OF_EACH[5]) == "block 1→2, into 1's quorum port (silent)"
    assert words.action(ONE_OF_EACH[8]) == "lose 30 % of messages on 1→2"
    assert words.action(ONE_OF_EACH[11]) == "change a byte of 30 % of messages on 1→2"
    assert words.action(ONE_OF_EACH[12]) == ("let 2048 bytes a second through on 1→2 (quorum port)")


@pytest.mark.parametrize("history", [paused_then_cut(), killed_under_loss()], ids=["cut", "kill"])
def test_every_event_has_a_subject_and_words(history: History) -> None:
    for event in history.events:
        assert who(event) == "chaos" or who(event).startswith("peer ")
        assert what(event)
    writes = [what(event) for _, event in history.every(Wrote)]
    assert all(text.startswith("writes to ") for text in writes)


WRITTEN = {
    "as it is": (LINE, "writes to 2 (frame 4 of a>b)"),
    "again on a new link": (
        replace(LINE, again=True),
        "writes to 2, repeating the last message on a new link (frame 4 of a>b)",
    ),
    "twice": (
        replace(LINE, copied_by="dup"),
        "writes to 2 a second time, by step dup (frame 4 of a>b)",
    ),
    "changed": (
        replace(LINE, corrupted_by="torn", byte=3),
        "writes to 2, byte 3 changed by step torn (frame 4 of a>b)",
    ),
}


@pytest.mark.parametrize(("line", "text"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_a_fault_did_to_a_frame_is_told_with_it(line: Wrote, text: str) -> None:
    assert what(line) == text


def test_an_element_escapes_what_is_not_markup() -> None:
    made = element("text", "a<b", Markup("<i>c</i>"), x=1.25, data_name='"')
    assert made == '<text x="1.2" data-name="&quot;">a&lt;b<i>c</i></text>'


def test_no_element_takes_a_style() -> None:
    with pytest.raises(AssertionError):
        element("rect", style="fill:red")


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", ["#FFFFFF", "#121212"], ids=["light", "dark"])
@pytest.mark.parametrize("colour", PALETTE)
def test_marks_stand_out_in_light_and_dark(colour: str, ground: str) -> None:
    pale, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
    assert (pale + 0.05) / (dark + 0.05) >= 3


def test_a_line_of_the_plan_is_found() -> None:
    assert (line_of("plans/a.yaml:12:5"), line_of("C:\\a.yaml:3:1"), line_of("")) == (12, 3, 0)


def test_each_vote_of_an_election_has_its_label_and_its_title() -> None:
    second = closes(paused_then_cut())[1]
    (whole, votes, shake) = windows(second)
    assert [whole.votes, votes.votes, shake.votes] == [False, True, False]
    markup, folded = panel(second, votes)
    assert folded == 0
    for sid in (1, 2, 3):
        assert f">{sid} · 0x0 · r2 →all<" in markup
    assert "4 · 0x100000000 · r2 (LOOKING), read after" in markup


def test_the_handshake_shows_its_packets() -> None:
    second = closes(paused_then_cut())[1]
    shake = windows(second)[-1]
    markup, _ = panel(second, shake)
    for kind in ("LEADERINFO", "ACKEPOCH", "NEWLEADER", "UPTODATE"):
        assert f">{kind} →" in markup


def test_panels_lie_within_the_whole_and_are_to_scale() -> None:
    for close in closes(paused_then_cut()):
        whole, *parts = windows(close)
        for part in parts:
            assert part.to_ns - part.from_ns < whole.to_ns - whole.from_ns
        assert whole.from_ns < close.election.looking_ns <= whole.to_ns


def test_bands_cover_the_lanes_of_their_targets() -> None:
    history = paused_then_cut()
    pause, block = bands(history, {"cut-it": "isolate"})
    assert (pause.label, block.label) == ("pause 5", "isolate 4")


def test_the_limit_is_drawn_where_it_is_near() -> None:
    history = killed_under_loss()
    limit = late_limit_ns(history)
    assert limit == 50 * MS
    scale = Scale(history.zero_ns, history.end_ns)
    calm = [Sampled(history.zero_ns + n * MS, 0, 0, MS) for n in range(9)]
    busy = [*calm, Sampled(history.zero_ns + SECOND, 0, 0, 80 * MS)]
    assert "stroke-dasharray" not in canary(calm, scale, history.zero_ns, limit)
    assert "stroke-dasharray" in canary(busy, scale, history.zero_ns, limit)


def test_the_strip_tells_one_leader_from_none_and_from_several() -> None:
    def strip(*leaders: int) -> str:
        led = tuple((Sid(sid), PeerEpoch(7)) for sid in leaders)
        story = Story((Sid(1),), (), (Reign(led, 0, SECOND),), (), (), 0, 0, SECOND)
        return timeline(story).markup

    one, none, several = strip(1), strip(), strip(1, 2)
    assert "★ 1 · epoch 7" in one
    assert "none 1.000\u00a0s" in none
    assert "2 leaders: 1, 2" in several
    assert "1 in epoch 7 and 2 in epoch 7 led at once for 1.000\u00a0s" in several
    assert [strip.count("url(#fault)") for strip in (one, none, several)] == [0, 0, 1]
