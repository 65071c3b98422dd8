"""Which links live, what waits on them, and what is said again: one test a fact.

Source: ZooKeeper 3.8 ``QuorumCnxManager``. ``TWO`` is peer 2 of the ensemble 1, 2, 3.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.cnx import Adopt, CnxManager, Dial, Drop, Initiate, Overwritten, Ready
from chaos.election.config import Address
from chaos.election.ids import OBSERVER_ID, Sid

HOMES = {Sid(sid): Address(f"10.0.0.{sid}", 3888) for sid in (1, 2, 3)}
ONE, TWO, THREE, UNKNOWN_SMALL, UNKNOWN_LARGE = Sid(1), Sid(2), Sid(3), Sid(0), Sid(99)
AWAY = Address("192.0.2.9", 4000)


@pytest.fixture
def two() -> CnxManager[str]:
    return CnxManager(TWO, HOMES)


def linked(manager: CnxManager[str], sid: Sid, conn: int) -> None:
    """Give ``manager`` a link to a larger ``sid`` that has said all it had to say."""
    manager.accepted(conn, sid, HOMES.get(sid))
    while manager.next_message(conn):
        pass


class TestWhoKeepsTheConnection:
    def test_the_dialer_with_the_larger_sid_keeps_it(self, two: CnxManager[str]) -> None:
        assert two.dialed(ONE, 7) == [Initiate(7), Adopt(7, ONE), Ready(7, ONE)]

    def test_the_dialer_with_the_smaller_sid_says_who_it_is_and_closes(
        self, two: CnxManager[str]
    ) -> None:
        initiate, drop = two.dialed(THREE, 7)
        assert initiate == Initiate(7)
        assert isinstance(drop, Drop)
        assert drop.conn == 7
        assert two.next_message(7) is None

    def test_a_dial_that_the_larger_sid_forestalled_is_dropped_unsaid(
        self, two: CnxManager[str]
    ) -> None:
        two.send(Sid(3), "vote")
        two.accepted(7, 3, None)
        assert two.has_link(Sid(3))
        assert two.dialed(Sid(3), 8) == [Drop(8, "its link stands already")]
        assert two.has_link(Sid(3))

    def test_the_acceptor_keeps_a_larger_sid(self, two: CnxManager[str]) -> None:
        assert two.accepted(7, THREE, HOMES[THREE]) == [Adopt(7, THREE), Ready(7, THREE)]

    def test_the_acceptor_closes_a_smaller_sid_and_dials_back(self, two: CnxManager[str]) -> None:
        drop, dial = two.accepted(7, ONE, HOMES[ONE])
        assert isinstance(drop, Drop)
        assert (drop.conn, dial) == (7, Dial(ONE, HOMES[ONE]))

    def test_it_dials_back_where_the_initiation_says(self, two: CnxManager[str]) -> None:
        assert two.accepted(7, ONE, AWAY)[-1] == Dial(ONE, AWAY)

    def test_it_dials_back_the_configured_address_if_none_was_sent(
        self, two: CnxManager[str]
    ) -> None:
        """Legacy initiations, and wildcards that are no address (rows 36 and 37)."""
        assert two.accepted(7, ONE, None)[-1] == Dial(ONE, HOMES[ONE])

    def test_a_smaller_sid_ends_the_old_link_too(self, two: CnxManager[str]) -> None:
        two.dialed(ONE, 7)
        dropped = [e.conn for e in two.accepted(8, ONE, None) if isinstance(e, Drop)]
        assert dropped == [7, 8]

    def test_a_newer_link_takes_the_place_of_the_old(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        drop, *rest = two.accepted(8, THREE, None)
        assert isinstance(drop, Drop)
        assert drop.conn == 7
        assert rest == [Adopt(8, THREE), Ready(8, THREE)]

    def test_my_own_sid_is_closed_where_zookeeper_leaks_it(self, two: CnxManager[str]) -> None:
        (drop,) = two.accepted(7, TWO, HOMES[TWO])
        assert isinstance(drop, Drop)
        assert drop.conn == 7

    def test_an_unknown_larger_sid_is_kept(self, two: CnxManager[str]) -> None:
        assert Adopt(7, UNKNOWN_LARGE) in two.accepted(7, UNKNOWN_LARGE, None)

    def test_an_unknown_smaller_sid_is_dialed_wherever_it_says(self, two: CnxManager[str]) -> None:
        assert two.accepted(7, UNKNOWN_SMALL, AWAY)[-1] == Dial(UNKNOWN_SMALL, AWAY)

    def test_an_unknown_smaller_sid_without_address_is_only_closed(
        self, two: CnxManager[str]
    ) -> None:
        (drop,) = two.accepted(7, UNKNOWN_SMALL, None)
        assert isinstance(drop, Drop)

    def test_anonymous_observers_are_numbered_down_from_minus_one(
        self, two: CnxManager[str]
    ) -> None:
        first = two.accepted(7, OBSERVER_ID, AWAY)[-1]
        second = two.accepted(8, OBSERVER_ID, AWAY)[-1]
        assert [first, second] == [Dial(Sid(-1), AWAY), Dial(Sid(-2), AWAY)]


class TestDialing:
    def test_a_message_without_link_dials(self, two: CnxManager[str]) -> None:
        assert two.send(THREE, "v1") == [Dial(THREE, HOMES[THREE])]

    def test_one_dial_a_peer_is_under_way_at_most(self, two: CnxManager[str]) -> None:
        two.send(THREE, "v1")
        assert two.send(THREE, "v2") == [Overwritten(THREE, "v1")]
        assert two.connect_all() == []

    def test_a_dial_back_does_not_double_a_dial(self, two: CnxManager[str]) -> None:
        two.send(ONE, "v1")
        assert not any(isinstance(e, Dial) for e in two.accepted(7, ONE, AWAY))

    def test_a_failed_dial_is_not_repeated_by_itself_but_by_the_next_send(
        self, two: CnxManager[str]
    ) -> None:
        two.send(THREE, "v1")
        two.dial_failed(THREE)
        assert two.send(THREE, "v2")[-1] == Dial(THREE, HOMES[THREE])

    def test_a_sid_without_address_is_not_dialed(self, two: CnxManager[str]) -> None:
        assert two.send(UNKNOWN_LARGE, "v1") == []

    def test_connect_all_dials_who_has_a_queue_and_no_link(self, two: CnxManager[str]) -> None:
        assert two.connect_all() == []
        linked(two, THREE, 7)
        two.send(ONE, "v1")
        two.dial_failed(ONE)
        assert two.connect_all() == [Dial(ONE, HOMES[ONE])]

    def test_a_lost_link_is_dialed_by_the_next_send(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        two.lost(7)
        assert two.send(THREE, "v1") == [Dial(THREE, HOMES[THREE])]

    def test_the_end_of_an_old_link_leaves_its_successor_alone(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        linked(two, THREE, 8)
        two.lost(7)
        assert two.send(THREE, "v1") == [Ready(8, THREE)]


class TestWhatIsSaid:
    def test_a_queue_holds_one_message_the_newest(self, two: CnxManager[str]) -> None:
        two.send(THREE, "v1")
        two.send(THREE, "v2")
        two.accepted(7, THREE, None)
        assert two.next_message(7) == ("v2", False)
        assert two.next_message(7) is None

    def test_a_linked_peer_is_told_at_once(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        assert two.send(THREE, "v1") == [Ready(7, THREE)]

    def test_a_new_link_with_nothing_to_say_repeats_the_last_message_once(
        self, two: CnxManager[str]
    ) -> None:
        two.accepted(7, THREE, None)
        two.send(THREE, "v1")
        assert two.next_message(7) == ("v1", False)
        two.lost(7)
        two.accepted(8, THREE, None)
        assert two.next_message(8) == ("v1", True)
        assert two.next_message(8) is None

    def test_a_new_link_with_news_does_not_repeat(self, two: CnxManager[str]) -> None:
        two.accepted(7, THREE, None)
        two.send(THREE, "v1")
        two.next_message(7)
        two.lost(7)
        two.send(THREE, "v2")
        two.accepted(8, THREE, None)
        assert two.next_message(8) == ("v2", False)
        assert two.next_message(8) is None

    def test_an_old_link_never_repeats(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        two.send(THREE, "v1")
        two.next_message(7)
        assert two.next_message(7) is None

    def test_a_message_that_was_being_written_is_not_put_back(self, two: CnxManager[str]) -> None:
        """It is the last message from before its write on: only a new link says it again."""
        linked(two, THREE, 7)
        two.send(THREE, "v1")
        two.next_message(7)
        two.lost(7)
        assert two.have_delivered()
        two.accepted(8, THREE, None)
        assert two.next_message(8) == ("v1", True)

    def test_a_link_that_is_gone_has_nothing_to_say(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        two.send(THREE, "v1")
        two.lost(7)
        assert two.next_message(7) is None


class TestHaveDelivered:
    def test_it_is_false_without_any_queue(self, two: CnxManager[str]) -> None:
        assert not two.have_delivered()

    def test_it_is_false_while_every_queue_is_full(self, two: CnxManager[str]) -> None:
        two.send(ONE, "v1")
        two.send(THREE, "v1")
        assert not two.have_delivered()

    def test_one_empty_queue_makes_it_true(self, two: CnxManager[str]) -> None:
        """The name promises all queues (ZOOKEEPER-3637, 4605); the rule asks for one."""
        two.send(ONE, "v1")
        linked(two, THREE, 7)
        assert two.have_delivered()


class TestRestart:
    def test_it_closes_every_link(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        two.dialed(ONE, 8)
        dropped = [e.conn for e in two.restart(HOMES) if isinstance(e, Drop)]
        assert sorted(dropped) == [7, 8]

    def test_it_forgets_queues_and_last_messages(self, two: CnxManager[str]) -> None:
        linked(two, THREE, 7)
        two.send(THREE, "v1")
        two.next_message(7)
        two.send(ONE, "v2")
        two.restart(HOMES)
        assert not two.have_delivered()
        assert two.connect_all() == []
        two.accepted(8, THREE, None)
        assert two.next_message(8) is None

    def test_it_takes_the_new_addresses(self, two: CnxManager[str]) -> None:
        two.restart({THREE: AWAY})
        assert two.send(THREE, "v1") == [Dial(THREE, AWAY)]
        assert two.send(ONE, "v1") == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("send", "accepted", "dialed", "dial_failed", "lost", "next")),
        st.sampled_from((UNKNOWN_SMALL, ONE, THREE, UNKNOWN_LARGE)),
        st.integers(0, 5),
    ),
    max_size=40,
)


@given(STEPS)
def test_a_peer_has_one_link_and_a_message_is_written_once_or_again_on_a_new_link(
    steps: list[tuple[str, Sid, int]],
) -> None:
    manager: CnxManager[int] = CnxManager(TWO, HOMES)
    open_links: dict[int, Sid] = {}
    written: list[int] = []
    conn = 0
    for number, (verb, sid, which) in enumerate(steps):
        effects = []
        if verb == "send":
            effects = manager.send(sid, number)
        elif verb in ("accepted", "dialed"):
            conn += 1
            opened = manager.accepted(conn, sid, AWAY) if verb == "accepted" else None
            effects = manager.dialed(sid, conn) if opened is None else opened
        elif verb == "dial_failed":
            manager.dial_failed(sid)
        elif verb == "lost":
            manager.lost(which)
            open_links.pop(which, None)
        elif found := manager.next_message(which):
            assert which in open_links
            written += [] if found[1] else [found[0]]
        for effect in effects:
            if isinstance(effect, Adopt):
                open_links[effect.conn] = effect.sid
            elif isinstance(effect, Drop):
                open_links.pop(effect.conn, None)
        assert len(set(open_links.values())) == len(open_links)
    assert len(set(written)) == len(written)


def test_a_stranger_is_forgotten_with_its_link(two: CnxManager[str]) -> None:
    for number in range(100):
        stranger = Sid(1000 + number)
        two.accepted(number, stranger, None)
        two.send(stranger, "an answer")
        two.lost(number)
    assert not two.have_delivered(), "no queue is left"
    two.accepted(200, Sid(1000), None)
    assert two.next_message(200) is None, "and no last message"
