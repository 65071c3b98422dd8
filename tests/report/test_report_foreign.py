"""Pages of runs with servers that keep no journal of ours."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from chaos.election.effects import Decided
from chaos.election.ids import Sid
from chaos.history.events import Seen
from chaos.history.history import History
from chaos.report.bands import bands
from chaos.report.elections import elections
from chaos.report.handshakes import Sign, marks, parcels
from chaos.report.lanes import reigns, segments
from chaos.report.messages import Fate, messages, tallies
from chaos.report.page import render
from chaos.report.servers import programs, servers
from chaos.report.telling import what
from chaos.verify.foreign.outside import from_outside
from tests.report.runs import paused_then_cut, result_of
from tests.report.small_world import MS
from tests.report.test_report_page import Tree

FOREIGN = (Sid(2), Sid(4), Sid(5))


@cache
def ours() -> History:
    return paused_then_cut()


@cache
def mixed(*sids: Sid) -> History:
    """The same run with three of five servers as foreign ones, or ``sids``."""
    return from_outside(ours(), *(sids or FOREIGN))


def test_lanes_are_the_same_wherever_they_are_seen_from() -> None:
    assert [(s.sid, s.look, s.leader, s.from_ns, s.to_ns) for s in segments(mixed())] == [
        (s.sid, s.look, s.leader, s.from_ns, s.to_ns) for s in segments(ours())
    ]
    assert reigns(mixed()) == reigns(ours())


@pytest.mark.parametrize("sids", [FOREIGN, tuple(map(Sid, range(1, 6)))], ids=["some", "all"])
def test_every_message_arrives_that_arrived(sids: tuple[Sid, ...]) -> None:
    def arrived(history: History) -> list[tuple[Sid, Sid, int, int | None]]:
        found = messages(history, bands(history, {}))
        return [
            (m.source, m.target, m.sent_ns, m.read_ns) for m in found if m.fate is Fate.DELIVERED
        ]

    assert sorted(arrived(mixed(*sids))) == sorted(arrived(ours()))


def test_a_message_that_was_captured_before_its_writer_noted_it_arrives_then() -> None:
    events = [
        e if not isinstance(e, Seen) or e.happened is None else _early(e) for e in mixed().events
    ]
    found = messages(History.of(events), ())
    late = [m for m in found if m.read_ns is not None and m.read_ns < m.sent_ns]
    assert late == []
    count = sum(m.fate is Fate.DELIVERED for m in messages(mixed(), ()))
    assert sum(m.fate is Fate.DELIVERED for m in found) == count


def _early(seen: Seen) -> Seen:
    return replace(seen, at_ns=seen.at_ns - MS, since_ns=seen.since_ns - MS)


def test_messages_of_foreign_servers_are_counted() -> None:
    found = tallies(mixed(), messages(mixed(), ()))
    assert {(t.source, t.target) for t in found} >= {(Sid(1), Sid(2)), (Sid(2), Sid(1))}
    assert all(t.delivered for t in found)


def test_packets_of_handshakes_go_from_end_to_end() -> None:
    whole = {(p.source, p.target, p.kind, p.sent_ns) for p in parcels(ours())}
    seen = {(p.source, p.target, p.kind, p.sent_ns) for p in parcels(mixed())}
    assert seen == whole
    assert all(p.read_ns is not None for p in parcels(mixed()) if p.kind == "NEWLEADER")


def test_what_two_sources_tell_is_marked_once() -> None:
    again = [
        Seen(e.at_ns + MS, e.sid, e.inc, 10**6 + n, e.since_ns, e.source, None, e.effects)
        for n, (_, e) in enumerate(mixed().every(Seen))
        if any(isinstance(effect, Decided) for effect in e.effects)
    ]
    history = History.of([*mixed().events, *again])
    decided = [m for m in marks(history) if m.sign is Sign.DECIDED and m.sid in FOREIGN]
    assert len(decided) == len(again)


def test_elections_among_foreign_servers_have_phases_though_nobody_tells_of_a_quorum() -> None:
    history = mixed(*map(Sid, range(1, 6)))
    found = elections(history, reigns(history), segments(history), bands(history, {}))
    assert [[phase.name for phase in election.phases] for election in found] == [
        ["vote and finalize", "handshake"],
        ["detect", "vote and finalize", "handshake"],
        ["detect", "vote and finalize", "handshake"],
    ]
    whole = elections(ours(), reigns(ours()), segments(ours()), bands(ours(), {}))
    assert [election.rounds for election in found] == [election.rounds for election in whole]


def test_a_page_names_the_program_of_each_lane() -> None:
    names = programs(mixed())
    assert (names[Sid(1)], names[Sid(2)]) == ("chaos", "zookeeper 3.8.0")
    text = " ".join(Tree(render(result_of(mixed()), mixed())).text)
    assert "zookeeper 3.8.0" in text


def test_a_page_says_how_each_server_was_observed() -> None:
    rows = {row.sid: row for row in servers(mixed(), "0.1.0")}
    assert (rows[Sid(1)].version, rows[Sid(1)].observed) == ("0.1.0", "its own journal")
    assert (rows[Sid(2)].program, rows[Sid(2)].version) == ("zookeeper", "3.8.0")
    assert rows[Sid(2)].observed.startswith("from outside: ")
    assert "lines of its log" in rows[Sid(2)].observed
    assert "packets" in rows[Sid(2)].observed


def test_a_run_of_our_own_peers_needs_no_names_of_programs() -> None:
    assert (programs(ours()), servers(ours(), "0.1.0")) == ({}, ())


def test_a_line_of_evidence_says_where_it_was_seen_and_how_unsure_it_is() -> None:
    history = from_outside(ours(), *FOREIGN, log_ns=40 * MS)
    told = [what(event) for _, event in history.every(Seen)]
    assert any(line.startswith("packets show: tells ") for line in told)
    assert any("its log says: decides on" in line and "some time in 40" in line for line in told)
