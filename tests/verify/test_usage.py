"""What a peer may hold: links, descriptors and memory have bounds of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Acted, Event, LinkClosed, LinkOpened, Used
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.docket import Law
from chaos.verify.verdict import Outcome, Verdict
from tests.verify.lockstep import MS, Lockstep

BARE, KIB = 11, 16_000
BIT = act.Evidence(bit=True)


def judge(*more: Event) -> Verdict:
    """Three peers that elect, begun 400 ms before time zero with nothing open."""
    ensemble = Lockstep().start().run(2000)
    bare = [Used(0, sid, 0, BARE, KIB) for sid in ensemble.peers]
    return INVARIANTS[Law.BOUNDS].check(History.of([*ensemble.events, *bare, *more]))


def test_what_each_other_peer_takes_is_no_leak() -> None:
    at_its_most = Used(1500 * MS, Sid(3), 0, BARE + 2 * 5 + 4, KIB + 32 * 1024)
    quiet = judge()
    found = judge(at_its_most)
    assert found.outcome is Outcome.HOLDS
    assert found.judged == quiet.judged + 1


@pytest.mark.parametrize(
    ("files", "kib", "why"),
    [
        (BARE + 15, KIB, "peer 3 holds 26 descriptors; 25 are enough: 11 without a link"),
        (BARE, KIB + 32 * 1024 + 1, "peer 3 holds 48769 KiB of memory"),
    ],
    ids=["descriptors", "memory"],
)
def test_a_leak_is_found(files: int, kib: int, why: str) -> None:
    found = judge(Used(1500 * MS, Sid(3), 0, files, kib))
    assert found.outcome is Outcome.FAILS
    assert why in found.summary


def test_memory_may_grow_by_what_clients_write() -> None:
    writes = Acted(1000 * MS, 1000 * MS, "load", act.Load("w", 10, 100), BIT)
    assert judge(writes, Used(1500 * MS, Sid(3), 0, BARE, 10 * KIB)).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("at_ms", "files", "outcome"),
    [
        (1500, BARE + 14 + 40, Outcome.HOLDS),
        (1500, BARE + 14 + 41, Outcome.FAILS),
        (3600, BARE + 14, Outcome.HOLDS),
        (3601, BARE + 15, Outcome.FAILS),
    ],
)
def test_what_an_outsider_opens_is_not_held_against_a_peer(
    at_ms: int, files: int, outcome: Outcome
) -> None:
    """For as long as it is there, and two seconds more."""
    flood = act.Attack("flood", (Sid(3),), act.Port.ELECTION, "garbage", 10, 40)
    attack = Acted(1000 * MS, 1001 * MS, "flood", flood, BIT)
    called_off = Acted(1590 * MS, 1600 * MS, "flood", act.CallOff("flood"), BIT)
    assert judge(attack, called_off, Used(at_ms * MS, Sid(3), 0, files, KIB)).outcome is outcome


def test_without_a_look_at_bare_peers_nothing_is_held_against_them() -> None:
    ensemble = Lockstep().start().run(2000)
    late = Used(1500 * MS, Sid(3), 0, 500, KIB)
    found = INVARIANTS[Law.BOUNDS].check(History.of([*ensemble.events, late]))
    assert found.outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("many", "closes", "outcome"),
    [(3, True, Outcome.HOLDS), (2, False, Outcome.HOLDS), (3, False, Outcome.FAILS)],
)
def test_a_link_may_replace_another(many: int, closes: bool, outcome: Outcome) -> None:
    ensemble = Lockstep().start().run(2000)
    seq = ensemble.peers[Sid(3)].seq
    events: list[Event] = []
    opened = LinkOpened(2000 * MS, Sid(3), 0, seq, Sid(1), "a", dialed=True)
    for number in range(many):
        one = replace(opened, seq=seq, link=f"a{number}")
        events.append(one)
        seq += 1
        if closes:
            events.append(LinkClosed(2000 * MS, Sid(3), 0, seq, Sid(1), one.link, "replaced"))
            seq += 1
    found = INVARIANTS[Law.BOUNDS].check(History.of([*ensemble.events, *events]))
    assert found.outcome is outcome
    if outcome is Outcome.FAILS:
        assert "peer 3 has 3 links to peer 1 at once" in found.summary
