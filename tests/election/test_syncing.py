"""DIFF or SNAP, and what follows: protocol 8.5, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import NO_ZXID, Zxid, counter_of, epoch_of, zxid_of
from chaos.election.log import Log, follows
from chaos.election.packets import Commit, Diff, Proposal, Snap
from chaos.election.syncing import synchronisation
from tests.election.story import txn

TREE = b"tree"
EMPTY = Log(Zxid(0), TREE, ())
FROM_SNAP = Log(zxid_of(2), TREE, ())
FULL = Log(zxid_of(1, 2), TREE, [txn("1:3"), txn("1:4"), txn("3:1"), txn("3:2")])
BEGUN = zxid_of(4)  # this leader's epoch, no transaction yet

# Row 65, LearnerHandlerTest: the leader's log, what is committed, where the learner's log ends;
# then the packet, its zxid, and the counters of the transactions that follow.
Sent = tuple[str, int, list[str]]
TABLE: dict[str, tuple[Log, int, int, Sent]] = {
    "fresh ensemble": (EMPTY, 0, 0, ("diff", 0, [])),
    "empty, joins a running one": (EMPTY, BEGUN, 0, ("snap", BEGUN, [])),
    "empty, and it led this epoch's beginning": (EMPTY, BEGUN, BEGUN, ("diff", BEGUN, [])),
    "ahead of an empty log": (EMPTY, BEGUN, zxid_of(4, 3), ("snap", BEGUN, [])),
    "unusable, of an empty ensemble": (EMPTY, 0, NO_ZXID, ("snap", 0, [])),
    "behind a log that began with a SNAP": (FROM_SNAP, zxid_of(2), 0, ("snap", zxid_of(2), [])),
    "equal": (FULL, zxid_of(3, 2), zxid_of(3, 2), ("diff", zxid_of(3, 2), [])),
    "equal, but the epoch has begun": (FULL, BEGUN, zxid_of(3, 2), ("diff", zxid_of(3, 2), [])),
    "this epoch's beginning": (FULL, BEGUN, BEGUN, ("diff", BEGUN, [])),
    "where the log begins": (
        FULL,
        BEGUN,
        zxid_of(1, 2),
        ("diff", zxid_of(3, 2), ["1:3", "1:4", "3:1", "3:2"]),
    ),
    "in the log": (FULL, BEGUN, zxid_of(1, 4), ("diff", zxid_of(3, 2), ["3:1", "3:2"])),
    "an old epoch's beginning": (FULL, BEGUN, zxid_of(3), ("diff", zxid_of(3, 2), ["3:1", "3:2"])),
    "an epoch's without transactions": (
        FULL,
        BEGUN,
        zxid_of(2),
        ("diff", zxid_of(3, 2), ["3:1", "3:2"]),
    ),
    "a transaction that nobody else has": (
        FULL,
        BEGUN,
        zxid_of(1, 5),
        ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1", "3:2"]),
    ),
    "ahead": (
        FULL,
        BEGUN,
        zxid_of(3, 9),
        ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1", "3:2"]),
    ),
    "ahead by an epoch that never was": (
        FULL,
        zxid_of(3, 2),
        zxid_of(4),
        ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1", "3:2"]),
    ),
    "before the log": (
        FULL,
        BEGUN,
        zxid_of(1, 1),
        ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1", "3:2"]),
    ),
    "unusable": (FULL, BEGUN, NO_ZXID, ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1", "3:2"])),
    "what is not committed is not sent as such": (
        FULL,
        zxid_of(3, 1),
        zxid_of(1, 4),
        ("diff", zxid_of(3, 1), ["3:1"]),
    ),
    "it has what is not committed": (
        FULL,
        zxid_of(3, 1),
        zxid_of(3, 2),
        ("snap", zxid_of(1, 2), ["1:3", "1:4", "3:1"]),
    ),
}


@pytest.mark.parametrize(("log", "processed", "learner", "sent"), TABLE.values(), ids=TABLE.keys())
def test_row_65_a_learner_is_synchronised(
    log: Log, processed: int, learner: int, sent: Sent
) -> None:
    kind, zxid, behind = sent
    first, *rest = synchronisation(log, Zxid(processed), Zxid(learner))
    assert first == (Diff(Zxid(zxid)) if kind == "diff" else Snap(Zxid(zxid), TREE))
    pairs = [packet for text in behind for packet in (Proposal(txn(text)), Commit(txn(text).zxid))]
    assert rest == pairs


@given(
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    begins=st.integers(0, 6),
    learner=st.tuples(st.integers(0, 5), st.integers(0, 6)),
    committed=st.integers(0, 12),
)
def test_whoever_is_synchronised_ends_with_the_leaders_committed_log(
    counts: list[int], begins: int, learner: tuple[int, int], committed: int
) -> None:
    """A learner that is at a prefix, by DIFF; anybody, by SNAP."""
    history = [txn(f"{epoch}:{n}") for epoch, c in enumerate(counts, 1) for n in range(1, c + 1)]
    begin = history[begins - 1].zxid if 0 < begins <= len(history) else Zxid(0)
    log = Log(begin, b"", [one for one in history if one.zxid > begin])
    done = log.txns[: min(committed, len(log.txns))]
    processed = done[-1].zxid if done else begin
    packets = synchronisation(log, processed, zxid_of(*learner))
    first = packets[0]
    assert isinstance(first, Diff | Snap)
    base = zxid_of(*learner) if isinstance(first, Diff) else first.zxid
    got = [packet.txn for packet in packets if isinstance(packet, Proposal)]
    assert got == [one for one in done if one.zxid > base]
    if isinstance(first, Diff) and counter_of(base):
        assert log.holds(base)


FOLLOWS = {
    "the next": (zxid_of(2, 4), zxid_of(2, 5), True),
    "an epoch's first": (zxid_of(2, 4), zxid_of(5, 1), True),
    "behind an epoch's beginning": (zxid_of(2), zxid_of(2, 1), True),
    "a gap": (zxid_of(2, 4), zxid_of(2, 6), False),
    "the same": (zxid_of(2, 4), zxid_of(2, 4), False),
    "an epoch's second": (zxid_of(2, 4), zxid_of(3, 2), False),
    "an old epoch's first": (zxid_of(2, 4), zxid_of(1, 1), False),
    "the beginning of an epoch": (zxid_of(2, 4), zxid_of(3), False),
    "a negative epoch's end": (zxid_of(-1, 0xFFFFFFFF), zxid_of(0, 1), True),
}


@pytest.mark.parametrize(("last", "zxid", "holds"), FOLLOWS.values(), ids=FOLLOWS.keys())
def test_a_zxid_follows_another(last: Zxid, zxid: Zxid, holds: bool) -> None:
    assert follows(last, zxid) is holds
    assert not holds or epoch_of(zxid) >= epoch_of(last)
