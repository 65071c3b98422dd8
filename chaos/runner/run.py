"""One run: a system is led through a plan, then judged by what was seen.

However a run ends, the system is closed: healed, ended, reaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chaos.errors import InfrastructureError
from chaos.history.events import RunBegan, RunEnded
from chaos.history.history import History
from chaos.plan.model import FaultStep, Plan, Release, Wait
from chaos.runner import codes
from chaos.runner.conduct import Conduct, Ended
from chaos.runner.judge import Case, judge, settled
from chaos.runner.log import StepLog
from chaos.runner.show import Show
from chaos.runner.surroundings import disturbance, environment, health
from chaos.store import RunFolder, RunResult, StepRecord
from chaos.systems.base import System

_LOOK_NS = 50_000_000  # between two looks whether the expectations are decided
_MARGIN_NS = 1_000_000  # past an expectation's bound, so that its end is in the history


def perform(
    plan: Plan, system: System, folder: RunFolder, seed: int, show: Show, reproduce: str
) -> tuple[RunResult, History]:
    """Run ``plan`` on ``system`` and judge it; the folder then holds all of it.

    Raises:
        InfrastructureError: the host could not run it; the folder holds a readable prefix.
    """
    conduct = Conduct(plan, system, folder, seed, show)
    surroundings = environment()
    residue = ""
    try:
        _lead(conduct, plan, system, seed, show)
    finally:
        try:
            for event in system.close():
                conduct.observe(event)
        except InfrastructureError as error:
            residue = str(error)
    conduct.record(RunEnded(max(system.now_ns, conduct.view.now_ns), residue or "done"))
    history = History.of([*conduct.events, *system.rest()])
    case = Case(plan, history, conduct.logs, conduct.names)
    verdicts = judge(case)
    code, headline = _outcome(verdicts, residue)
    late = disturbance(history, plan.ensemble.timings)
    facts = {**surroundings, **health(history), **system.facts()}
    result = RunResult(
        plan=plan.name,
        plan_file=plan.file,
        plan_text=plan.text,
        seed=seed,
        system=system.name,
        network=system.network,
        exit_code=code,
        headline=headline,
        reproduce=reproduce,
        verdicts=verdicts,
        measures=case.measures(),
        steps=tuple(_record(conduct, log) for log in conduct.logs.values()),
        environment=facts,
        disturbed=late,
    )
    folder.finish(history, result)
    return result, history


def _lead(conduct: Conduct, plan: Plan, system: System, seed: int, show: Show) -> None:
    """From the start of the peers until every expectation is decided."""
    system.prepare()
    show.began(plan.name, system.name, system.network, seed)
    conduct.advance(system.now_ns)
    try:
        conduct.before_zero()
        conduct.zero_ns = system.go()
        conduct.record(RunBegan(conduct.zero_ns, plan.name, seed, system.name))
        conduct.steps()
        conduct.finish_faults()
        _settle(conduct, plan)
    except Ended:
        pass
    conduct.release_all()
    conduct.advance(system.now_ns)


def _settle(conduct: Conduct, plan: Plan) -> None:
    """Let time pass until no expectation waits for more, or the run's time is up."""
    deadline = conduct.zero_ns + plan.run_timeout_ns
    while conduct.now_ns < deadline:
        case = Case(plan, History.of(conduct.events), conduct.logs, conduct.names)
        wanted = settled(case)
        if wanted is None:
            return
        goal = min(deadline, wanted + _MARGIN_NS, conduct.now_ns + _LOOK_NS)
        conduct.advance(max(goal, conduct.now_ns + _MARGIN_NS))


def _record(conduct: Conduct, log: StepLog) -> StepRecord:
    zero = conduct.zero_ns

    def relative(at_ns: int | None) -> int | None:
        return None if at_ns is None else at_ns - zero

    verbs = {Wait: "wait", Release: "release"}
    verb = log.step.verb
    name = verb.kind if isinstance(verb, FaultStep) else verbs[type(verb)]
    return StepRecord(
        step=log.step.id,
        verb=name,
        sentence=conduct.words(log),
        where=str(log.step.where),
        planned_ns=relative(log.planned_ns),
        began_ns=relative(log.began_ns),
        ended_ns=relative(log.ended_ns),
        targets=tuple(map(int, log.targets)),
        outcome=log.outcome,
        why=log.why,
        evidence=log.evidence,
    )
