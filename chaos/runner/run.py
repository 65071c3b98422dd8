"""One run: a system is led through a plan, then judged by what was seen.

However a run ends, the system is closed: healed, ended, reaped.
"""

from __future__ import annotations

from chaos.errors import InfrastructureError
from chaos.history.codec import FORMAT
from chaos.history.events import RunBegan, RunEnded
from chaos.history.history import History
from chaos.ledger import Ledger
from chaos.plan.model import FaultStep, Plan, Release, Wait
from chaos.runner import codes
from chaos.runner.conduct import Conduct, Ended
from chaos.runner.judge import Case, judge, wanted_ns
from chaos.runner.log import StepLog
from chaos.runner.show import Show
from chaos.runner.surroundings import disturbance, environment, health, tool_version
from chaos.store import RunFolder, RunResult, StepRecord
from chaos.systems.base import System
from chaos.verify.verdict import Kind, Outcome, Verdict

_CODES = (
    ({(Outcome.FAILS, Kind.INVARIANT)}, codes.UNSAFE),
    ({(Outcome.FAILS, Kind.STEP), (Outcome.FAILS, Kind.EXPECTATION)}, codes.FAILED),
    (
        {(Outcome.UNKNOWN, kind) for kind in Kind} | {(Outcome.FAILS, Kind.EVIDENCE)},
        codes.INCONCLUSIVE,
    ),
)
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
    ended_ns = 0
    ledger: Ledger | None = None
    try:
        system.prepare()
        ledger = _write_down(system, folder)
        _lead(conduct, plan, system, seed, show)
        ended_ns = system.now_ns
    finally:
        residue = _close(system, conduct)
        if ledger is not None and not residue:
            ledger.close()
    conduct.record(RunEnded(ended_ns, residue or "done"))
    history = History.of([*conduct.events, *system.rest()])
    case = Case(plan, history, conduct.logs, conduct.names, conduct.view)
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
    show.began(plan.name, system.name, system.network, seed)
    conduct.advance(system.now_ns)
    try:
        conduct.before_zero()
        conduct.zero_ns = system.go()
        facts: dict[str, int | str] = {"format": FORMAT, "chaos": tool_version()}
        conduct.record(RunBegan(conduct.zero_ns, plan.name, seed, system.name, facts))
        conduct.steps()
        conduct.finish_faults()
        _settle(conduct, plan)
    except Ended:
        pass
    conduct.release_all()
    conduct.advance(system.now_ns)


def _write_down(system: System, folder: RunFolder) -> Ledger | None:
    """Enter the system's processes in a ledger, if it has any on the host."""
    pids = system.pids()
    if not pids:
        return None
    ledger = Ledger.open(folder.path.name)
    for pid, what in pids.items():
        ledger.process(pid, what)
    return ledger


def _close(system: System, conduct: Conduct) -> str:
    """End the system; what it left behind, empty if nothing."""
    try:
        for event in system.close():
            conduct.observe(event)
    except InfrastructureError as error:
        return str(error)
    return ""


def _settle(conduct: Conduct, plan: Plan) -> None:
    """Let time pass until no expectation waits for more, or the run's time is up."""
    deadline = conduct.zero_ns + plan.run_timeout_ns
    while conduct.now_ns < deadline:
        history = History.of(conduct.events)
        wanted = wanted_ns(Case(plan, history, conduct.logs, conduct.names, conduct.view))
        if wanted is None or wanted + _MARGIN_NS < conduct.now_ns:
            return
        goal = min(deadline, wanted + _MARGIN_NS, conduct.now_ns + _LOOK_NS)
        conduct.advance(max(goal, conduct.now_ns + _MARGIN_NS))


def _outcome(verdicts: tuple[Verdict, ...], residue: str) -> tuple[int, str]:
    """The exit code, and the run in one line."""
    if residue:
        return codes.RESIDUE, residue
    for outcome, code in _CODES:
        found = [one for one in verdicts if (one.outcome, one.kind) in outcome]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            word = "inconclusive: " if code == codes.INCONCLUSIVE else ""
            return code, f"{word}{found[0].name}: {found[0].summary}{more}"
    counted = sum(one.outcome is Outcome.HOLDS for one in verdicts)
    return codes.PASSED, f"all {counted} verdicts hold"


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
