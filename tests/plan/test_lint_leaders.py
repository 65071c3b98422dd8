"""What the linter knows of leaders: who stays, who cannot, and what may never happen at all."""

from __future__ import annotations

import pytest

from tests.plan.linted import UP, found, pause, plan

SAME = "outcome: same_leader, between: [up, %s]"
KILL = "{id: k, fault: kill, target: leader}"
BACK = "{id: k, fault: %s, target: leader, with: {restart: after}, for: %s}"
NEXT = "{id: next, wait: {outcome: leader}, within: 10s}"
SOON = "{id: soon, wait: {time: 2s}, why: so}"
PERHAPS = "{id: m, wait: {outcome: leader, among: 1}, within: 1s, otherwise: skip}"
LATER = "outcome: leader, after: {step: up, plus: 8s}, within: 2s"
STOP = "{id: f, fault: pause, target: [1, 2, 3], for: 20s}"
SIDES = "fault: isolate, target: [1, 2, 3], for: 20s"
CUT = f"{{id: f, at: %s, {SIDES}}}"
CUT_IN_TURN = f"{{id: f, {SIDES}}}"
HELD = "outcome: leader, after: up, within: 1s"
TOGETHER = (
    "{id: both, parallel: [{id: f, at: 5s, fault: pause, target: [1, 2, 3], for: 20s},"
    " {id: w, wait: {outcome: leader, hold_for: %s}, within: 12s}]}"
)
CUT_TWO = CUT_IN_TURN.replace(", 3", "")
BACK_AGAIN = "{id: w, after: {step: f, edge: ended}, wait: {outcome: %s}, within: %s}"
BACK_IN_TURN = "{id: w, wait: {outcome: leader, seen_by: all}, within: %s}"
NONE = "{id: none, wait: {outcome: no_leader}, within: 2s}"
KILL_ONE = "{id: k, fault: kill, target: 1}"
NOBODY = "outcome: no_leader, among: 1, during: %s"

