"""Failures have names; those that a plan knows are expected until a day."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.errors import PlanError
from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan
from chaos.runner.known import explained, sentence, signed, together
from chaos.runner.rejudge import rejudge
from chaos.runner.run import outcome_of, perform
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult
from chaos.systems.simulated import Simulated
from chaos.verify.verdict import Kind, KnownMet, Met, Outcome, Verdict
from tests.runner.stage import HEAD, Heard, plan

DAY = "2026-11-26"
KNOWN = 'known_issues:\n  - {signature: "%s", issue: "#123", until: "%s"}\n'
FAILS = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: connect, wait: {outcome: leader, among: 1}, within: 300ms}
  - {id: stop, fault: pause, target: leader, for: 1s}
expect:
  - {id: again, outcome: leader, after: {step: stop, edge: ended}, within: 5s}
"""
HOLDS = FAILS.replace("among: 1", "among: 3")
SLOW = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: kill, target: leader}
  - {id: next, wait: {outcome: leader}, within: 5s}
expect:
  - {id: quick, metric: election.total, of: stop, max: 1ms}
"""


def ran(steps: str, known: str, out: Path, day: str = DAY) -> tuple[RunResult, Path]:
    story = plan(steps + known)
    task = Task(story, 1, "chaos run story.yaml", day=day)
    with closing(RunFolder.create(out, story.name, 1)) as folder:
        result, _ = perform(task, Simulated(story.ensemble, 1), folder, Heard())
    return result, folder.path


EXPECTED = {
    "by its name": (FAILS, "election.timeout@connect"),
    "by a pattern": (FAILS, "*.timeout@conn*"),
    "an expectation": (SLOW, "election.total.above@quick"),
}


@pytest.mark.parametrize(("steps", "signature"), EXPECTED.values(), ids=EXPECTED)
def test_a_known_failure_is_expected_and_told(steps: str, signature: str, tmp_path: Path) -> None:
    assert ran(steps, "", tmp_path)[0].exit_code == 1
    result, folder = ran(steps, KNOWN % (signature, "2026-12-31"), tmp_path)
    assert result.exit_code == 0
    assert result.headline.startswith("expected failure, #123: ")
    failing = [one for one in result.verdicts if one.outcome is Outcome.FAILS]
    assert [one.known for one in failing] == ["#123"], "it fails all the same"
    assert result.known_issues == (
        KnownMet(signature, "#123", "2026-12-31", Met.SEEN, (failing[0].name,)),
    )
    again = rejudge(folder)
    assert (again.verdicts, again.known) == (result.verdicts, result.known_issues)
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("day", "code", "met"),
    [
        ("2026-12-31", 0, Met.SEEN),
        ("2027-01-01", 1, Met.OVER),
        ("2026-01-01", 0, Met.SEEN),
    ],
)
def test_it_is_expected_through_its_last_day(day: str, code: int, met: Met, tmp_path: Path) -> None:
    known = KNOWN % ("election.timeout@connect", "2026-12-31")
    result, folder = ran(FAILS, known, tmp_path, day)
    assert result.exit_code == code
    assert [one.met for one in result.known_issues] == [met]
    assert rejudge(folder).exit_code == code, "a stored run is judged as on its day"
    over = "known issue #123 was to be solved by 2026-12-31" in result.headline
    assert over is (met is Met.OVER)


def test_one_that_is_not_seen_is_told(tmp_path: Path) -> None:
    result, _ = ran(HOLDS, KNOWN % ("election.timeout@connect", "2026-12-31"), tmp_path)
    assert result.exit_code == 0
    assert "hold" in result.headline
    assert [one.met for one in result.known_issues] == [Met.NOT_SEEN]
    told = sentence(result.known_issues[0])
    assert told == "known issue #123 (election.timeout@connect) not seen in this run: is it solved?"


def test_another_failure_is_no_known_one(tmp_path: Path) -> None:
    result, _ = ran(FAILS, KNOWN % ("election.timeout@up", "2026-12-31"), tmp_path)
    assert result.exit_code == 1
    assert [one.met for one in result.known_issues] == [Met.NOT_SEEN]


def test_a_fault_that_met_nothing_before_a_known_failure_counts(tmp_path: Path) -> None:
    """It was over when the failure ended the steps: it would have met nothing all the same."""
    lost = "{id: lost, fault: loss, target: {from: 1, to: 2}, with: {percent: 100%}, for: 50ms}"
    rest = "{id: rest, wait: {time: 200ms}, why: it is over by then}"
    steps = FAILS.replace("  - {id: connect", f"  - {lost}\n  - {rest}\n  - {{id: connect")
    result, folder = ran(steps, KNOWN % ("election.timeout@connect", "2026-12-31"), tmp_path)
    assert (result.exit_code, rejudge(folder).exit_code) == (3, 3)
    assert result.headline.startswith("inconclusive: lost: ")


LAW = Verdict("epoch_monotone", Kind.INVARIANT, Outcome.FAILS, "it went back")
STEP = Verdict("connect", Kind.STEP, Outcome.FAILS, "not so within 1s")
QUICK = Verdict("quick", Kind.EXPECTATION, Outcome.FAILS, "too long")
LATE = replace(STEP, evidence=(7,))  # the line that says that it failed
DOUBT = Verdict("stop", Kind.EVIDENCE, Outcome.UNKNOWN, "not confirmed")
AFTER = Verdict("again", Kind.EXPECTATION, Outcome.UNKNOWN, "the run ended before")
HOST = Verdict("host.load", Kind.HOST, Outcome.FAILS, "busy")
CODES: dict[str, tuple[list[Verdict], str, int]] = {
    "no pattern covers safety": ([LAW], "*@*", 7),
    "safety by its whole name": ([LAW], "epoch_monotone.broken@run", 0),
    "safety beside what is expected": ([LAW, STEP], "*@connect", 7),
    "another failure beside it": ([STEP, QUICK], "*@connect", 1),
    "what the failure cut short": ([STEP, DOUBT, AFTER], "*@connect", 0),
    "a fault that it cut short": ([LATE, replace(DOUBT, evidence=(3, 9))], "*@connect", 0),
    "a fault that was over before": ([LATE, replace(DOUBT, evidence=(3, 5))], "*@connect", 3),
    "a doubt that it did not make": ([QUICK, DOUBT], "*@quick", 3),
    "what hangs on an expectation": ([QUICK, AFTER], "*@quick", 0),
    "no host is expected to fail": ([HOST], "*@*", 4),
}


@pytest.mark.parametrize(("verdicts", "signature", "code"), CODES.values(), ids=CODES)
def test_what_else_was_found_counts(verdicts: list[Verdict], signature: str, code: int) -> None:
    story = load_plan(
        HEAD + FAILS.replace("again,", "quick,") + KNOWN % (signature, "2026-12-31"), "story.yaml"
    )
    found, _ = explained(signed(story, verdicts), story.known_issues, DAY)
    assert outcome_of(found, "")[0] == code
    nothing, _ = explained(signed(story, verdicts), story.known_issues, "")
    assert not any(one.known for one in nothing), "without a day nothing is expected"


SIGNATURES = {
    "a wait": ("connect", Kind.STEP, "election.timeout@connect"),
    "a role": ("role", Kind.STEP, "role.timeout@role"),
    "a probe": ("ask", Kind.STEP, "probe.timeout@ask"),
    "an event": ("cut", Kind.STEP, "notification_sent.timeout@cut"),
    "a fault": ("cut", Kind.EVIDENCE, "pause.unconfirmed@cut"),
    "a leader": ("next", Kind.EXPECTATION, "election.timeout@next"),
    "nobody": ("none", Kind.EXPECTATION, "no_leader.broken@none"),
    "the same": ("same", Kind.EXPECTATION, "same_leader.broken@same"),
    "a metric": ("quick", Kind.EXPECTATION, "election.finalize.above@quick"),
    "a baseline": ("quick", Kind.REGRESSION, "election.finalize.slower@quick"),
    "a law": ("no_split_brain", Kind.INVARIANT, "no_split_brain.broken@run"),
    "an end": ("peers_end_only_when_told", Kind.EXPECTATION, "peers_end_only_when_told.broken@run"),
    "a host": ("host.load", Kind.HOST, "host.load.above@abort_when"),
    "a crash": ("peer_crashed", Kind.ABORT, "peer_crashed.seen@abort_when"),
}
ALL = """\
steps:
  - {id: connect, wait: {outcome: leader}, within: 5s}
  - {id: role, wait: {outcome: {role: looking}, of: 1}, within: 5s}
  - {id: ask, probe: roles, target: 1, equals: {reachable: true}, within: 5s}
  - {id: cut, when: {event: notification_sent}, within: 1s, fault: pause, target: 1, for: 1s}
