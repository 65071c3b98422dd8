"""A kill between two effects of one step: what a quorum relies on is on disk before it is told.

Rows 67 and 68, DIFFSyncConsistencyTest and DIFFSyncTest (ZOOKEEPER-3911, 4643, 4646).
"""

from __future__ import annotations

import pytest

from chaos.election import effects as fx
from chaos.election.ids import Sid
from chaos.election.packets import Diff, Snap
from chaos.history.events import Stepped
from chaos.history.history import History
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.verdict import Outcome
from tests.verify.lockstep import Lockstep


def missed(*, restored: bool) -> Lockstep:
    """Peers 2 and 3 have committed writes of epoch 1 that peer 1 has not.

    ``restored``: peer 3's log began with a SNAP, so that only a SNAP can help peer 1.
    """
    if restored:
        ensemble, leader = Lockstep().start(1, 2).run(2000).start(3).run(1000), 2
    else:
        ensemble, leader = Lockstep().start().run(2000), 3
    ensemble.kill(1).give(leader, fx.Work(20)).run(1000).give(leader, fx.Work(0)).run(200)
    return ensemble


def torn(effects: int, *, restored: bool) -> History:
    """Peer 3 begins an epoch with peer 1 alone, which dies while it takes NEWLEADER in.

    Then peer 3 dies too, and the two others elect: one has the writes, and one the epoch.
    """
    ensemble = missed(restored=restored).kill(2).run(2000).kill(3)
    ensemble.torn[Sid(1)] = effects
    ensemble.start(3, 1).run(600)
    assert Sid(1) not in ensemble.peers
    return ensemble.kill(3).start(1, 2).run(4000).history()


@pytest.mark.parametrize("restored", [False, True], ids=["diff", "snap"])
@pytest.mark.parametrize("effects", range(7))
def test_no_acked_write_is_lost_to_a_kill_at_newleader(effects: int, restored: bool) -> None:
    history = torn(effects, restored=restored)
    verdicts = [check.check(history) for check in ALWAYS]
    assert [f"{v.name}: {v.summary}" for v in verdicts if v.outcome is Outcome.FAILS] == []
    assert INVARIANTS["no_acked_write_lost"].check(history).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("restored", "kind"), [(False, Diff), (True, Snap)])
def test_it_is_synchronised_as_the_story_says(restored: bool, kind: type[Diff | Snap]) -> None:
    history = torn(0, restored=restored)
    steps = [e for _, e in history.every(Stepped) if e.sid == 1]
    packets = [e.happened.packet for e in steps if isinstance(e.happened, fx.PacketRead)]
    assert any(isinstance(packet, kind) for packet in packets)
