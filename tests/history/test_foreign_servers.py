"""Servers that keep no journal: what is seen of them counts as what peers tell of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.actions import Evidence, Kill, Launch
from chaos.election.config import parse_configuration
from chaos.election.effects import Decided, Effect, Entered, Exit, Phase, Serving, Start
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.election.vote import Vote
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    RunBegan,
    RunEnded,
    Seen,
    Source,
    Stepped,
)
from chaos.history.history import History, Span
from chaos.history.view import EnsembleView
from chaos.verify.replay import reigns
from chaos.verify.turns import What, turns

TEXT = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in (1, 2, 3)) + "\nversion=0"
ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING
LOOKS = Entered(LOOKING, Phase.ELECTION)
VOTE = Vote(THREE, Zxid(0), Round(1), PeerEpoch(0))


def appeared(at: int, sid: Sid, inc: int = 0) -> Appeared:
    return Appeared(
        at, sid, inc, 0, 70 + sid, "zookeeper", "3.8.0", TEXT, PeerEpoch(2), PeerEpoch(1), Zxid(7)
    )


def seen(
    at: int, sid: Sid, *effects: Effect, source: Source = Source.LOG, inc: int = 0, seq: int = 0
) -> Seen:
    return Seen(at, sid, inc, seq or at, at - 1, source, None, effects)


def joined(at: int, sid: Sid, state: ServerState) -> list[Event]:
    """A server that decides for 3 and serves, each in a line of its log."""
    return [
        seen(at, sid, Decided(VOTE, state, (), Exit.FINALIZED)),
        seen(at + 1, sid, Entered(state, Phase.DISCOVERY)),
        seen(at + 2, sid, Entered(state, Phase.BROADCAST), Serving(PeerEpoch(1))),
    ]


def ensemble(*more: Event) -> History:
    """Foreign servers 2 and 3, of which 3 leads; our peer 1 never settles."""
    events: list[Event] = [RunBegan(0, "mixed", 1, "mixed"), RunEnded(1000, "done")]
    events += [appeared(1, TWO), appeared(1, THREE), seen(2, TWO, LOOKS), seen(2, THREE, LOOKS)]
    events += [
        Began(1, ONE, 0, 0, 70, PeerSpec(ONE, TEXT)),
        Stepped(2, ONE, 0, 1, Start(), (LOOKS,)),
    ]
    events += [*joined(10, THREE, LEADING), *joined(20, TWO, FOLLOWING), *more]
    return History.of(events)


def viewed(events: Sequence[Event]) -> EnsembleView:
    view = EnsembleView((ONE, TWO, THREE), parse_configuration(TEXT))
    for event in events:
        view.observe(event)
    return view


def spans(history: History, sid: Sid) -> list[Span]:
    return [span for span in history.spans if span.sid == sid]


def test_a_server_that_appears_is_up_and_looks() -> None:
    peer = viewed([appeared(1, TWO)]).peers[TWO]
    assert (peer.up, peer.state, peer.inc) == (True, LOOKING, 0)
    assert (peer.accepted_epoch, peer.current_epoch, peer.zxid) == (2, 1, 7)
    assert peer.config is not None
    assert peer.config.voters == {1, 2, 3}


def test_addresses_of_foreign_servers_are_known() -> None:
    assert set(viewed([appeared(1, TWO)]).known) == {1, 2, 3}


def test_foreign_servers_lead_and_follow_by_what_was_seen() -> None:
    view = viewed(ensemble().events)
    assert view.leaders() == {THREE: 1}
    assert view.roles() == {1: "looking", 2: "follower", 3: "leader"}


def test_a_decision_alone_ends_looking() -> None:
    events: list[Event] = [appeared(1, TWO)]
    events += [seen(2, TWO, Decided(VOTE, FOLLOWING, (), Exit.FINALIZED))]
    assert viewed(events).roles()[TWO] == "follower"


def test_what_is_told_after_a_kill_revives_nobody() -> None:
    kill = Acted(40, 41, "s", Kill(THREE), Evidence(bit=True))
    view = viewed([*ensemble().events[:-1], kill, *joined(42, THREE, LEADING)])
    assert view.roles()[THREE] == "down"


def test_what_is_told_of_an_earlier_start_changes_nothing() -> None:
    view = viewed([appeared(1, TWO, inc=1), seen(2, TWO, Entered(LEADING, Phase.BROADCAST))])
    assert view.roles()[TWO] == "looking"


def test_a_history_knows_its_foreign_servers() -> None:
    history = ensemble()
    assert history.sids == (1, 2, 3)
    assert set(history.foreign) == {2, 3}
    assert [birth.sid for _, birth in history.births()] == [1, 2, 3]


def test_what_was_seen_is_sorted_by_when_it_had_happened_and_then_as_it_was_seen() -> None:
    lines = [seen(5, TWO, seq=3), seen(5, TWO, seq=2), seen(4, TWO, seq=9)]
    assert [e.seq for _, e in History.of(lines).every(Seen)] == [9, 2, 3]


def test_foreign_servers_have_spans() -> None:
    found = [(span.state, span.phase, span.vote) for span in spans(ensemble(), THREE)]
    assert found == [
        (LOOKING, Phase.ELECTION, None),
        (LEADING, Phase.DISCOVERY, VOTE),
        (LEADING, Phase.BROADCAST, VOTE),
    ]


def test_a_state_that_is_told_again_begins_no_span() -> None:
    again = Entered(LEADING, Phase.BROADCAST)
    history = ensemble(seen(30, THREE, again), seen(31, THREE, again, source=Source.PROBE))
    assert len(spans(history, THREE)) == 3


def test_a_log_that_says_looking_again_tells_of_another_election() -> None:
    history = ensemble(seen(30, THREE, LOOKS), seen(40, THREE, LOOKS))
    assert [span.from_ns for span in spans(history, THREE)][-2:] == [30, 40]
    assert [turn.at_ns for turn in turns(history) if turn.what is What.LOOKING][-2:] == [30, 40]


def test_a_probe_that_says_looking_again_does_not() -> None:
    probe = seen(40, THREE, LOOKS, source=Source.PROBE)
    history = ensemble(seen(30, THREE, LOOKS), probe)
    assert [span.from_ns for span in spans(history, THREE)][-1] == 30
    assert [turn.at_ns for turn in turns(history) if turn.what is What.LOOKING][-1] == 30


def test_a_line_that_is_told_after_the_end_tells_of_what_was_before() -> None:
    history = ensemble(Exited(50, THREE, 0, -9), seen(51, THREE, LOOKS))
    assert spans(history, THREE)[-1].state is None
    assert [turn.what for turn in turns(history) if turn.sid == THREE][-1] is What.GONE


def test_a_foreign_leader_reigns_until_it_ends() -> None:
    (reign,) = reigns(ensemble(Exited(50, THREE, 0, 143)))
    assert (reign.holder, reign.from_ns, reign.to_ns) == (THREE, 20, 50)


def launch(bit: bool) -> Acted:
    return Acted(50, 51, "s", Launch(THREE), Evidence(bit=bit))


def test_a_server_that_is_started_again_is_up_and_looks_before_it_appears() -> None:
    kill = Acted(40, 41, "s", Kill(THREE), Evidence(bit=True))
    events = [*ensemble().events[:-1], kill]
    assert viewed([*events, launch(bit=False)]).roles()[THREE] == "down"
    view = viewed([*events, launch(bit=True)])
    assert (view.roles()[THREE], view.peers[THREE].inc) == ("looking", 1)
    late = seen(52, THREE, Serving(PeerEpoch(9)))
    assert viewed([*events, launch(bit=True), late]).peers[THREE].epoch is None


def test_a_start_that_is_told_late_changes_nothing_at_who_appeared_already() -> None:
    kill = Acted(40, 41, "s", Kill(THREE), Evidence(bit=True))
    again: list[Event] = [
        appeared(51, THREE, 1),
        seen(52, THREE, Decided(VOTE, LEADING, (), Exit.FINALIZED), inc=1),
    ]
    view = viewed([*ensemble().events[:-1], kill, *again, launch(bit=True)])
    assert view.roles()[THREE] == "leader"