expect:
  - {id: next, outcome: leader, within: 5s}
  - {id: none, outcome: no_leader, during: cut}
  - {id: same, outcome: same_leader, between: [connect, cut]}
  - {id: quick, metric: election.phase.finalize, max: 1s}
"""


@pytest.mark.parametrize(("name", "kind", "signature"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_failure_has_a_name_without_figures(name: str, kind: Kind, signature: str) -> None:
    failing = Verdict(name, kind, Outcome.FAILS, "after 3.141 s at peer 3")
    held = replace(failing, outcome=Outcome.HOLDS)
    story = load_plan(HEAD + ALL, "story.yaml")
    assert [one.signature for one in signed(story, [failing, held])] == [signature, ""]


def test_many_runs_are_counted_together() -> None:
    seen = KnownMet("a@b", "#1", "2026-12-31", Met.SEEN, ("b",))
    not_seen = replace(seen, met=Met.NOT_SEEN, names=())
    [row] = together([(seen,), (not_seen,), (seen,)])
    assert row == (seen, 2, 3)
    assert sentence(*row).endswith("seen in 2 of 3 runs: an expected failure until 2026-12-31")
    [none] = together([(not_seen,), (not_seen,)])
    assert sentence(*none).endswith("not seen in 2 runs: is it solved?")


WRONG = {
    "no signature": ('{signature: timeout, issue: "#1", until: "2026-12-31"}', "is no signature"),
    "no day": ('{signature: "a@up", issue: "#1", until: "soon"}', "is no day"),
    "no such day": ('{signature: "a@up", issue: "#1", until: "2026-02-30"}', "is no day"),
    "no leap year": ('{signature: "a@up", issue: "#1", until: "2026-02-29"}', "is no day"),
    "no issue": ('{signature: "a@up", until: "2026-12-31"}', 'needs "issue"'),
    "no end": ('{signature: "a@up", issue: "#1"}', 'needs "until"'),
    "as something else": (
        '{signature: "a@up", issue: "#1", until: "2026-12-31", counts_as: success}',
        '"success" is none of its words',
    ),
}


@pytest.mark.parametrize(("issue", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_its_place(issue: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(f"{HEAD}steps: []\nknown_issues:\n  - {issue}\n", "story.yaml")
    assert message in str(caught.value)
    assert "story.yaml:6:" in str(caught.value)


def test_a_leap_day_is_a_day() -> None:
    load_plan(HEAD + "steps: []\n" + KNOWN % ("*@run", "2028-02-29"), "story.yaml")


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ("election.timeout@connect", []),
        ("election.timeout@conect", ["never-known"]),
        ("*@conn*", []),
        ("election.total.above@again", []),
        ("epoch_monotone.broken@run", []),
        ("*.broken@run", []),
    ],
)
def test_the_linter_names_an_issue_of_no_step(signature: str, found: list[str]) -> None:
    text = HEAD + FAILS.replace("among: 1", "among: 3") + KNOWN % (signature, "2026-12-31")
    told = [one for one in lint(load_plan(text, "story.yaml")) if one.about == "known_issues"]
    assert [one.rule for one in told] == found