# what is asked: the plan that it is for, the rule, the severity, its arithmetic, a plan beside it
LEADERS: dict[str, tuple[str, str, str, str, str]] = {
    "a leader that is killed": (
        plan(UP, KILL, NEXT, expect=SAME % "next"),
        "never-same",
        "error",
        "k ends the leader's process",
        plan(UP, KILL.replace("leader", "1"), NEXT, expect=SAME % "next"),
    ),
    "the later moment first": (
        plan(UP, KILL, NEXT, expect="outcome: same_leader, between: [next, up]"),
        "never-same",
        "error",
        "between them",
        plan(UP, NEXT, KILL, expect="outcome: same_leader, between: [next, up]"),
    ),
    "a leader that is back too late": (
        plan(UP, BACK % ("terminate", "5s"), SOON, expect=SAME % "soon"),
        "never-same",
        "error",
        "nothing starts it again",
        plan(UP, BACK % ("terminate", "1s"), SOON, expect=SAME % "soon"),
    ),
    "a leader that nothing else starts": (
        plan(UP, KILL, SOON, NEXT, expect=SAME % "next"),
        "never-same",
        "error",
        "ends the leader's process",
        plan(
            UP,
            KILL,
            "{id: g, fault: disk_full, target: all, with: {restart: after}, for: 1s}",
            SOON,
            NEXT,
            expect=SAME % "next",
        ),
    ),
    "a leader that led before": (
        plan(UP, KILL, NEXT, expect=SAME % "next"),
        "never-same",
        "error",
        "nothing starts it again",
        plan(UP, pause("leader", "2s"), SOON, KILL, NEXT, expect=SAME % "next"),
    ),
    "a leader that is killed if there is one": (
        plan(UP, KILL, NEXT, expect=SAME % "next"),
        "never-same",
        "error",
        "nothing starts it again",
        plan(UP, KILL.replace("leader", "leader, if_ambiguous: skip"), NEXT, expect=SAME % "next"),
    ),
    "during a note": (
        plan(UP, "{id: n, note: so}", expect=NOBODY % "n"),
        "empty-span",
        "warning",
        "n is over as it begins",
        plan(UP, SOON, expect=NOBODY % "soon"),
    ),
    "during what is over at once": (
        plan(UP, KILL, expect=NOBODY % "k"),
        "empty-span",
        "warning",
        "k is over as it begins",
        plan(UP, BACK % ("kill", "5s"), expect=NOBODY % "k"),
    ),
    "cut off from the begin": (
        plan(CUT % "0ms", UP),
        "never-leads",
        "error",
        "2 of 5 voters, where a quorum needs 3",
        plan(CUT % "2s", UP),
    ),
    "cut off from the begin until it is asked for": (
        plan(CUT % "0ms", SOON, expect="outcome: leader, after: soon, within: 1s"),
        "never-leads",
        "error",
        "f leaves at most",
        plan(
            CUT % "1s",
            SOON.replace("2s", "500ms"),
            expect="outcome: leader, after: soon, within: 200ms",
        ),
    ),
    "held for longer than what is left before": (
        plan(UP, SOON, STOP, expect=f"{HELD}, hold_for: 3s"),
        "never-leads",
        "error",
        "within the 3s of hold_for",
        plan(UP, SOON, STOP, expect=f"{HELD}, hold_for: 1s"),
    ),
    "held for longer than what is left before or after": (
        plan(UP, SOON, STOP, expect=f"{HELD.replace('1s', '10s')}, hold_for: 3s"),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, SOON, STOP, expect=f"{HELD.replace('1s', '25s')}, hold_for: 3s"),
    ),
    "held for longer than a cut takes to be noticed": (
        plan(UP, SOON, CUT_IN_TURN, expect=f"{HELD}, hold_for: 5s"),
        "never-leads",
        "error",
        "within the 5s of hold_for",
        plan(UP, SOON, CUT_IN_TURN, expect=f"{HELD}, hold_for: 3s"),
    ),
    "held by a wait until it is cut short": (
        plan(TOGETHER % "8s"),
        "never-leads",
        "error",
        "within the 8s of hold_for",
        plan(TOGETHER % "4s"),
    ),
    "a lost quorum that is back before the leader notices": (
        plan(UP, pause("[1, 2, 3]", "500ms"), expect="outcome: leader, after: f, within: 400ms"),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, pause("[1, 2, 3]", "500ms"), expect="outcome: leader, after: f, within: 600ms"),
    ),
    "nobody leads although nothing happens": (
        plan(UP, NONE),
        "never-leaderless",
        "warning",
        "up is done when a leader serves",
        plan(NONE, UP),
    ),
    "nobody leads although the dead had no say": (
        plan(KILL_ONE, UP, NONE),
        "never-leaderless",
        "warning",
        "no fault comes between",
        plan(UP, KILL_ONE, NONE),
    ),
    "a wait for who is cut off": (
        plan(UP, CUT_TWO, BACK_AGAIN % ("leader, seen_by: all", "5s")),
        "resend-trap",
        "warning",
        "the next may be 20s away",
        plan(UP, CUT_TWO, BACK_AGAIN % ("leader, seen_by: all", "25s")),
    ),
    "a wait for all where the others go on": (
        plan(UP, CUT_TWO, BACK_AGAIN % ("leader, seen_by: all", "5s")),
        "resend-trap",
        "warning",
        "20s of silence",
        plan(UP, CUT_IN_TURN, BACK_AGAIN % ("leader, seen_by: all", "5s")),
    ),
    "a wait for all and not for a leader alone": (
        plan(UP, CUT_TWO, BACK_AGAIN % ("leader, seen_by: all", "5s")),
        "resend-trap",
        "warning",
        "20s of silence",
        plan(UP, CUT_TWO, BACK_AGAIN % ("leader", "5s")),
    ),
    "a wait for the role of who is cut off": (
        plan(UP, CUT_TWO, BACK_AGAIN % ("{role: follower}, of: [1, 2, 3, 4]", "5s")),
        "resend-trap",
        "warning",
        "20s of silence",
        plan(UP, CUT_TWO, BACK_AGAIN % ("{role: follower}, of: 3", "5s")),
    ),
    "a wait that goes on after the cut": (
        plan(UP, CUT_TWO, SOON, BACK_IN_TURN % "22s"),
        "resend-trap",
        "warning",
        "20s of silence",
        plan(UP, CUT_TWO, BACK_IN_TURN % "22s"),
    ),
    "a lost quorum that nothing leaves out": (
        plan(UP, STOP, expect=LATER),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, PERHAPS, STOP, expect=LATER),
    ),
    "a lost quorum that is asked for after what may end the steps": (
        plan(UP, PERHAPS, STOP, expect="outcome: leader, after: f, within: 2s"),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, PERHAPS, STOP, expect="outcome: leader, after: up, within: 20s"),
    ),
}


@pytest.mark.parametrize(
    ("bad", "rule", "severity", "words", "good"), LEADERS.values(), ids=LEADERS
)
def test_what_no_leader_can_do(bad: str, rule: str, severity: str, words: str, good: str) -> None:
    of_rule = [one for one in found(bad) if one.rule == rule]
    assert [one.severity for one in of_rule] == [severity], found(bad)
    assert words in of_rule[0].why
    assert [one for one in found(good) if one.rule == rule] == []
