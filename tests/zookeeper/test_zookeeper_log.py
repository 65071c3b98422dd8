"""What is read out of logs: of real servers (3.8.0), and line by line.

The logs are of one ensemble: three voters and the observer 4 start, the leader is killed and
started again, a follower is paused, and at last both followers, so that their leader gives up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from chaos.election.effects import (
    Decided,
    Effect,
    Entered,
    Exit,
    Phase,
    Proposed,
    Serving,
    SteppedDown,
)
from chaos.election.ids import UNSET, PeerEpoch, Sid, hex64
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumMaj
from chaos.election.vote import Vote
from chaos.history.events import Seen
from chaos.zookeeper.log import LogReader, Watched

LOGS = Path(__file__).parent / "logs"
NAMES = sorted(path.name for path in LOGS.glob("*.log"))
VOTERS = QuorumMaj(frozenset({Sid(1), Sid(2), Sid(3)}))
LEARNED = PeerEpoch(77)
CONNECTS = re.compile(r"(?:using address:|connecting to) /127\.77\.31\.(\d+):2888")
STAMP = "2026-01-02 03:04:05.678"
STAMP_NS = 1_767_323_045_678_000_000


def reader(sid: int, inc: int = 0, learned: PeerEpoch | None = LEARNED) -> LogReader:
    watched = Watched(Sid(sid), inc, 0, VOTERS, {"10.0.0.3": Sid(3)})
    return LogReader(watched, count(1).__next__, lambda: learned)


def read_log(name: str) -> Iterator[tuple[str, list[Seen]]]:
    _, sid, _, inc = name.removesuffix(".log").split("-")
    reading = reader(int(sid), int(inc))
    for line in (LOGS / name).read_text(encoding="utf-8").splitlines():
        yield line, reading.feed(line)


def told(name: str) -> list[Seen]:
    return [seen for _, found in read_log(name) for seen in found]


def vote_text(vote: Vote) -> str:
    epoch = "-" if vote.peer_epoch == UNSET else vote.peer_epoch
    return f"{vote.leader} zxid {hex64(vote.zxid)} round {vote.round} epoch {epoch}"


def effect_text(effect: Effect) -> str:
    match effect:
        case Entered(state, phase):
            return f"enters {state.name} {phase}"
        case Proposed(vote):
            return f"proposes {vote_text(vote)}"
        case Decided(vote, state, (), how):
            return f"decides {vote_text(vote)} {state.name} {how}"
        case Serving(epoch):
            return f"serves epoch {'learned' if epoch == LEARNED else epoch}"
        case SteppedDown(why):
            return f"steps down: {why}"
        case _:
            raise AssertionError(effect)


def event_text(seen: Seen) -> str:
    at = f"{seen.since_ns // 10**6 % 10**6:06d}..{seen.at_ns // 10**6 % 10**6:06d}"
    return f"{seen.seq:2d} {at}  " + "; ".join(effect_text(effect) for effect in seen.effects)


@pytest.mark.parametrize("name", NAMES)
def test_a_log_tells_the_same_again(name: str, request: pytest.FixtureRequest) -> None:
    text = "".join(f"{event_text(seen)}\n" for seen in told(name))
    golden = (LOGS / name).with_suffix(".txt")
    if request.config.getoption("--rewrite"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_row_6_the_time_that_an_election_took_is_told_in_milliseconds() -> None:
    texts = [(LOGS / name).read_text(encoding="utf-8") for name in NAMES]
    took = [line for text in texts for line in text.splitlines() if "ELECTION TOOK" in line]
    assert took
    assert all(re.search(r"LEADER ELECTION TOOK - \d+ MS$", line) for line in took)


@pytest.mark.parametrize("name", NAMES)
def test_the_leader_that_a_learner_decides_is_the_one_that_it_connects_to(name: str) -> None:
    leader: Sid | None = None
    connects = 0
    for line, found in read_log(name):
        for effect in (effect for seen in found for effect in seen.effects):
            if isinstance(effect, Decided):
                leader = effect.vote.leader
        connected = CONNECTS.search(line)
        if connected is not None:
            connects += 1
            assert int(connected.group(1)) == leader
    assert connects or name == "server-3-start-0.log"  # which led until it was killed


@pytest.mark.parametrize("name", NAMES)
def test_events_are_in_order_and_their_intervals_are_not_empty(name: str) -> None:
    events = told(name)
    assert [seen.seq for seen in events] == list(range(1, len(events) + 1))
    assert [seen.at_ns for seen in events] == sorted(seen.at_ns for seen in events)
    assert all(seen.since_ns < seen.at_ns for seen in events)


@pytest.mark.parametrize("name", NAMES)
def test_a_server_decides_serves_and_steps_down_in_turn(name: str) -> None:
    kinds = [type(effect) for seen in told(name) for effect in seen.effects]
    turns = [kind for kind in kinds if kind in (Decided, SteppedDown)]
    assert turns == [Decided, SteppedDown] * (len(turns) // 2) + [Decided] * (len(turns) % 2)


# ---- line by line


def say(speaker: str, words: str, wall: str = STAMP) -> str:
    return f"{wall} [QuorumPeer[myid=1](plain=[0:0:0:0]:2181)] INFO org.apache.{speaker} - {words}"


def note(sid: int, leader: int, state: str = "LOOKING", round_: str = "1") -> str:
    return say(
        "FastLeaderElection",
        f"Notification: my state:LOOKING; n.sid:{sid}, n.state:{state}, n.leader:{leader}, "
        f"n.round:0x{round_}, n.peerEpoch:0x0, n.zxid:0x0, message format version:0x2, "
        "n.config version:0x0",
    )


def effects_of(reading: LogReader, *lines: str) -> list[Effect]:
    return [effect for line in lines for seen in reading.feed(line) for effect in seen.effects]


def test_wall_time_becomes_the_time_of_the_caller() -> None:
    reading = LogReader(Watched(Sid(1), 0, -STAMP_NS, VOTERS), count().__next__, lambda: None)
    (seen,) = reading.feed(say("QuorumPeer", "LOOKING") + "\n")
    assert (seen.since_ns, seen.at_ns, seen.seq) == (0, 1_000_000, 0)
    assert seen.text == say("QuorumPeer", "LOOKING")


NOTHING = {
    "empty": "",
    "a stack trace": "\tat org.apache.zookeeper.server.quorum.QuorumPeer.run(QuorumPeer.java:1)",
    "another class": say("ZooKeeperServer", "LOOKING"),
    "another message": say("QuorumPeer", "tickTime set to 200"),
    "half a line": say("QuorumPeer", "LOOKING")[:40],
    "not UTF-8": say("QuorumPeer", "\ufffd\ufffd"),
    "a state of another version": say("QuorumPeer", "DANCING"),
}


@pytest.mark.parametrize("line", NOTHING.values(), ids=NOTHING.keys())
def test_other_lines_tell_nothing(line: str) -> None:
    assert reader(1).feed(line) == []


def test_a_state_that_is_told_three_times_is_entered_once() -> None:
    words = ("Peer state changed: looking", "PeerState set to LOOKING", "LOOKING")
    lines = [say("QuorumPeer", word) for word in words]
    assert effects_of(reader(1), *lines) == [Entered(ServerState.LOOKING, Phase.ELECTION)]


def test_a_vote_that_is_repeated_is_proposed_once() -> None:
    effects = effects_of(reader(1), note(1, 1), note(1, 1), note(3, 3), note(1, 3))
    leaders = [effect.vote.leader for effect in effects if isinstance(effect, Proposed)]
    assert leaders == [1, 3]


def test_a_vote_of_its_own_that_comes_back_late_is_no_new_one() -> None:
    """The receiver answers the server's own laggard votes, too, with a vote that may be past."""
    votes = (note(1, 1), note(1, 2), note(1, 3), note(1, 2))
    effects = effects_of(reader(1), say("QuorumPeer", "LOOKING"), *votes)
    leaders = [effect.vote.leader for effect in effects if isinstance(effect, Proposed)]
    assert leaders == [1, 2, 3]
    assert decided(*votes, note(2, 2), note(3, 3)).vote.leader == 3


