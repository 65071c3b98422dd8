"""What ``leader``, ``followers`` and the other words of a plan mean at one moment."""

from __future__ import annotations

import pytest

from chaos.actions import Block, Cut, Evidence, Kill, Launch, Pause, Resume, Unblock
from chaos.election.config import parse_configuration
from chaos.election.effects import (
    Decided,
    Effect,
    Entered,
    Exit,
    PersistConfig,
    Phase,
    Proposed,
    Serving,
    Start,
    SteppedDown,
)
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.election.vote import Vote
from chaos.history.events import Acted, Began, Exited, Left, Stepped
from chaos.history.view import EnsembleView

TEXT = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in (1, 2, 3)) + "\nversion=0"
ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING
BIT = Evidence(bit=True)


def vote(leader: Sid) -> Vote:
    return Vote(leader, Zxid(0), Round(1), PeerEpoch(0))


class Ensemble:
    """Three peers that are told what happens to them, one moment after another."""

    def __init__(self) -> None:
        self.view = EnsembleView((ONE, TWO, THREE), parse_configuration(TEXT))
        self.now = 0

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def begin(self, *sids: Sid, inc: int = 0) -> None:
        for sid in sids:
            self.view.observe(Began(self._tick(), sid, inc, 0, 100, PeerSpec(sid, TEXT)))

    def step(self, sid: Sid, *effects: Effect) -> None:
        self.view.observe(Stepped(self._tick(), sid, 0, self.now, Start(), effects))

    def lead(self, sid: Sid, epoch: int, *, of: tuple[Sid, ...]) -> None:
        self.settle(sid, sid, LEADING)
        for follower in of:
            self.settle(follower, sid, FOLLOWING)
        self.step(sid, Entered(LEADING, Phase.BROADCAST), Serving(PeerEpoch(epoch)))

    def settle(self, sid: Sid, leader: Sid, state: ServerState) -> None:
        decided = Decided(vote(leader), state, (sid, leader), Exit.FINALIZED)
        self.step(sid, decided, Entered(state, Phase.DISCOVERY))

    def pause(self, sid: Sid) -> None:
        self.view.observe(Acted(self._tick(), self.now, "s", Pause(sid), BIT))

    def resume(self, sid: Sid) -> None:
        self.view.observe(Acted(self._tick(), self.now, "s", Resume(sid), BIT))


@pytest.fixture
def three() -> Ensemble:
    """Three peers are up; 3 leads epoch 1, followed by 1 and 2."""
    ensemble = Ensemble()
    ensemble.begin(ONE, TWO, THREE)
    ensemble.lead(THREE, 1, of=(ONE, TWO))
    return ensemble


def test_cuts_are_known_while_they_are_in_place(three: Ensemble) -> None:
    block = Block("cut", (Cut(ONE, TWO),))
    three.view.observe(Acted(90, 90, "s", block, Evidence(None)))
    assert three.view.blocks == {"cut": (Cut(ONE, TWO),)}
    failed = Evidence(False, {"error": "the world is gone"})
    three.view.observe(Acted(91, 91, "s", Unblock("cut"), failed))
    assert three.view.blocks
    three.view.observe(Acted(92, 92, "s", Unblock("cut"), Evidence(False, {"packets": 0})))
    assert three.view.blocks == {}


def test_a_block_that_did_not_happen_cuts_nothing(three: Ensemble) -> None:
    block = Block("cut", (Cut(ONE, TWO),))
    three.view.observe(Acted(90, 90, "s", block, Evidence(False)))
    assert three.view.blocks == {}


def test_a_proposed_configuration_counts_beside_the_committed_one(three: Ensemble) -> None:
    assert [config.version for config in three.view.in_force] == [0]
    three.step(ONE, PersistConfig(TEXT.replace("version=0", "version=5"), active=False))
    assert [config.version for config in three.view.in_force] == [0, 5]
    three.step(TWO, PersistConfig(TEXT.replace("version=0", "version=5"), active=True))
    assert [config.version for config in three.view.in_force] == [5]


def test_peers_are_down_until_they_begin() -> None:
    assert Ensemble().view.roles() == {1: "down", 2: "down", 3: "down"}


