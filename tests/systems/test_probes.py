"""Which answers to ``srvr`` a history tells."""

from __future__ import annotations

from chaos.election.ids import Sid, Zxid
from chaos.history.events import Appeared, Seen, Source
from chaos.systems.probes import Probes
from chaos.systems.starts import Starts
from chaos.zookeeper.polls import Poll
from chaos.zookeeper.words import NOT_SERVING

TWO = Sid(2)


def poll(ms: int, mode: str, zxid: int | None = None, why: str = "", took: int = 1) -> Poll:
    return Poll(TWO, ms - took, ms, mode, None if zxid is None else Zxid(zxid), why)


def told(*polls: Poll, starts: tuple[int, ...] = (0,)) -> list[Seen]:
    known = Starts()
    probes = Probes(known)
    for at_ns in starts:
        inc = known.began(TWO, at_ns)
        probes.stands(Appeared(at_ns + 2, TWO, inc, 0, 71, "zookeeper", "3.8.0", ""))
    return list(probes.take(polls))


def test_an_answer_is_told_when_it_changes_and_not_for_each_zxid() -> None:
    found = told(
        poll(10, "", why=NOT_SERVING),
        poll(20, "leader", 1 << 32),
        poll(30, "leader", 1 << 32 | 5),
        poll(40, "follower", 2 << 32),
    )
    assert [one.text for one in found] == [
        f"srvr: {NOT_SERVING}",
        "srvr: leader, zxid 0x100000000",
        "srvr: follower, zxid 0x200000000",
    ]
    assert [one.seq for one in found] == [1, 2, 3]
    assert {(one.source, one.effects, one.happened) for one in found} == {(Source.PROBE, (), None)}
    assert (found[1].since_ns, found[1].at_ns) == (19, 20)


def test_a_server_that_is_stopped_is_silent_and_one_that_is_gone_tells_nothing() -> None:
    found = told(poll(10, "", why="timed out"), poll(20, "", why="[Errno 111] Connection refused"))
    assert [one.text for one in found] == ["srvr: timed out"]


def test_each_start_tells_anew_and_nobody_knows_whose_an_answer_across_a_start_is() -> None:
    found = told(
        poll(10, "leader", 5), poll(50, "leader", 5, took=20), poll(60, "leader"), starts=(0, 40)
    )
    assert [(one.inc, one.text) for one in found] == [
        (0, "srvr: leader, zxid 0x5"),
        (1, "srvr: leader"),
    ]


def test_what_a_start_answers_ahead_of_its_first_line_is_not_told() -> None:
    found = told(poll(42, "", why=NOT_SERVING), poll(60, "leader"), starts=(0, 40))
    assert [(one.inc, one.seq, one.text) for one in found] == [(1, 1, "srvr: leader")]


def test_of_our_own_peers_and_before_the_first_start_nothing_is_told() -> None:
    assert told(poll(10, "leader"), starts=()) == []
