"""Runs to draw: realistic ones, and one result for them."""

from __future__ import annotations

from chaos.actions import Block, Cut, Kill, Launch, Pause, Resume, Unblock
from chaos.election.effects import Decided, SteppedDown
from chaos.election.ids import Sid
from chaos.history.events import Acted, Stepped
from chaos.history.history import History
from chaos.store import RunResult, StepRecord
from chaos.verify.verdict import Kind, Measure, Outcome, Verdict
from tests.report.small_world import SECOND, World

PLAN = """\
# Pause the leader, cut off the next one.
version: 1
name: pause-then-cut
ensemble: {size: 5}
steps:
  - {id: up, wait: {outcome: leader}, within: 5s}
  - {id: pause-it, fault: pause, target: leader, as: old, for: 2500ms}
  - {id: cut-it, fault: isolate, target: leader, for: 2500ms}
expect:
  - {id: next, outcome: leader, after: pause-it, within: 3s}
"""


def paused_then_cut(seed: int = 1) -> History:
    """Five peers: the leader is paused, its heir is cut off, both come back."""
    world = World(5, seed)
    world.begin("pause-then-cut")
    world.run(2)
    old = world.leader()
    world.act("pause-it", Pause(old))
    world.run(4.5)
    world.act("pause-it", Resume(old))
    world.run(7)
    heir = world.leader()
    others = [sid for sid in world.peers if sid != heir]
    cuts = tuple(Cut(heir, sid) for sid in others) + tuple(Cut(sid, heir) for sid in others)
    world.act("cut-it", Block("cut-it", cuts))
    world.run(9.5)
    world.act("cut-it", Unblock("cut-it"))
    world.run(12)
    return world.history()


def killed_under_loss(seed: int = 3) -> History:
    """Three voters and an observer lose one message in five; the leader dies and comes back."""
    world = World(3, seed, observers=1, loss_ppm=200_000)
    world.begin("kill-under-loss")
    world.run(2)
    old = world.leader()
    world.act("kill-it", Kill(old))
    world.run(4)
    world.act("kill-it", Launch(old))
    world.run(6)
    return world.history()


def result_of(history: History, exit_code: int = 1) -> RunResult:
    """A result that fits ``history``: its steps are the actions, one verdict of each outcome."""
    decided = [
        index
        for index, step in history.every(Stepped)
        if any(isinstance(effect, Decided) for effect in step.effects)
    ]
    gone = [
        index
        for index, step in history.every(Stepped)
        if any(isinstance(effect, SteppedDown) for effect in step.effects)
    ]
    return RunResult(
        plan="pause-then-cut",
        plan_file="plans/pause-then-cut.yaml",
        plan_text=PLAN,
        seed=7,
        system="processes",
        network="kernel",
        exit_code=exit_code,
        headline="next: peer 4 led after 1.22 s, asked for was 1 s",
        reproduce="chaos run plans/pause-then-cut.yaml --seed 7",
        verdicts=_verdicts(decided, gone),
        measures=_measures(decided, gone),
        steps=tuple(_steps(history)),
        environment={
            "chaos": "0.1.0",
            "python": "CPython 3.11.2",
            "kernel": "Linux 6.1.0 x86_64",
            "cores": "2",
            "load": "0.52, 0.44, 0.31",
            "clock": "CLOCK_MONOTONIC, ns",
        },
        disturbed="",
    )


def _verdicts(decided: list[int], gone: list[int]) -> tuple[Verdict, ...]:
    where = "plans/pause-then-cut.yaml:10:5"
    return (
        Verdict(
            "at_most_one_leader_per_epoch",
            Kind.INVARIANT,
            Outcome.HOLDS,
            "3 epochs, one leader each",
            tuple(decided[:3]),
            3,
        ),
        Verdict(
            "next",
            Kind.EXPECTATION,
            Outcome.FAILS,
            "peer 4 led 1.22 s after pause-it, not within 1 s",
            tuple(gone[:1] + decided[-1:]),
            1,
            where,
        ),
        Verdict(
            "cut-it",
            Kind.EVIDENCE,
            Outcome.UNKNOWN,
            "the block stopped nothing that is known",
            (),
            0,
            where,
        ),
        Verdict(
            "reconfiguration_needs_both_quorums",
            Kind.INVARIANT,
            Outcome.NOT_EXERCISED,
            "no configuration changed",
        ),
    )


def _measures(decided: list[int], gone: list[int]) -> tuple[Measure, ...]:
    found = [
        Measure("election.total", f"#{n}", (200 + 17 * n) * 1_000_000 + 123_456, index, index)
        for n, index in enumerate(decided[:3], 1)
    ]
    found.append(Measure("election.total", "#4", None, decided[-1], None))
    found += (
        [Measure("leaderless", "pause-it", 1_221_811_291, gone[0], decided[-1])] if gone else []
    )
    found.append(Measure("rounds", "#1", 1, decided[0], decided[0], "count"))
    return tuple(found)


def _steps(history: History) -> list[StepRecord]:
    records = [
        StepRecord(
            "up",
            "wait",
            "wait until there is a leader, at most 5 s",
            "plans/pause-then-cut.yaml:6:5",
            None,
            0,
            212_300_000,
            (),
            "done",
        )
    ]
    open_: dict[str, Acted] = {}
    for _, acted in history.every(Acted):
        if acted.step not in open_:
            open_[acted.step] = acted
            continue
        first = open_[acted.step]
        sid = first.action.sid if isinstance(first.action, Pause | Kill) else Sid(4)
        verb = type(first.action).__name__.lower()
        began = first.at_ns - history.zero_ns
        records.append(
            StepRecord(
                acted.step,
                verb,
                f"{verb} the leader (peer {sid}) for 2.5 s",
                f"plans/pause-then-cut.yaml:{6 + len(records)}:5",
                began - 1_200_000,
                began,
                acted.done_ns - history.zero_ns,
                (int(sid),),
                "done",
                "",
                {**first.evidence.facts, **acted.evidence.facts},
            )
        )
    assert history.end_ns > SECOND
    return records
