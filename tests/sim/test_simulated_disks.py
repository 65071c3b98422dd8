"""A simulated disk is slow or full as a real one is, and its peer does what a real one does."""

from __future__ import annotations

from chaos.actions import Evidence, Launch, MendDisk, SetEpochs, SpoilDisk
from chaos.election.effects import Append, Persist, PersistConfig, Restore, Truncate
from chaos.election.ids import Sid
from chaos.history.events import Exited, Left, Stepped
from tests.sim.drive import Run

THREE, ALL = Sid(3), (Sid(1), Sid(2), Sid(3))
MS = 1_000_000
KEPT = Persist | PersistConfig | Append | Truncate | Restore


def test_who_cannot_write_ends_before_it_tells_anybody_and_starts_with_what_it_kept() -> None:
    run = Run(3)
    assert run.settle() == 3
    assert run.do(SpoilDisk("d", (THREE,))) == Evidence(None, {"peers": 1})
    run.do(SetEpochs(THREE, accepted=9))
    run.rest(0)
    left = [event for event in run.events if isinstance(event, Left)]
    assert [(event.sid, event.why.split(",")[0]) for event in left] == [
        (3, "cannot write acceptedEpoch: No space left on device")
    ]
    assert Exited(run.system.now_ns, THREE, 0, 74) in run.events
    assert run.settle() == 2
    assert run.do(MendDisk("d")) == Evidence(None, {"down": 1})
    run.do(Launch(THREE))
    assert run.settle() == 2
    assert run.view.peers[THREE].accepted_epoch == 2  # 9 was never kept


def test_a_slow_disk_holds_up_what_comes_behind_the_write() -> None:
    run = Run(3)
    run.do(SpoilDisk("d", ALL, 30 * MS))
    assert run.settle(10) == 3
    evidence = run.do(MendDisk("d"))
    wrote = [
        sum(isinstance(effect, KEPT) for effect in event.effects)
        for event in run.events
        if isinstance(event, Stepped)
    ]
    assert evidence == Evidence(True, {"delayed": sum(wrote), "late_us": sum(wrote) * 30_000})
    assert sum(wrote) >= 6  # three promises, three epochs
    quick = Run(3)
    quick.settle()
    assert run.system.now_ns - run.zero > quick.system.now_ns - quick.zero + 4 * 30 * MS


def test_orders_reach_a_peer_that_waits_for_its_disk() -> None:
    run = Run(3)
    run.settle()
    run.do(SpoilDisk("d", (THREE,), 500 * MS))
    assert run.do(SetEpochs(THREE, accepted=5)).bit
    assert run.do(SetEpochs(THREE, accepted=6)).bit  # taken while it writes
    run.rest(0.2)
    assert run.do(MendDisk("d")).facts["delayed"] == 1
    run.rest(1)
    steps = [event.effects for event in run.events if isinstance(event, Stepped)]
    kept = [one.value for effects in steps for one in effects if isinstance(one, Persist)]
    assert kept[-2:] == [5, 6]


def test_a_disk_fault_goes_by_its_name() -> None:
    run = Run(3)
    run.do(SpoilDisk("d", (THREE,), MS))
    again = run.do(SpoilDisk("d", (THREE,), MS))
    assert again == Evidence(False, {"error": "a disk fault is called d already"})
    assert run.do(MendDisk("x")) == Evidence(False, {"error": "no disk fault is called x"})
