"""Two histories part at the earliest thing that a lane did in one and not in the other."""

from __future__ import annotations

from chaos.actions import Evidence, Pause
from chaos.election.effects import Effect, Entered, Phase, Proposed, Start
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.vote import Vote
from chaos.history.events import Acted, Event, RunBegan, StepBegan, StepEnded, Stepped
from chaos.history.history import History
from chaos.verify.divergence import divergences, first_divergence, lanes

S = 1_000_000_000


def history(*events: Event, zero: int = 0) -> History:
    return History.of([RunBegan(zero, "x", 1, "simulated"), *events])


def step(at: int, name: str, *targets: int) -> StepBegan:
    return StepBegan(at, name, at, tuple(map(Sid, targets)))


def test_times_alone_are_no_difference() -> None:
    one = history(step(1, "a", 3), StepEnded(2, "a", "done"))
    other = history(step(5, "a", 3), StepEnded(9, "a", "done"), zero=4)
    assert first_divergence(one, other) is None


def test_what_an_action_took_is_no_lane() -> None:
    acted = Acted(1, 2, "a", Pause(Sid(1)), Evidence(True))
    assert first_divergence(history(step(1, "a", 1), acted), history(step(1, "a", 1))) is None


def test_the_first_difference_has_both_sides_and_what_came_before() -> None:
    one = history(step(1, "a", 3), step(2, "b", 1), step(3, "c", 1))
    other = history(step(1, "a", 3), step(2, "b", 2), step(3, "c", 2))
    found = first_divergence(one, other)
    assert found is not None
    assert (found.lane, found.same) == ("plan", 1)
    assert found.here is not None
    assert found.there is not None
    assert (found.here.text, found.there.text) == ("b begins on 1", "b begins on 2")
    assert [deed.text for deed in found.before] == ["a begins on 3"]


def test_a_history_that_was_cut_short_has_nothing_more() -> None:
    one = history(step(1, "a", 3))
    other = history(step(1, "a", 3), step(2, "b", 2))
    found = first_divergence(one, other)
    assert found is not None
    assert (found.here, found.at_ns) == (None, 2)
    assert len(list(divergences(one, other))) == 1


def test_lanes_hold_what_was_done_in_order() -> None:
    found = lanes(history(step(2 * S, "b"), step(S, "a", 1, 2), zero=S))
    assert [(deed.at_ns, deed.text) for deed in found["plan"]] == [
        (0, "a begins on 1, 2"),
        (S, "b begins"),
    ]


def looked(at: int, *effects: Effect) -> Stepped:
    return Stepped(at, Sid(1), 0, at, Start(), effects)


def vote(leader: int) -> Vote:
    return Vote(Sid(leader), Zxid(0), Round(1), PeerEpoch(0))


def test_votes_on_the_way_can_be_left_out() -> None:
    one = history(
        looked(1, Proposed(vote(1))), looked(2, Entered(ServerState.LOOKING, Phase.ELECTION))
    )
    other = history(
        looked(1, Proposed(vote(2))), looked(2, Entered(ServerState.LOOKING, Phase.ELECTION))
    )
    found = first_divergence(one, other)
    assert found is not None
    assert found.lane == "peer 1"
    assert first_divergence(one, other, votes=False) is None
