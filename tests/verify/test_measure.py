"""Measures: what they span, and that nothing is left out that never ended."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Acted, StepBegan, Stepped
from chaos.history.history import History
from chaos.verify.expectations import MetricMax
from chaos.verify.foreign.outside import from_outside
from chaos.verify.measure import FaultSpan, faults_of, measures
from chaos.verify.verdict import Measure, Outcome
from tests.verify.lockstep import MS, Lockstep

KILLED = 2000 * MS


@pytest.fixture(scope="module")
def history() -> History:
    ensemble = Lockstep().start().run(2000)
    ensemble.events.append(StepBegan(KILLED, "crash", KILLED, (Sid(3),)))
    ensemble.acted("crash", act.Kill(Sid(3)))
    return ensemble.kill(3).run(4000).history()


def found(history: History, name: str, of: str) -> Measure:
    all_of_them = measures(history, faults_of(history))
    (one,) = [m for m in all_of_them if (m.name, m.of) == (name, of)]
    return one


def test_the_faults_of_a_history_are_its_first_actions(history: History) -> None:
    assert faults_of(history) == (FaultSpan("crash", KILLED, (Sid(3),), KILLED),)


def test_an_election_is_measured_from_its_cause(history: History) -> None:
    total = found(history, "election.total", "crash")
    assert total.end is not None
    decided = history.events[total.end]
    assert isinstance(decided, Stepped)
    assert any(isinstance(effect, fx.Decided) for effect in decided.effects)
    assert total.value_ns == decided.at_ns - KILLED
    assert isinstance(history.events[total.start].at_ns, int)
    assert history.events[total.start].at_ns == KILLED


def reaped_late(by_ms: int) -> History:
    """Peer 3 is dead a millisecond after its signal; that it is, is known so much later."""
    ensemble = Lockstep().start().run(2000)
    ensemble.events.append(StepBegan(KILLED, "crash", KILLED, (Sid(3),)))
    killed, reaped = act.Kill(Sid(3)), KILLED + by_ms * MS
    ensemble.events.append(Acted(KILLED, reaped, "crash", killed, act.Evidence(True)))
    return ensemble.run(1).kill(3).run(4000).history()


def test_a_death_that_is_noticed_before_it_is_known_was_detected_all_the_same() -> None:
    """A process is dead between its signal and the moment in which it is reaped."""
    history = reaped_late(3)
    detect = found(history, "election.detect", "crash")
    assert detect.end is not None
    noticed = history.events[detect.end].at_ns
    assert KILLED < noticed < KILLED + 3 * MS
    assert (detect.value_ns, detect.more_ns) == (0, noticed - KILLED)
    assert found(history, "election.vote", "crash").start == detect.end


@pytest.mark.parametrize("name", ["election.total", "election.leaderless", "election.converge"])
@pytest.mark.parametrize("by_ms", [3, 600], ids=["before", "after it all"])
def test_an_election_after_a_death_lasted_from_its_signal_at_most(name: str, by_ms: int) -> None:
    history = reaped_late(by_ms)
    one = found(history, name, "crash")
    assert one.end is not None
    ended = history.events[one.end].at_ns
    assert one.value_ns == max(0, ended - KILLED - by_ms * MS)
    assert one.value_ns + one.more_ns == ended - KILLED
    assert one.less_ns == 0


def test_of_two_deaths_that_overlap_each_that_may_have_ended_the_leader_has_the_election() -> None:
    ensemble = Lockstep("1-5").start().run(2000)
    for step, sid, later_ms in (("leader", 5, 0), ("other", 1, 1)):
        sent = KILLED + later_ms * MS
        ensemble.events.append(StepBegan(sent, step, sent, (Sid(sid),)))
        killed = act.Kill(Sid(sid))
        ensemble.events.append(Acted(sent, sent + 3 * MS, step, killed, act.Evidence(True)))
    history = ensemble.run(2).kill(5).run(1).kill(1).run(4000).history()
    assert {"leader", "other"} <= {
        one.of for one in measures(history, faults_of(history)) if one.name == "election.total"
    }


def test_an_election_that_never_ended_lasted_from_the_reaping_at_least() -> None:
    ensemble = Lockstep().start().run(2000)
    for sid in (3, 2):
        killed = Acted(KILLED, KILLED + 3 * MS, "crash", act.Kill(Sid(sid)), act.Evidence(True))
        ensemble.events.append(killed)
    history = ensemble.run(1).kill(3).kill(2).run(400).history()
    lasted = history.end_ns - KILLED - 3 * MS
    bounds = (lasted - 1, lasted + 1)
    outcomes = [
        MetricMax("most", "", "election.total", most, "crash").check(history).outcome
        for most in bounds
    ]
    assert outcomes == [Outcome.FAILS, Outcome.UNKNOWN]


@pytest.mark.parametrize("name", ["election.total", "election.vote"])
def test_what_is_measured_from_a_death_on_counts_its_own_election(name: str) -> None:
    history = reaped_late(3)
    since = KILLED + 3 * MS
    verdict = MetricMax("most", "", name, 10**9, None, since).check(history)
    assert verdict.outcome is Outcome.HOLDS, verdict.summary


def test_the_phases_follow_one_another(history: History) -> None:
    detect = found(history, "election.detect", "crash")
    vote = found(history, "election.vote", "crash")
    finalize = found(history, "election.finalize", "crash")
    assert detect.end == vote.start
    assert vote.end == finalize.start
    assert finalize.value_ns == 200 * MS
    total = found(history, "election.total", "crash").value_ns
    assert detect.value_ns is not None
    assert vote.value_ns is not None
    assert total is not None
    assert detect.value_ns + vote.value_ns + finalize.value_ns == total


def test_serving_comes_after_deciding_and_convergence_last(history: History) -> None:
    names = ("election.total", "election.leaderless", "election.converge")
    ends = [found(history, name, "crash").end for name in names]
    assert all(end is not None for end in ends)
    assert ends == sorted(ends, key=lambda end: -1 if end is None else end)


def test_the_first_election_belongs_to_the_start(history: History) -> None:
    total = found(history, "election.total", "start")
    assert total.value_ns == 200 * MS
    assert not [m for m in measures(history, ()) if (m.name, m.of) == ("election.detect", "start")]
    assert found(history, "rounds", "start").value_ns == 1


def test_every_peer_and_attempt_is_counted(history: History) -> None:
    each = [m for m in measures(history, ()) if m.name == "election.peer"]
    entered = sum(
        isinstance(effect, fx.Entered) and effect.phase is fx.Phase.ELECTION
        for _, step in history.every(Stepped)
        for effect in step.effects
    )
    assert len(each) == entered


def test_epochs_are_counted_from_any_moment(history: History) -> None:
    def started(since: int | None) -> int | None:
        every = measures(history, (), since)
        (one,) = [m for m in every if m.name == "epochs.started"]
        return one.value_ns

    assert (started(None), started(KILLED), started(6000 * MS)) == (2, 1, 0)


def test_an_election_that_never_ends_is_censored() -> None:
    ensemble = Lockstep().start().run(2000)
    ensemble.acted("crash", act.Kill(Sid(3))).acted("crash", act.Kill(Sid(2)))
    history = ensemble.kill(3).kill(2).run(4000).history()
    censored = {m.name for m in measures(history, faults_of(history)) if m.value_ns is None}
    assert {"election.total", "election.leaderless", "election.converge"} <= censored
    assert "election.peer" in censored


def test_a_fault_that_takes_no_leader_away_has_no_election() -> None:
    ensemble = Lockstep().start().run(2000).acted("crash", act.Kill(Sid(1)))
    history = ensemble.kill(1).run(3000).history()
    assert {m.of for m in measures(history, faults_of(history)) if m.name.startswith("el")} == {
        "start",
        "peer 1",
        "peer 2",
        "peer 3",
    }


def test_what_was_seen_from_outside_is_measured_to_its_latest_with_how_unsure_it_is(
    history: History,
) -> None:
    exact = found(history, "election.leaderless", "crash")
    for width_ns in (MS, 50 * MS):
        seen = found(from_outside(history, log_ns=width_ns), "election.leaderless", "crash")
        assert (seen.value_ns, seen.less_ns, seen.more_ns) == (exact.value_ns, width_ns, 0)
    assert (exact.less_ns, exact.more_ns) == (0, 0)


def test_foreign_servers_are_measured_by_the_same_names(history: History) -> None:
    told = {m.name for m in measures(history, faults_of(history)) if m.value_ns is not None}
    seen = from_outside(history)
    known = {m.name for m in measures(seen, faults_of(seen)) if m.value_ns is not None}
    assert told - known == {"election.vote", "election.finalize"}  # only a journal shows these


def test_phases_that_nobody_saw_are_left_out(history: History) -> None:
    seen = from_outside(history)
    assert not [m for m in measures(seen, faults_of(seen)) if m.name == "election.finalize"]


def test_rounds_of_foreign_servers_are_those_that_their_packets_say(history: History) -> None:
    seen = from_outside(history)
    for of in ("start", "crash"):
        assert found(seen, "rounds", of).value_ns == found(history, "rounds", of).value_ns


def test_the_phases_of_every_peer_are_measured_and_the_last_is_censored() -> None:
    found = measures(Lockstep().start().run(3000).history(), ())
    spans = [one for one in found if one.name == "activation.discovery"]
    assert sorted(one.of for one in spans) == ["peer 1", "peer 2", "peer 3"]
    assert all(one.value_ns is not None and one.end is not None for one in spans)
    lasting = [one for one in found if one.name == "activation.broadcast"]
    assert {(one.value_ns, one.end, one.why) for one in lasting} == {
        (None, None, "the run ended before")
    }


def test_a_handshake_that_was_given_up_is_censored_with_its_reason() -> None:
    ensemble = Lockstep().start().run(3000)
    ensemble.cut = {(Sid(2), Sid(3)), (Sid(1), Sid(3))}
    found = measures(ensemble.kill(1).kill(2).start(1, 2).run(3000).history(), ())
    given_up = [one for one in found if one.name == "activation.discovery" and one.why]
    assert "the peer was LOOKING again before" in {one.why for one in given_up}
    assert {one.value_ns for one in given_up} == {None}


def test_two_leaders_at_once_are_measured_and_no_breach() -> None:
    """Peer 3 leads on for a while after the others, cut off, have elected peer 2."""
    ensemble = Lockstep().start().run(3000)
    history = ensemble.history()
    (old,) = [s for s in history.spans if s.sid == 3 and s.phase is fx.Phase.BROADCAST]
    new = fx.Entered(ServerState.LEADING, fx.Phase.BROADCAST)
    peer = ensemble.peers[Sid(2)]
    at_ns = old.from_ns + 1_000_000
    step = Stepped(at_ns, Sid(2), peer.inc, peer.seq, fx.Start(), (new,))
    both = History.of([*history.events, step])
    (overlap,) = [one for one in measures(both, ()) if one.name == "leader.overlap"]
    assert overlap.of == "peers 3, 2"
    assert overlap.value_ns == both.end_ns - at_ns


def test_how_late_a_fault_was_is_measured() -> None:
    ensemble = Lockstep().start().run(3000)
    ensemble.events.append(StepBegan(3_000_000_000, "stop", 2_990_000_000, (Sid(1),)))
    ensemble.acted("stop", act.Pause(Sid(1)))
    (late,) = [one for one in measures(ensemble.history(), ()) if one.name == "fault.late"]
    assert (late.of, late.value_ns) == ("stop", 10_000_000)
