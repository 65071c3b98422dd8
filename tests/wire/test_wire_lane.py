"""The laws of what a peer writes when a fault harms its messages: nothing but what was drawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Port
from chaos.election.ids import Sid
from chaos.wire.harms import PIECES_MAX
from chaos.wire.lane import Lane, Part
from chaos.wire.shim import LinkShim

MS = 1_000_000
SECOND = 1_000 * MS
ONE, TWO = Sid(1), Sid(2)
ALL = 1_000_000
BOTH = frozenset(port.value for port in Port)


class Way:
    """A lane of numbered messages of ``size`` bytes, and a clock that moves by hand."""

    def __init__(self, size: int = 40, port: Port = Port.ELECTION, seed: str = "7") -> None:
        self.shim = LinkShim(seed)
        self.now_ns = 0
        self._alarms: list[int] = []
        self.encoded = [bytes([number]) * size for number in range(256)]
        self.lane: Lane[int] = Lane(self.shim, ONE, port.value, self.encoded.__getitem__)

    def offer(self, *numbers: int) -> None:
        for number in numbers:
            assert self.lane.offer(number, self.now_ns) == ""

    def parts(self) -> list[Part[int]]:
        """What may be written now."""
        return list(iter(lambda: self.lane.pop(self.now_ns), None))

    def run(self, until_ns: int = 100 * SECOND) -> list[tuple[int, Part[int]]]:
        """Ask whenever it was said to be time to, as a peer does; what was written when."""
        found = self._look()
        while self._alarms and min(self._alarms) <= until_ns:
            self.now_ns = max(self.now_ns, min(self._alarms))
            self._alarms = [due_ns for due_ns in self._alarms if due_ns > self.now_ns]
            found += self._look()
        return found

    def _look(self) -> list[tuple[int, Part[int]]]:
        found = [(self.now_ns, part) for part in self.parts()]
        due_ns = self.lane.alarm_ns(self.now_ns)
        if due_ns is not None:
            assert due_ns > self.now_ns
            self._alarms.append(due_ns)
        return found


def written(way: Way, parts: list[Part[int]]) -> bytes:
    return b"".join(way.encoded[p.item] if p.data is None else p.data for p in parts)


def items(parts: list[Part[int]]) -> list[int]:
    return [part.item for part in parts]


def test_without_a_rule_messages_go_as_they_are() -> None:
    way = Way()
    assert way.lane.idle
    way.offer(1, 2)
    assert way.parts() == [Part(1), Part(2)]
    assert way.lane.alarm_ns(0) is None


def test_a_duplicate_comes_right_behind_its_message_and_says_whose_doing_it_is() -> None:
    way = Way()
    way.shim.duplicate("twice", frozenset({ONE}), ALL)
    assert not way.lane.idle
    way.offer(1, 2)
    parts = way.parts()
    assert items(parts) == [1, 1, 2, 2]
    assert [part.harm.copied_by for part in parts] == ["", "twice", "", "twice"]
    assert all(part.first for part in parts)
    assert way.shim.clear("twice") == {"seen": 2, "duplicated": 2}


def test_a_duplicate_that_is_due_after_the_end_is_not_written() -> None:
    way = Way()
    way.shim.duplicate("twice", frozenset({ONE}), ALL)
    way.offer(1, 2)
    assert way.lane.pop(0) == Part(1)
    assert way.shim.clear("twice") == {"seen": 2, "duplicated": 0}
    assert way.parts() == [Part(2)]
    assert not len(way.lane)


def test_a_message_is_overtaken_by_the_next_and_by_no_other() -> None:
    way = Way()
    way.shim.reorder("swap", frozenset({ONE}), ALL, 50 * MS)
    way.offer(1)
    assert way.parts() == []
    way.now_ns = 20 * MS
    way.offer(2, 3)
    assert items(way.parts()) == [2, 1]  # and 3 waits for whom comes behind it
    way.offer(4)
    assert items(way.parts()) == [4, 3]
    assert way.shim.clear("swap") == {"seen": 4, "overtaken": 2}


def test_a_message_that_nothing_overtakes_goes_when_the_window_is_over() -> None:
    way = Way()
    way.shim.reorder("swap", frozenset({ONE}), ALL, 50 * MS)
    way.offer(1)
    assert [(at, part.item) for at, part in way.run()] == [(50 * MS, 1)]
    assert way.shim.clear("swap") == {"seen": 1, "overtaken": 0}


def test_the_first_message_of_a_link_is_not_overtaken() -> None:
    way = Way()
    way.shim.reorder("swap", frozenset({ONE}), ALL, 50 * MS)
    assert way.lane.offer(1, 0, first=True) == ""
    way.offer(2)
    assert items(way.parts()) == [1]


def test_a_throttle_lets_the_last_byte_go_when_its_time_has_come() -> None:
    way = Way(size=40)
    way.shim.throttle("narrow", frozenset({ONE}), 1000, BOTH)
    way.offer(1, 2, 3)
    assert [(at, part.item) for at, part in way.run()] == [
        (40 * MS, 1),
        (80 * MS, 2),
        (120 * MS, 3),
    ]
    facts = way.shim.clear("narrow")
    assert facts == {"seen": 3, "throttled": 3, "bytes": 120, "late_us": 120_000}


def test_what_a_throttle_held_back_goes_at_once_when_it_ends() -> None:
    way = Way(size=40)
    way.shim.throttle("narrow", frozenset({ONE}), 1, BOTH)
    way.offer(1, 2)
    assert way.parts() == []
    way.now_ns = 5 * MS
    counts = way.shim.clear("narrow")
    assert (counts["throttled"], counts["bytes"]) == (1, 0), "it waits, and has not left"
    assert items(way.parts()) == [1, 2]


PORTS = {"the quorum port": Port.QUORUM, "the election port": Port.ELECTION}


@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS.keys())
def test_a_throttle_and_a_slice_keep_to_their_port(port: Port) -> None:
    other = Port.ELECTION if port is Port.QUORUM else Port.QUORUM
    way = Way(port=port)
    way.shim.throttle("narrow", frozenset({ONE}), 1, frozenset({other.value}))
    way.shim.slice("cut", frozenset({ONE}), (1, 0), frozenset({other.value}))
    assert way.lane.idle
    way.offer(1)
    assert way.parts() == [Part(1)]


def test_a_slice_writes_pieces_with_pauses_and_nothing_between_them() -> None:
    way = Way(size=10)
    way.shim.slice("cut", frozenset({ONE}), (4, 2 * MS), BOTH)
    way.offer(1, 2)
    told = [(at, p.item, len(p.data or b""), p.first) for at, p in way.run()]
    assert told == [
        (0, 1, 4, True), (2 * MS, 1, 4, False), (4 * MS, 1, 2, False),
        (4 * MS, 2, 4, True), (6 * MS, 2, 4, False), (8 * MS, 2, 2, False),
    ]  # fmt: skip
    assert way.shim.clear("cut") == {"seen": 2, "sliced": 2, "pieces": 6}


def test_what_fits_one_piece_is_not_sliced() -> None:
    way = Way(size=10)
    way.shim.slice("cut", frozenset({ONE}), (10, MS), BOTH)
    way.offer(1)
    assert way.parts() == [Part(1)]
    assert way.shim.clear("cut") == {"seen": 1, "sliced": 0, "pieces": 0}


def test_the_rest_of_a_sliced_message_goes_in_one_when_the_slicing_ends() -> None:
    way = Way(size=10)
    way.shim.slice("cut", frozenset({ONE}), (4, SECOND), BOTH)
    way.offer(1)
    first = way.parts()
    way.shim.clear("cut")
    assert written(way, first + way.parts()) == way.encoded[1]


def test_a_message_has_so_many_pieces_and_no_more() -> None:
    way = Way(size=3 * PIECES_MAX)
    way.shim.slice("cut", frozenset({ONE}), (1, 0), BOTH)
    way.offer(1)
    parts = way.parts()
    assert len(parts) == PIECES_MAX
    assert written(way, parts) == way.encoded[1]


def test_a_corrupt_message_differs_in_the_byte_that_is_named() -> None:
    way = Way()
    way.shim.corrupt("torn", frozenset({ONE}), ALL)
    way.offer(*range(250))
    places: set[int] = set()
    for part in way.parts():
        assert part.data is not None
        right = way.encoded[part.item]
        wrong = [at for at in range(len(right)) if part.data[at] != right[at]]
        assert wrong == [part.harm.byte]
        assert part.harm.corrupted_by == "torn"
        places |= set(wrong)
    assert {0, 1, 2, 3, 39} <= places  # the length too
    assert not way.lane.spoilt
    assert way.shim.clear("torn") == {"seen": 250, "corrupted": 250}
    assert way.lane.spoilt


OF_ELECTIONS: dict[str, Callable[[LinkShim], None]] = {
    "duplicate": lambda shim: shim.duplicate("x", frozenset({ONE}), ALL),
    "reorder": lambda shim: shim.reorder("x", frozenset({ONE}), ALL, SECOND),
    "corrupt": lambda shim: shim.corrupt("x", frozenset({ONE}), ALL),
}


@pytest.mark.parametrize("rule", OF_ELECTIONS.values(), ids=OF_ELECTIONS.keys())
def test_the_quorum_port_stays_a_stream(rule: Callable[[LinkShim], None]) -> None:
    way = Way(port=Port.QUORUM)
    rule(way.shim)
    way.offer(1, 2)
    assert way.parts() == [Part(1), Part(2)]


@pytest.mark.parametrize("rule", OF_ELECTIONS.values(), ids=OF_ELECTIONS.keys())
def test_other_targets_are_left_alone(rule: Callable[[LinkShim], None]) -> None:
    way = Way()
    rule(way.shim)
    assert way.shim.idle(TWO, Port.ELECTION.value)
    assert not way.shim.idle(ONE, Port.ELECTION.value)


def test_seeds_and_names_choose_what_is_harmed() -> None:
    def harmed(seed: str, name: str) -> list[int]:
        way = Way(seed=seed)
        way.shim.duplicate(name, frozenset({ONE}), ALL // 2)
        way.offer(*range(40))
        return items(way.parts())

    assert harmed("7", "a") == harmed("7", "a")
    assert len({tuple(harmed(*of)) for of in (("7", "a"), ("8", "a"), ("7", "b"))}) == 3


def test_what_was_not_begun_is_given_back_once_each() -> None:
    way = Way(size=10)
    way.shim.duplicate("twice", frozenset({ONE}), ALL)
    way.shim.slice("cut", frozenset({ONE}), (4, SECOND), BOTH)
    way.offer(1, 2, 3)
    assert items(way.parts()) == [1]
    assert way.lane.drop() == [2, 3]
    assert not len(way.lane)


def end(shim: LinkShim) -> None:
    for name in "xstc":
        shim.clear(name)


RULES: dict[str, Callable[[LinkShim], None]] = {
    **OF_ELECTIONS,
    "slow": lambda shim: shim.slow("s", {ONE: (5 * MS, 4 * MS)}),
    "throttle": lambda shim: shim.throttle("t", frozenset({ONE}), 5000, BOTH),
    "slice": lambda shim: shim.slice("c", frozenset({ONE}), (7, MS), BOTH),
    "end": end,
}
STEPS = st.lists(
    st.one_of(st.sampled_from(sorted(RULES)), st.integers(0, 255), st.just("wait")), max_size=40
)


@given(STEPS)
def test_every_message_is_written_whole_and_once_but_for_what_is_told(
    steps: list[str | int],
) -> None:
    """Whatever comes together: pieces join to frames, and each other frame names its fault."""
    way = Way()
    offered: list[int] = []
    parts: list[Part[int]] = []
    for step in steps:
        match step:
            case int():
                offered.append(step)
                way.offer(step)
            case "wait":
                parts += [part for _, part in way.run(way.now_ns + 20 * MS)]
                way.now_ns += MS
            case _:
                RULES[step](way.shim)
    parts += [part for _, part in way.run()]
    assert not len(way.lane)
    frames: list[tuple[Part[int], bytes]] = []
    for part in parts:
        data = way.encoded[part.item] if part.data is None else part.data
        if part.first:
            frames.append((part, data))
        else:
            assert frames[-1][0].item == part.item
            frames[-1] = (frames[-1][0], frames[-1][1] + data)
    assert sorted(f.item for f, _ in frames if not f.harm.copied_by) == sorted(offered)
    for frame, data in frames:
        right = way.encoded[frame.item]
        assert len(data) == len(right)
        assert (data != right) == bool(frame.harm.corrupted_by)
