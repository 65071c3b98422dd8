"""Whether a peer's end was asked for: a full disk asks for it, by one exit status only."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Exited
from chaos.verify.ends import NO_ROOM, EndsAsTold
from chaos.verify.verdict import Outcome
from tests.verify.lockstep import Lockstep

FULL, SLOW = act.SpoilDisk("d", (Sid(3),)), act.SpoilDisk("d", (Sid(3),), 5)
OTHER = act.SpoilDisk("d", (Sid(1), Sid(2)))
MENDED = act.MendDisk("d")
ENDS: dict[str, tuple[tuple[act.Action, ...], int, Outcome]] = {
    "its disk is full": ((FULL,), NO_ROOM, Outcome.HOLDS),
    "the host's disk is full": ((), NO_ROOM, Outcome.UNKNOWN),
    "its disk was full": ((FULL, MENDED), NO_ROOM, Outcome.UNKNOWN),
    "its disk is slow": ((SLOW,), NO_ROOM, Outcome.UNKNOWN),
    "another's disk is full": ((OTHER,), NO_ROOM, Outcome.UNKNOWN),
    "an error of its own": ((FULL,), 70, Outcome.FAILS),
    "a crash": ((FULL,), -11, Outcome.FAILS),
}


@pytest.mark.parametrize(("actions", "status", "outcome"), ENDS.values(), ids=ENDS.keys())
def test_an_end_is_held_against_nobody_whom_a_fault_ended(
    actions: tuple[act.Action, ...], status: int, outcome: Outcome
) -> None:
    ensemble = Lockstep().start().run(500)
    for action in actions:
        ensemble.acted("f", action)
    ensemble.events.append(Exited(ensemble.now_ms * 1_000_000, Sid(3), 0, status))
    assert EndsAsTold().check(ensemble.history()).outcome is outcome
