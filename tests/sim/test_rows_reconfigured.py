"""ZooKeeper's own tests of reconfiguration; rows as in docs/scenario-rows.md."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import Configure, Kill
from chaos.election.config import parse_configuration
from chaos.election.effects import PersistConfig
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.ensemble import EnsembleSetup, PeerSetup
from tests.sim.drive import Run
from tests.sim.staged import back, config, effects, reborn, sids, states, weighed
from tests.sim.test_simulated_stories import why_down

ONE, TWO, THREE, FOUR, FIVE = sids(1, 2, 3, 4, 5)
LEADING, OBSERVING = ServerState.LEADING, ServerState.OBSERVING
SEEDS = st.integers(0, 2**32)
some_seeds = settings(max_examples=8, deadline=None)


def ensemble_on_disk(seed: int, texts: dict[int, tuple[str, str | None]]) -> Run:
    """Peers that start with a committed configuration and perhaps a ``.next`` on their disks."""
    run = Run(EnsembleSetup(tuple(PeerSetup(sid) for sid in sids(*texts))), seed)
    for sid, (committed, proposed) in texts.items():
        reborn(run, Sid(sid), committed, proposed)
    return run


def versions(run: Run) -> set[int]:
    """Of the committed configurations of living peers, in epochs."""
    held = [peer.config for peer in run.view.peers.values() if peer.alive and peer.config]
    return {found.version >> 32 for found in held}


def configure(run: Run, text: str, *to: Sid) -> None:
    for sid in to:
        assert run.do(Configure(sid, text)).bit


@some_seeds
@given(seed=SEEDS)
def test_row_93_a_proposed_configuration_is_completed_by_the_next_leader(seed: int) -> None:
    old, new = config((1, 2, 3), (4, 5), 1), config((1, 2, 3, 4, 5), (), 2)
    run = ensemble_on_disk(seed, dict.fromkeys(range(1, 6), (old, new)))
    run.settle(10)
    assert run.until(lambda: versions(run) == {2}, 10)
    leader = run.settle(10)
    assert sorted(run.view.roles().values()) == ["follower"] * 4 + ["leader"]
    for sid in run.view.members:
        assert PersistConfig(new, active=True) in effects(run, sid)
    run.do(Kill(leader))
    run.settle(10)  # and without its .next file


@some_seeds
@given(seed=SEEDS)
def test_row_94_voters_that_the_next_configuration_makes_observers_yield(seed: int) -> None:
    old, new = config((1, 2), (), 1), config((3, 4, 5), (1, 2), 2)
    run = ensemble_on_disk(
        seed, dict.fromkeys((1, 2), (old, new)) | dict.fromkeys((3, 4, 5), (new, None))
    )
    assert run.until(lambda: run.settled() and versions(run) == {2}, 20)
    run.rest(3)
    assert run.settle(5) in (THREE, FOUR, FIVE)
    roles = run.view.roles()
    assert [roles[ONE], roles[TWO]] == ["observer", "observer"]


@some_seeds
@given(seed=SEEDS)
def test_row_94_so_does_a_leader_whose_own_proposal_it_was(seed: int) -> None:
    old, new = config((1, 2, 3), (4, 5, 6), 1), config((4, 5, 6), (1, 2, 3), 2)
    run = ensemble_on_disk(seed, dict.fromkeys(range(1, 7), (old, new)))
    assert run.until(lambda: versions(run) == {2} and run.settled(), 20)
    run.rest(3)
    assert run.settle(5) in (FOUR, FIVE, 6)
    assert {role for sid, role in run.view.roles().items() if sid < 4} == {"observer"}


@some_seeds
@given(seed=SEEDS)
def test_row_94_nor_does_a_leader_stay_that_alone_becomes_an_observer(seed: int) -> None:
    old, new = config((1, 2, 3), (), 1), config((1, 2), (3,), 2)
    run = ensemble_on_disk(seed, dict.fromkeys((1, 2, 3), (old, new)))
    assert run.until(lambda: versions(run) == {2} and run.settled(), 20)
    run.rest(3)
    assert run.settle(5) in (ONE, TWO)
    assert run.view.roles()[THREE] == "observer"


@some_seeds
@given(seed=SEEDS)
def test_row_95_two_of_the_next_five_serve_nobody(seed: int) -> None:
    old, new = config((1, 2), (), 1), config((1, 2, 3, 4, 5), (), 2)
    run = ensemble_on_disk(seed, dict.fromkeys((1, 2), (old, new)))
    run.rest(20)
    assert run.view.roles() == {ONE: "looking", TWO: "looking"}
    assert [states(run, sid)[-1:] for sid in (ONE, TWO)] == [[ServerState.LOOKING]] * 2
    assert versions(run) == {1}


@some_seeds
@given(seed=SEEDS, had_seen_it=st.booleans())
def test_row_96_stragglers_learn_what_is_active_elsewhere(seed: int, had_seen_it: bool) -> None:
    old, new = config((1, 2), (), 1), config((1, 2, 3, 4, 5), (), 2)
    straggler = (old, new if had_seen_it else None)
    run = ensemble_on_disk(
        seed, dict.fromkeys((1, 2), straggler) | dict.fromkeys((3, 4, 5), (new, None))
    )
    assert run.until(lambda: versions(run) == {2} and run.settled(), 20)
    assert len(run.view.followers_of(run.settle(5))) == 5


@some_seeds
@given(seed=SEEDS)
def test_row_97_an_observer_learns_by_gossip_that_it_votes(seed: int) -> None:
    old, new = config((1, 3), (2,), 1), config((2, 3), (), 2)
    run = ensemble_on_disk(seed, {2: (old, None), 3: (new, None)})
    assert run.settle(20) in (TWO, THREE)
    assert versions(run) == {2}
    assert sorted(run.view.roles().values()) == ["follower", "leader"]
    assert OBSERVING not in states(run, TWO)


@some_seeds
@given(seed=SEEDS)
def test_row_98_more_observers_learn_that_they_vote(seed: int) -> None:
    old, new = config((1, 2), (3, 4, 5), 1), config((2, 3, 4, 5), (), 2)
    run = ensemble_on_disk(seed, {2: (old, None), 3: (old, None), 4: (new, None), 5: (new, None)})
    run.settle(20)
    assert run.until(lambda: versions(run) == {2} and run.settled(), 20)
    assert sorted(run.view.roles().values()) == ["follower"] * 3 + ["leader"]


@some_seeds
@given(seed=SEEDS)
def test_row_101_a_removed_leader_yields_and_is_taken_back(seed: int) -> None:
    run = Run(5, seed)
    everybody = run.view.members
    leader = run.settle(5)
    rest = tuple(sid for sid in everybody if sid != leader)
    configure(run, config(rest, (), 7), *everybody)
    run.do(Kill(leader))
    assert run.settle(10) in rest
    assert why_down(run, leader) != []
    configure(run, config(everybody, (), 8), *rest)
    back(run, leader)
    run.settle(20)
    assert run.until(lambda: versions(run) == {8} and run.settled(), 20)
    assert len(run.view.followers_of(run.settle(5))) == 5


@some_seeds
@given(seed=SEEDS, count=st.sampled_from([1, 2]))
def test_row_101_removed_followers_disturb_nobody(seed: int, count: int) -> None:
    run = Run(5, seed)
    everybody = run.view.members
    leader = run.settle(5)
    gone = [sid for sid in everybody if sid != leader][:count]
    rest = tuple(sid for sid in everybody if sid not in gone)
    configure(run, config(rest, (), 7), *everybody)
    run.rest(3)
    assert run.view.leader == leader
    assert all(why_down(run, sid) == [] for sid in rest)
    assert all(why_down(run, sid) == [] for sid in gone)  # they follow, without a vote
    assert versions(run) == {7}


def roles_within(run: Run, seconds: float) -> list[str]:
    """Which roles there are once so many seconds have passed and all is settled."""
    run.rest(seconds)
    run.settle(1)
    return sorted(run.view.roles().values())


@some_seeds
@given(seed=SEEDS)
def test_row_102_a_follower_and_the_leader_change_roles_and_back(seed: int) -> None:
    run = Run(3, seed)
    everybody = run.view.members
    for version in (7, 9):
        leader = run.settle(20)
        follower = next(sid for sid in everybody if sid != leader)
        changed = leader if version == 9 else follower
        voters = tuple(sid for sid in everybody if sid != changed)
        configure(run, config(voters, (changed,), version), *everybody)
        assert roles_within(run, 20) == ["follower", "leader", "observer"]
        assert run.view.roles()[changed] == "observer"
        configure(run, config(everybody, (), version + 1), *everybody)
        assert roles_within(run, 20) == ["follower", "follower", "leader"]
    assert {peer.inc for peer in run.view.peers.values()} == {0}


def only(run: Run, *alive: Sid) -> None:
    """Kill all others, start these if they are down."""
    for sid, peer in run.view.peers.items():
        if peer.up and sid not in alive:
            run.do(Kill(sid))
    for sid in alive:
        if not run.view.peers[sid].up:
            back(run, sid)


@some_seeds
@given(seed=SEEDS)
def test_row_104_majority_to_hierarchy_and_back(seed: int) -> None:
    run = Run(5, seed)
    everybody = run.view.members
    run.settle(5)
    two_weigh = weighed({1: 0, 2: 0, 3: 0, 4: 1, 5: 1}, ((3, 4, 5), (1, 2)), 7)
    configure(run, two_weigh, *everybody)
    assert run.until(lambda: versions(run) == {7} and run.settled(), 20)
    only(run, FOUR, FIVE)
    assert run.settle(20) in (FOUR, FIVE)  # 4 and 5 alone suffice
    only(run, ONE, TWO, THREE, FOUR)
    run.rest(5)
    assert run.view.leaders() == {}  # four of five do not
    only(run, *everybody)
    run.settle(60)
    configure(run, config(everybody, (), 8), *everybody)
    assert run.until(lambda: versions(run) == {8} and run.settled(), 20)
    only(run, FOUR, FIVE)
    run.rest(5)
    assert run.view.leaders() == {}
    only(run, ONE, TWO, THREE)
    assert run.settle(60) in (ONE, TWO, THREE)


def test_row_105_a_fresh_ensemble_commits_a_version_of_its_first_epoch() -> None:
    run = Run(3)
    run.settle(5)
    assert versions(run) == {1}


@some_seeds
@given(seed=SEEDS)
def test_row_106_what_is_no_newer_or_no_configuration_changes_nothing(seed: int) -> None:
    run = Run(3, seed)
    leader = run.settle(5)
    before = {sid: peer.config for sid, peer in run.view.peers.items()}
    hopeless = ("server.1=10.0.0.1:2888:3888:observer", "version=zz", config((1, 2), (), 1))
    for text in hopeless:
        configure(run, text, *run.view.members)
    run.rest(1)
    assert run.settled()
    assert run.view.leader == leader
    assert {sid: peer.config for sid, peer in run.view.peers.items()} == before


def test_the_texts_of_these_rows_parse() -> None:
    assert parse_configuration(config((1, 2), (3,), 7)).observers == {3}