def test_a_proposal_is_no_older_than_the_election_and_the_vote_that_caused_it() -> None:
    reading = reader(1)
    look = say("QuorumPeer", "LOOKING")
    effects_of(reading, look)
    lines = [note(1, 1), note(3, 3), note(1, 3)]
    times = (".700", ".800", ".900")
    told_ms = [
        ((seen.since_ns - STAMP_NS) // 10**6, (seen.at_ns - STAMP_NS) // 10**6)
        for line, ms in zip(lines, times, strict=True)
        for seen in reading.feed(line.replace(".678", ms))
    ]
    assert told_ms == [(0, 23), (122, 223)]


def decided(*lines: str, state: str = "FOLLOWING") -> Decided:
    effects = effects_of(reader(1), say("QuorumPeer", "LOOKING"), *lines, say("QuorumPeer", state))
    (found,) = (effect for effect in effects if isinstance(effect, Decided))
    return found


LED = (note(3, 3, "LEADING"), note(2, 3, "FOLLOWING"))
DECIDED = {
    "its own proposal": ((note(1, 3), note(3, 3)), "FOLLOWING", 3, Exit.FINALIZED),
    "itself": ((note(1, 1), note(2, 1)), "LEADING", 1, Exit.FINALIZED),
    "a leader of its round": ((note(1, 1), *LED), "FOLLOWING", 3, Exit.SAME_ROUND),
    "a leader that leads": ((note(1, 1, round_="4"), *LED), "FOLLOWING", 3, Exit.OUT_OF_ELECTION),
    "not what others look for": (
        (note(1, 1), note(2, 2), note(3, 2), note(3, 3, "LEADING")),
        "FOLLOWING",
        3,
        Exit.SAME_ROUND,
    ),
    "not what one that follows had looked for": (
        (note(1, 2), note(2, 2), note(2, 3, "FOLLOWING"), note(3, 3), note(3, 3, "LEADING")),
        "FOLLOWING",
        3,
        Exit.SAME_ROUND,
    ),
    "a leader that leads, for the rest is too fresh to wait for": (
        (note(1, 2), note(2, 2), *LED),
        "FOLLOWING",
        3,
        Exit.SAME_ROUND,
    ),
    "itself, though it changed its mind in the last moment": (
        (note(1, 1), note(2, 1), note(2, 1, "FOLLOWING"), note(3, 3), note(1, 3)),
        "LEADING",
        1,
        Exit.FINALIZED,
    ),
    "an observer hears": ((note(2, 3), note(3, 3)), "OBSERVING", 3, Exit.FINALIZED),
    "nothing was heard, but itself it leads": ((), "LEADING", 1, Exit.FINALIZED),
}
CONNECTED = "Successfully connected to leader, using address: /10.0.0.{}:2888"


@pytest.mark.parametrize(("lines", "state", "leader", "how"), DECIDED.values(), ids=DECIDED.keys())
def test_what_was_decided_follows_from_what_was_heard(
    lines: tuple[str, ...], state: str, leader: int, how: Exit
) -> None:
    found = decided(*lines, state=state)
    assert (found.vote.leader, found.how) == (leader, how)


@pytest.mark.parametrize("heard", [(), (note(2, 3, round_="4"),)], ids=["nothing", "one vote"])
def test_a_leader_that_no_vote_told_is_known_when_it_is_connected_to(
    heard: tuple[str, ...],
) -> None:
    reading = reader(1)
    look, observe = say("QuorumPeer", "LOOKING"), say("QuorumPeer", "OBSERVING")
    before = effects_of(reading, look, *heard, observe)
    assert not any(isinstance(effect, Decided) for effect in before)
    assert effects_of(reading, say("Learner", CONNECTED.format(9))) == []
    assert effects_of(reading, look, *heard, observe)[-1] == before[-1]
    (found,) = effects_of(reading, say("Learner", CONNECTED.format(3)))
    assert isinstance(found, Decided)
    assert (found.vote.leader, found.state) == (3, ServerState.OBSERVING)
    assert (found.vote.zxid == UNSET) is not bool(heard)
    assert effects_of(reading, say("Learner", CONNECTED.format(3))) == []


def test_whom_a_server_connects_to_is_right_where_its_votes_say_something_else() -> None:
    reading = reader(1)
    look, follow = say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING")
    (told,) = effects_of(reading, look, note(1, 2), note(2, 2), follow)[-2:-1]
    (found,) = effects_of(reading, say("Learner", CONNECTED.format(3)))
    assert isinstance(told, Decided)
    assert isinstance(found, Decided)
    assert (told.vote.leader, found.vote.leader) == (2, 3)


JOINS = {
    "an observer says so": say("Observer", "Observing new leader sid=3 addr=/10.0.0.3:2888"),
    "it tries in vain": say(
        "Learner",
        "Unexpected exception, tries=0, remaining init limit=1000, connecting to /10.0.0.3:2888",
    ),
}


@pytest.mark.parametrize("line", JOINS.values(), ids=JOINS.keys())
def test_a_leader_that_is_gone_is_known_though_it_never_answers(line: str) -> None:
    """It is elected, dies, and the next one says that it leads, in the last moment."""
    reading = reader(1)
    votes = (note(2, 3), note(3, 3), note(2, 2, "LEADING"))
    before = effects_of(
        reading, say("QuorumPeer", "LOOKING"), *votes, say("QuorumPeer", "OBSERVING")
    )
    (guessed,) = (effect for effect in before if isinstance(effect, Decided))
    assert guessed.vote.leader == 2
    (found,) = effects_of(reading, line)
    assert isinstance(found, Decided)
    assert (found.vote.leader, found.vote.state) == (3, ServerState.LOOKING)


def test_votes_of_an_election_that_is_over_count_no_more() -> None:
    reading = reader(1)
    look, follow = say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING")
    effects = effects_of(reading, look, note(1, 3), note(3, 3), follow, look, note(1, 1), follow)
    leaders = [effect.vote.leader for effect in effects if isinstance(effect, Decided)]
    assert leaders == [3, 1]


def serving(learned: PeerEpoch | None) -> list[Effect]:
    lines = ("LOOKING", "FOLLOWING", "Peer state changed: following - broadcast")
    return effects_of(reader(1, 0, learned), *(say("QuorumPeer", word) for word in lines))[2:]


def test_a_learner_serves_the_epoch_that_it_was_asked_for() -> None:
    entered = Entered(ServerState.FOLLOWING, Phase.BROADCAST)
    assert serving(PeerEpoch(5)) == [Serving(PeerEpoch(5)), entered]
    assert serving(None) == [entered]


REASONS = {
    "its leader is gone": (
        (say("Learner", "Exception when following the leader"), "java.io.EOFException", "\tat x"),
        "Exception when following the leader: java.io.EOFException",
    ),
    "another thread came between": (
        (say("Observer", "Exception when observing the leader"), say("ZKDatabase", "x")),
        "Exception when observing the leader",
    ),
    "it gives up": (
        (say("Leader", "Shutdown called. For the reason no followers"),),
        "no followers",
    ),
    "it ends": ((say("ServiceUtils", "Exiting JVM with code 13"),), "Exiting JVM with code 13"),
    "it does not say": ((say("QuorumPeer", "LOOKING"),), "it looks for a leader"),
}


@pytest.mark.parametrize(("lines", "why"), REASONS.values(), ids=REASONS.keys())
def test_a_server_says_why_it_steps_down(lines: tuple[str, ...], why: str) -> None:
    reading = reader(1)
    effects_of(reading, say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING"))
    assert effects_of(reading, *lines)[0] == SteppedDown(why)


def test_a_state_that_a_reconfiguration_gave_was_not_decided() -> None:
    reading = reader(1)
    effects_of(reading, say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING"))
    down, decided, entered = effects_of(reading, say("QuorumPeer", "LEADING"))
    assert down == SteppedDown("a reconfiguration gave it another state")
    assert isinstance(decided, Decided)
    assert (decided.vote.leader, decided.how) == (1, Exit.DESIGNATED)
    assert entered == Entered(ServerState.LEADING, Phase.DISCOVERY)


def test_a_follower_that_a_reconfiguration_sends_to_another_leader_says_so() -> None:
    reading = reader(1)
    look, follow = say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING")
    effects_of(reading, look, note(1, 2), note(2, 2), follow)
    why = "java.lang.Exception: changes proposed in reconfig"
    lines = (say("Follower", "Exception when following the leader"), why)
    again = say("QuorumPeer", "Peer state changed: following - synchronization")
    effects = effects_of(reading, *lines, say("Learner", CONNECTED.format(3)), again, *lines)
    kinds = [type(effect) for effect in effects]
    assert kinds == [SteppedDown, Decided, Entered, SteppedDown]
    (found,) = (effect for effect in effects if isinstance(effect, Decided))
    assert (found.vote.leader, found.how) == (3, Exit.DESIGNATED)


def test_it_steps_down_once() -> None:
    reading = reader(1)
    effects_of(reading, say("QuorumPeer", "LOOKING"), say("QuorumPeer", "FOLLOWING"))
    lost = say("Learner", "Disconnected from leader (with address: /10.0.0.3:2888). Was ...")
    shutdown = say("Leader", "Shutdown called. For the reason Forcing shutdown")
    effects = effects_of(reading, lost, shutdown, say("QuorumPeer", "PeerState set to LOOKING"))
    assert [type(effect) for effect in effects] == [SteppedDown, Entered]