def test_peers_look_before_they_settle() -> None:
    ensemble = Ensemble()
    ensemble.begin(ONE, TWO)
    assert ensemble.view.roles() == {1: "looking", 2: "looking", 3: "down"}
    assert ensemble.view.leader is None


def test_a_leader_serves_with_a_quorum_behind_it(three: Ensemble) -> None:
    assert three.view.leader == THREE
    assert three.view.leaders() == {THREE: 1}
    assert three.view.followers_of(THREE) == {1, 2, 3}
    assert three.view.roles() == {1: "follower", 2: "follower", 3: "leader"}


def test_a_leader_that_does_not_serve_yet_is_none() -> None:
    ensemble = Ensemble()
    ensemble.begin(ONE, TWO, THREE)
    ensemble.settle(THREE, THREE, LEADING)
    ensemble.settle(ONE, THREE, FOLLOWING)
    assert ensemble.view.leader is None


def test_a_paused_leader_is_no_leader_and_comes_back_as_one(three: Ensemble) -> None:
    three.pause(THREE)
    assert three.view.leader is None
    assert three.view.roles()[THREE] == "paused"
    three.resume(THREE)
    assert three.view.leader == THREE


def test_a_leader_without_quorum_is_no_leader(three: Ensemble) -> None:
    three.pause(ONE)
    assert three.view.leader == THREE
    three.pause(TWO)
    assert three.view.leader is None


def test_of_two_leaders_the_one_of_the_higher_epoch_counts(three: Ensemble) -> None:
    three.lead(TWO, 2, of=(ONE,))
    assert three.view.leader == TWO
    assert three.view.leaders() == {TWO: 2}


def test_a_leader_that_steps_down_serves_no_more(three: Ensemble) -> None:
    three.step(THREE, SteppedDown("not enough followers"))
    assert three.view.leader is None


def test_a_follower_that_looks_again_follows_nobody(three: Ensemble) -> None:
    three.step(ONE, Entered(LOOKING, Phase.ELECTION))
    assert three.view.followers_of(THREE) == {2, 3}
    assert three.view.peers[ONE].vote is None


def test_a_new_phase_of_one_state_keeps_the_epoch(three: Ensemble) -> None:
    three.step(THREE, Entered(LEADING, Phase.BROADCAST))
    assert three.view.leader == THREE


ENDS = {
    "killed": Exited(999, THREE, 0, -9),
    "left by itself": Left(999, THREE, 0, 99, "asked to"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_leader_that_ends_is_down(three: Ensemble, end: Exited | Left) -> None:
    three.view.observe(end)
    assert three.view.leader is None
    assert three.view.roles()[THREE] == "down"


def test_a_peer_that_is_killed_while_paused_begins_unpaused(three: Ensemble) -> None:
    three.pause(THREE)
    three.view.observe(Exited(three.now + 1, THREE, 0, -9))
    three.begin(THREE, inc=1)
    assert three.view.roles()[THREE] == "looking"


def test_a_proposal_is_remembered(three: Ensemble) -> None:
    three.step(ONE, Proposed(vote(TWO)))
    assert three.view.peers[ONE].proposal == vote(TWO)


def test_the_newest_committed_configuration_says_who_votes(three: Ensemble) -> None:
    newer = "server.1=h1:2888:3888\nserver.2=h2:2888:3888:observer\nversion=5"
    three.step(ONE, PersistConfig(newer, active=False))
    assert three.view.voters == {1, 2, 3}
    three.step(ONE, PersistConfig(newer, active=True))
    assert three.view.voters == {1}


def test_time_never_goes_back(three: Ensemble) -> None:
    latest = three.view.now_ns
    three.view.observe(Exited(0, ONE, 0, 0))
    assert three.view.now_ns == latest


def test_a_peer_runs_from_its_launch_on_though_it_says_so_later(three: Ensemble) -> None:
    three.view.observe(Acted(100, 101, "s", Kill(ONE), BIT))
    assert three.view.roles()[ONE] == "down"
    three.view.observe(Acted(102, 103, "s", Launch(ONE), BIT))
    three.view.observe(Exited(101, ONE, 0, -9))  # of the start before, and told late
    assert three.view.roles()[ONE] == "looking"
