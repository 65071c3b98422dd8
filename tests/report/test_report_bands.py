"""What was done to an ensemble, as bands above the lanes."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.actions import Action, Block, Cut, Evidence, Kill, Launch, Lose, Pause, Resume, TurnRound
from chaos.election.ids import Sid
from chaos.history.events import Acted, Event, RunEnded, StepBegan
from chaos.history.history import History
from chaos.report.bands import Band, bands
from tests.report.small_world import MS

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
YES = Evidence(True)


def drawn(*events: Event) -> tuple[Band, ...]:
    return bands(History.of([*events, RunEnded(1000, "done")]), {"s": "named_here"})


def test_a_fault_lasts_until_what_undoes_it() -> None:
    (band,) = drawn(Acted(10, 12, "s", Pause(ONE), YES), Acted(60, 63, "s", Resume(ONE), YES))
    assert (band.from_ns, band.done_ns, band.to_ns, band.lanes) == (10, 12, 63, (ONE,))
    assert band.label == "named here 1"


def test_a_fault_that_nothing_undid_lasts_until_the_end() -> None:
    (band,) = drawn(Acted(10, 12, "t", Kill(ONE), YES), Acted(60, 63, "t", Launch(TWO), YES))
    assert (band.to_ns, band.label) == (1000, "kill 1")


def test_a_fault_of_one_step_on_two_peers_is_one_fault() -> None:
    (band,) = drawn(
        Acted(10, 12, "s", Kill(ONE), YES),
        Acted(20, 22, "s", Kill(TWO), YES),
        Acted(60, 61, "s", Launch(ONE), YES),
        Acted(70, 71, "s", Launch(TWO), YES),
    )
    assert (band.lanes, band.done_ns, band.to_ns) == ((ONE, TWO), 22, 71)


def test_a_fault_that_is_over_at_once_is_a_moment() -> None:
    (band,) = drawn(Acted(10, 12, "s", TurnRound(ONE, by=3), YES))
    assert (band.instant, band.to_ns) == (True, 12)


def test_a_partition_touches_its_smaller_side() -> None:
    sides = ((ONE,), (TWO, THREE, Sid(4)))
    cuts = tuple(Cut(a, b) for a in sides[0] for b in sides[1])
    (band,) = drawn(Acted(10, 12, "s", Block("s", cuts), YES))
    assert band.lanes == (ONE,)
    assert len(band.links) == 3


def test_a_fault_is_named_by_whom_its_step_was_aimed_at() -> None:
    sides = ((ONE, TWO), (THREE, Sid(4)))
    cuts = tuple(Cut(a, b) for a in sides[0] for b in sides[1])
    began = StepBegan(9, "s", 9, sides[1])
    (band,) = drawn(began, Acted(10, 12, "s", Block("s", cuts), YES))
    assert (band.label, band.lanes) == ("named here 3, 4", (THREE, Sid(4)))


def test_a_fault_aimed_at_the_larger_side_touches_the_smaller() -> None:
    cuts = tuple(Cut(ONE, b) for b in (TWO, THREE, Sid(4)))
    began = StepBegan(9, "s", 9, (TWO, THREE, Sid(4)))
    (band,) = drawn(began, Acted(10, 12, "s", Block("s", cuts), YES))
    assert (band.label, band.lanes) == ("named here 2, 3, 4", (ONE,))


def test_of_a_step_on_several_each_peer_has_its_own_name() -> None:
    began = StepBegan(9, "s", 9, (ONE, TWO))
    bands_ = drawn(
        began, Acted(10, 12, "s", Kill(ONE), YES), Acted(100 * MS, 100 * MS, "s", Kill(TWO), YES)
    )
    assert [band.label for band in bands_] == ["named here 1", "named here 2"]


def test_loss_between_all_touches_all() -> None:
    cuts = tuple(Cut(a, b) for a in (ONE, TWO, THREE) for b in (ONE, TWO, THREE) if a != b)
    (band,) = drawn(Acted(10, 12, "t", Lose("t", cuts, 500_000), YES))
    assert (band.lanes, band.label) == ((ONE, TWO, THREE), "loss 1, 2, 3")


LASTING: dict[str, tuple[Action, Action]] = {
    "kill": (Kill(ONE), Launch(ONE)),
    "pause": (Pause(ONE), Resume(ONE)),
    "block": (Block("x", (Cut(ONE, TWO),)), act.Unblock("x")),
    "loss": (Lose("x", (Cut(ONE, TWO),), 500_000), act.Clear("x")),
    "slicing": (act.Slice("x", (Cut(ONE, TWO),), 7), act.Clear("x")),
    "workload": (act.Load("x", 10, 10), act.Unload("x")),
    "timers": (act.SkewTimers(ONE, 500_000), act.SkewTimers(ONE)),
    "attack": (act.Attack("x", (ONE,), act.Port.QUORUM, "silent", 1, 1), act.CallOff("x")),
    "disk": (act.SpoilDisk("x", (ONE,), 5), act.MendDisk("x")),
    "load": (act.Burn("x", (ONE,), 500_000, 1), act.Cool("x")),
}


@pytest.mark.parametrize(("begins", "over"), LASTING.values(), ids=LASTING.keys())
def test_what_ends_a_fault_is_no_fault(begins: Action, over: Action) -> None:
    later = 500 * MS
    (band,) = drawn(Acted(10, 12, "s", begins, YES), Acted(later, later + 3, "s", over, YES))
    assert (band.from_ns, band.to_ns) == (10, later + 3)
