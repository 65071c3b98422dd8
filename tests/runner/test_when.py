"""A step at an event of the protocol: who is held, what is done meanwhile, and what proves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.actions import Action
from chaos.election.effects import Send
from chaos.election.ids import Sid
from chaos.election.moments import MomentKind
from chaos.history.events import Acted, Event, Held, StepBegan, Stepped, Wrote
from chaos.history.history import History
from chaos.plan.model import Plan, When
from chaos.plan.words import sentence
from chaos.runner.rejudge import case_of, rejudge
from chaos.runner.stored import open_run
from chaos.verify.evidence import fault_evidence
from chaos.verify.verdict import Outcome
from tests.runner.stage import MS, SECOND, Led, Puppet, again, lead, plan

UP = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}\n"
SETTLED = "  - {id: settled, wait: {outcome: leader, seen_by: all}, within: 20s}\n"


def story(when: str, rest: str, before: str = "") -> Plan:
    step = f"  - {{id: hit, when: {{{when}}}, within: 5s, {rest}}}\n"
    return plan(f"steps:\n{before}{step}{SETTLED}")


CUT = "fault: one_way, target: {from: $who, to: {pick: 1, of: voters, except: [$who]}}, for: 1s"
FIRST = story("event: notification_sent, by: voters, as: who", CUT)
SKEW = "fault: skew_logical_clock, target: $who, with: {by: 3}"


def deeds(led: Led) -> list[str]:
    """What was done for the step, in order."""
    return [type(one.action).__name__ for one in acts(led)]


def acts(led: Led) -> list[Acted]:
    return [one for _, one in led.history.every(Acted) if one.step == "hit"]


def held(led: Led) -> list[Held]:
    return [one for _, one in led.history.every(Held)]


def begun(led: Led) -> StepBegan:
    return next(one for _, one in led.history.every(StepBegan) if one.step == "hit")


def test_the_first_is_held_the_others_go_on_and_the_fault_is_done_meanwhile(tmp_path: Path) -> None:
    led = lead(FIRST, tmp_path)
    assert deeds(led) == ["Hold", "LetGo", "Block", "LetGo", "Unblock"]
    hold, others, block, free, _ = acts(led)
    (who,) = {one.sid for one in held(led)}
    assert isinstance(hold.action, act.Hold)
    assert isinstance(others.action, act.LetGo)
    assert isinstance(free.action, act.LetGo)
    assert hold.action.sids == (1, 2, 3)
    assert set(others.action.sids) == {1, 2, 3} - {who}
    assert free.action.sids == (who,) == begun(led).targets
    assert held(led)[0].at_ns <= block.at_ns <= block.done_ns <= free.at_ns
    assert begun(led).by == who
    assert begun(led).planned_ns == held(led)[0].at_ns


def test_what_it_was_about_to_send_leaves_after_the_fault(tmp_path: Path) -> None:
    slow = story(
        "event: notification_sent, by: 3, as: who",
        "fault: delay, target: $who, with: {latency: 40ms}, for: 1s",
    )
    led = lead(slow, tmp_path)
    (gate,) = held(led)
    wrote = [one for _, one in led.history.every(Wrote) if one.sid == 3 and one.step >= gate.line]
    assert min(one.at_ns for one in wrote) >= gate.at_ns + 40 * MS


def test_the_verdict_shows_the_proof(tmp_path: Path) -> None:
    outcome, summary = lead(FIRST, tmp_path).verdict("hit")
    assert outcome == "holds"
    assert summary.startswith("confirmed: the gate (peer 3 held 0.0 ms before); the block (pack")


def test_a_gate_that_did_not_hold_is_not_believed(tmp_path: Path) -> None:
    """A peer that writes what it was held before, or is let go too early, proves nothing."""
    led = lead(FIRST, tmp_path)
    (gate,) = held(led)
    block, free = acts(led)[2:4]
    late = [*led.history.events]
    place = late.index(free)
    late[place] = replace(free, at_ns=free.at_ns + 10 * MS, done_ns=free.at_ns + 10 * MS)
    (verdict,) = _evidence(late)
    assert verdict[0] is Outcome.UNKNOWN
    assert f"peer {gate.sid} went on before it was let go" in verdict[1]
    early = [*led.history.events]
    early[early.index(block)] = replace(block, at_ns=block.at_ns + MS, done_ns=block.at_ns + MS)
    (verdict,) = _evidence(early)
    assert verdict == (Outcome.UNKNOWN, "the gate: it was not in effect while a peer held")


def _evidence(events: list[Event]) -> list[tuple[Outcome, str]]:
    return [(one.outcome, one.summary) for one in fault_evidence(History.of(events))]


def test_the_nth_counts_over_all_and_those_before_it_go_on(tmp_path: Path) -> None:
    led = lead(story("event: decided, by: voters, nth: 2, as: who", SKEW), tmp_path)
    assert [one.sid for one in held(led)][-1] == begun(led).by
    free = [one.action for one in acts(led) if isinstance(one.action, act.LetGo)]
    assert [one.again for one in free] == [True, False, False]


def test_one_peer_counts_by_itself_and_is_not_disturbed(tmp_path: Path) -> None:
    led = lead(story("event: notification_received, by: 2, nth: 2, as: who", SKEW), tmp_path)
    assert len(held(led)) == 1


def test_the_next_round_is_later_than_any_that_is_known(tmp_path: Path) -> None:
    stop = UP + "  - {id: stop, fault: pause, target: leader, for: 4s}\n"
    when = "event: notification_sent, by: voters, round: next, as: who"
    led = lead(story(when, CUT, stop), tmp_path)
    (gate,) = held(led)
    (step,) = [e for _, e in led.history.every(Stepped) if (e.sid, e.seq) == (gate.sid, gate.line)]
    effect = step.effects[gate.index]
    assert isinstance(effect, Send)
    assert effect.notification.round == 2
    assert led.result.exit_code == 0, led.result.headline


OTHERWISE = {
    "fail": (1, "failed", []),
    "skip": (0, "skipped", []),
    "run": (0, "done", ["TurnRound"]),
}


@pytest.mark.parametrize(("word", "then"), OTHERWISE.items(), ids=OTHERWISE.keys())
def test_what_does_not_come_in_time_fails_is_left_out_or_done_all_the_same(
    word: str, then: tuple[int, str, list[str]], tmp_path: Path
) -> None:
    code, outcome, done = then
    led = lead(
        plan(
            "steps:\n"
            "  - {id: hit, when: {event: stepped_down}, within: 40ms, "
            f"otherwise: {word}, fault: skew_logical_clock, target: 1, with: {{by: 1}}}}\n"
            + SETTLED
        ),
        tmp_path,
    )
    assert led.result.exit_code == code, led.result.headline
    assert led.step("hit").outcome == outcome
    assert deeds(led) == ["Hold", "LetGo", *done]


def test_whoever_is_held_is_let_go_when_the_step_hits_nobody(tmp_path: Path) -> None:
    led = lead(story("event: decided, as: who", "fault: kill, target: observers"), tmp_path)
    assert led.result.exit_code == 3
    assert deeds(led) == ["Hold", "LetGo", "LetGo"]


def test_whoever_is_held_may_be_killed_there(tmp_path: Path) -> None:
    kill = "fault: kill, target: $who, with: {restart: after}, for: 1s"
    led = lead(story("event: packet_sent, packet: ACKEPOCH, as: who", kill), tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    (who,) = {one.sid for one in held(led)}
    assert led.step("hit").targets == (who,)


def test_a_fault_can_be_ended_at_an_event(tmp_path: Path) -> None:
    led = lead(
        plan(
            "steps:\n" + UP + "  - {id: stop, fault: pause, target: leader}\n"
            "  - {id: hit, when: {event: decided, round: next, state: leading}, within: 5s, "
            "release: [stop]}\n" + SETTLED
        ),
        tmp_path,
    )
    assert led.result.exit_code == 0, led.result.headline
    assert deeds(led)[0] == "Hold"


# ---- watched, where nobody can be held


class Free(Puppet):
    """Nobody of it can be held."""

    supports: frozenset[type[Action]] = act.EVERY_ACTION - {act.Hold, act.LetGo}

    def apply(self, action: Action) -> act.Evidence:
        assert type(action) in self.supports
        return super().apply(action)


@pytest.mark.parametrize("mode", ["observe", "gate_or_observe"])
def test_what_cannot_be_held_is_done_as_soon_as_it_is_seen(mode: str, tmp_path: Path) -> None:
    tale = story(f"event: quorum_seen, by: 2, mode: {mode}, as: who", SKEW)
    led = lead(tale, tmp_path, system=Free(tale.ensemble))
    assert led.result.exit_code == 0, led.result.headline
    assert deeds(led) == ["TurnRound"]
    assert begun(led).by == 2
    assert led.step("hit").evidence["seen"] == "0.0 ms after the event; nobody was held"
    late = "0.0 ms after peer 2 came to the event, which was only observed"
    assert led.verdict("hit")[1].endswith(late)


def test_an_event_that_is_only_to_be_observed_holds_nobody(tmp_path: Path) -> None:
    led = lead(story("event: decided, mode: observe, nth: 2, as: who", SKEW), tmp_path)
    assert (held(led), deeds(led)) == ([], ["TurnRound"])


def test_a_gate_needs_a_system_that_can_hold() -> None:
    gated, seen = (story(f"event: decided, mode: {m}, as: who", SKEW) for m in ("gate", "observe"))
    either = story("event: decided, mode: gate_or_observe, as: who", SKEW)
    assert gated.needs - seen.needs == {act.Hold, act.LetGo}
    assert either.needs == seen.needs


# ---- again


def test_a_gated_run_is_gated_again_when_it_is_replayed(tmp_path: Path) -> None:
    led = lead(FIRST, tmp_path)
    assert again(led, tmp_path).history == led.history


def test_a_replay_waits_for_whoever_it_was_then(tmp_path: Path) -> None:
    led = lead(FIRST, tmp_path, seed=1)
    run = open_run(led.folder)
    assert run.came == {"hit": begun(led).by}


def test_a_gated_run_is_judged_again_word_for_word(tmp_path: Path) -> None:
    tale = plan(
        "steps:\n"
        f"  - {{id: hit, when: {{event: decided, as: who}}, within: 5s, {SKEW}}}\n"
        + SETTLED
        + "expect:\n  - {id: x, outcome: leader, among: $who, within: 20s}\n"
    )
    led = lead(tale, tmp_path)
    found = rejudge(led.folder)
    assert found.verdicts == led.result.verdicts
    assert case_of(found.run).names["who"] == (begun(led).by,)


# ---- words

SENTENCES = {
    "event: notification_sent, by: 3, round: next, peer: 2": (
        "when peer 3 sends a notification to peer 2 of the next round"
    ),
    "event: packet_sent, packet: ACKEPOCH, by: voters": "when any voter sends ACKEPOCH",
    "event: decided, state: leading, nth: 2": (
        "when any peer decides to be leading for the second time"
    ),
    "event: state_changed, by: [1, 2], mode: observe": (
        "when one of peers 1 and 2 changes its state, as soon as it is seen"
    ),
    "event: decided, by: [2]": "when peer 2 decides",
    "event: quorum_seen, by: leader, round: 7": "when the leader sees a quorum of round 7",
    "event: epoch_persisted, epoch: accepted, round: last": (
        "when any peer writes its accepted epoch of the last round"
    ),
    "event: vote_changed, nth: 4": "when any peer changes its vote for the 4th time",
}


@pytest.mark.parametrize(("when", "said"), SENTENCES.items(), ids=SENTENCES.keys())
def test_an_event_has_plain_words(when: str, said: str) -> None:
    step = story(when, "fault: kill, target: 1").steps[0]
    assert sentence(step) == f"{said}, kill peer 1"


def test_every_event_has_words() -> None:
    told = set()
    for kind in MomentKind:
        step = story("event: decided", "fault: kill, target: 1").steps[0]
        assert isinstance(step.when, When)
        told.add(sentence(replace(step, when=replace(step.when, event=kind))))
    assert len(told) == len(MomentKind)


def test_time_at_a_gate_is_no_time_of_the_fault(tmp_path: Path) -> None:
    led = lead(FIRST, tmp_path)
    ended = next(one for one in acts(led) if isinstance(one.action, act.Unblock))
    assert ended.at_ns - begun(led).at_ns == SECOND
    assert Sid(begun(led).targets[0]) == begun(led).by


# ---- inside parallel


def test_gates_of_steps_that_go_on_together_hold_apart(tmp_path: Path) -> None:
    tale = plan(
        "steps:\n"
        "  - id: both\n"
        "    parallel:\n"
        "      - {id: one, when: {event: decided, by: 1, as: a}, within: 5s, "
        "fault: kill, target: $a, with: {restart: after}, for: 1s}\n"
        "      - {id: two, when: {event: quorum_seen, by: 2, as: b}, within: 5s, "
        "fault: skew_logical_clock, target: $b, with: {by: 3}}\n" + SETTLED
    )
    led = lead(tale, tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    assert {(one.name, one.sid) for one in held(led)} == {("one", 1), ("two", 2)}
    assert again(led, tmp_path).history == led.history


def test_whoever_another_step_holds_is_let_go_when_the_steps_end(tmp_path: Path) -> None:
    tale = plan(
        "steps:\n"
        "  - id: both\n"
        "    parallel:\n"
        "      - {id: one, when: {event: decided, by: 1, nth: 9}, within: 9s, "
        "fault: kill, target: 1}\n"
        "      - {id: two, wait: {outcome: no_leader, hold_for: 3s}, within: 1s}\n"
    )
    led = lead(tale, tmp_path)
    freed = [one.action for _, one in led.history.every(Acted)]
    assert [type(action) for action in freed] == [act.Hold, act.LetGo]
    assert led.result.exit_code == 1


EVERYTHING_ELSE = {
    "a note": "note: it has decided",
    "steps together": (
        "parallel: [{id: in, fault: kill, target: $who, with: {restart: after}, for: 1s}]"
    ),
    "a workload": "workload: {writes_per_s: 20}, for: 1s",
}


@pytest.mark.parametrize("rest", EVERYTHING_ELSE.values(), ids=EVERYTHING_ELSE.keys())
def test_any_other_step_may_be_done_at_an_event(rest: str, tmp_path: Path) -> None:
    led = lead(story("event: packet_sent, packet: UPTODATE, as: who", rest), tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    assert [one.sid for one in held(led)] == [begun(led).by] == [3]
    assert led.verdict("hit")[1].startswith("confirmed: the gate (peer 3 held")


def test_a_gate_of_time_zero_is_armed_before_any_peer_looks(tmp_path: Path) -> None:
    first = "event: notification_sent, by: 2, as: who"
    tale = plan(
        f"steps:\n  - {{id: hit, at: 0ms, when: {{{first}}}, within: 5s, {SKEW}}}\n" + SETTLED
    )
    led = lead(tale, tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    assert acts(led)[0].at_ns <= led.history.zero_ns
    (gate,) = held(led)
    sent = [
        (event.seq, index)
        for _, event in led.history.every(Stepped)
        for index, effect in enumerate(event.effects)
        if event.sid == 2 and isinstance(effect, Send)
    ]
    assert (gate.line, gate.index) == min(sent)
