"""One run: a system is led through a plan, then judged by what was seen.

However a run ends, the system is closed: healed, ended, reaped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from chaos.actions import Launch
from chaos.errors import InfrastructureError, OutOfTimeError
from chaos.history.events import Acted, RunEnded
from chaos.history.history import History
from chaos.ledger import Ledger
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.answer import Answer
from chaos.runner.cleanup import close
from chaos.runner.conduct import Conduct
from chaos.runner.judge import Case, judge, wanted_ns
from chaos.runner.known import unexcused
from chaos.runner.log import CONSEQUENCES
from chaos.runner.resolved import resolve, resolve_targets
from chaos.runner.scene import Ended, watches
from chaos.runner.show import Show
from chaos.runner.surroundings import disturbance, environment, health, today, unguarded
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult, State
from chaos.systems.base import System
from chaos.verify.liveness import open_until_ns
from chaos.verify.verdict import Kind, Outcome, Verdict

_CODES = (
    ({(Outcome.FAILS, Kind.INVARIANT)}, codes.UNSAFE),
    # A run that a condition of the plan ended is what that says, but for broken safety.
    ({(Outcome.FAILS, Kind.HOST)}, codes.INFRASTRUCTURE),
    ({(Outcome.UNKNOWN, Kind.ABORT)}, codes.INCONCLUSIVE),
    ({(Outcome.FAILS, Kind.ABORT)}, codes.FAILED),
    ({(Outcome.FAILS, Kind.STEP), (Outcome.FAILS, Kind.EXPECTATION)}, codes.FAILED),
    ({(Outcome.FAILS, Kind.REGRESSION)}, codes.REGRESSED),
    (
        {(Outcome.UNKNOWN, kind) for kind in Kind} | {(Outcome.FAILS, Kind.EVIDENCE)},
        codes.INCONCLUSIVE,
    ),
)
_LOOK_NS = 50_000_000  # between the first looks whether the expectations are decided
_RARER = 20  # each look goes over the whole history: later ones are this part of the wait apart
_HEARD_NS = 500_000_000  # so long after its start a server may still be unheard of
_MARGIN_NS = 1_000_000  # past an expectation's bound, so that its end is in the history


class ResidueError(InfrastructureError):
    """A run was cut short, and not all of it could be taken off the host."""


def perform(task: Task, system: System, folder: RunFolder, show: Show) -> tuple[RunResult, History]:
    """Run a plan on ``system`` and judge it; the folder then holds all of it.

    Raises:
        InfrastructureError: the host could not run it; the folder holds a readable prefix.
        OutOfTimeError: the task's time was up before it was over; likewise.
        ResidueError: the same, and the host is not as clean as it was.
    """
    task = resolve(replace(task, day=task.day or today()), folder.path)
    plan = task.plan
    conduct = Conduct(task, system, folder, show)
    surroundings = environment()
    answer = Answer(task, conduct, system, surroundings)
    answer.write_into(folder)
    ledger: Ledger | None = None
    try:
        ledger = _bring_up(plan, system, folder)
        _lead(conduct, system, show)
        for event in system.finish():
            conduct.observe(event)
        ended_ns = system.now_ns
    except BaseException as error:
        closed = close(system, conduct.observe, ledger, plan.cleanup)
        why = _cause(error) + (f"; then {closed.residue}" if closed.residue else "")
        folder.conclude(answer.broken(why, _unjudged(error, closed.residue)))
        if closed.residue:
            raise ResidueError(why) from error
        raise
    closed = close(system, conduct.observe, ledger, plan.cleanup)
    conduct.record(RunEnded(ended_ns, closed.residue or "done"))
    history = History.of([*conduct.events, *system.rest()])
    case = Case(plan, history, conduct.logs, conduct.names, conduct.view)
    facts = {**surroundings, **health(history), **system.facts(), **conduct.stopped()}
    facts |= {**unguarded(history, plan), **closed.facts}
    result = _result(answer.so_far(), case, closed.residue, facts)
    resolve_targets(task, folder.path, history)
    folder.finish(history, result)
    return result, history


def _result(so_far: RunResult, case: Case, residue: str, facts: Mapping[str, str]) -> RunResult:
    """What a run answers in the end; ``residue`` is what it left on the host."""
    judged = judge(case)
    code, headline = outcome_of(judged.verdicts, residue)
    return replace(
        so_far,
        state=State.DONE,
        exit_code=code,
        headline=headline,
        verdicts=judged.verdicts,
        known_issues=judged.known,
        measures=case.measures(),
        environment=facts,
        disturbed=disturbance(case.history, case.plan.ensemble.timings),
    )


def _unjudged(error: BaseException, residue: str) -> int:
    """The exit code of a run that was not judged."""
    late = isinstance(error, OutOfTimeError) and not residue
    return codes.INCONCLUSIVE if late else codes.INFRASTRUCTURE


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _lead(conduct: Conduct, system: System, show: Show) -> None:
    """From the start of the peers until every expectation is decided."""
    show.began(
        f"{conduct.plan.name} {conduct.plan.cell}".rstrip(),
        system.name,
        system.network,
        conduct.seed,
    )
    conduct.advance(system.now_ns)
    try:
        conduct.before_zero()
    except Ended:
        conduct.begin(system.now_ns)  # no peer ever looked
    else:
        conduct.begin(system.go())
        _walk(conduct)
    conduct.release_all()
    conduct.advance(system.now_ns)


def _walk(conduct: Conduct) -> None:
    """The steps, the faults that outlast them, and what the expectations still wait for."""
    try:
        conduct.steps()
        conduct.finish_faults()
        _settle(conduct, conduct.plan)
    except Ended:
        return


def _bring_up(plan: Plan, system: System, folder: RunFolder) -> Ledger | None:
    if watches(plan):
        system.watch_closely()
    system.prepare()
    return _write_down(system, folder)


def _write_down(system: System, folder: RunFolder) -> Ledger | None:
    """Enter the system's processes in a ledger, if it has any on the host."""
    pids = system.pids()
    if not pids:
        return None
    # Folders of one name may lie in several places; a process is one run at a time.
    ledger = Ledger.open(f"{folder.path.name}-{os.getpid()}")
    for pid, what in pids.items():
        ledger.process(pid, what)
    return ledger


def _settle(conduct: Conduct, plan: Plan) -> None:
    """Let time pass until nothing waits for more, or the run's time is up.

    That is each expectation, and the progress that is due of those who are left alone at the end.
    """
    deadline, began_ns = conduct.zero_ns + plan.run_timeout_ns, conduct.now_ns
    while conduct.now_ns < deadline:
        history = History.of(conduct.events)
        case = Case(plan, history, conduct.logs, conduct.names, conduct.view)
        wants = wanted_ns(case), open_until_ns(history), _unborn_until_ns(history)
        wanted = max((at for at in wants if at is not None), default=None)
        if wanted is None or wanted + _MARGIN_NS < conduct.now_ns:
            return
        pause = max(_LOOK_NS, (conduct.now_ns - began_ns) // _RARER)
        goal = min(deadline, wanted + _MARGIN_NS, conduct.now_ns + pause)
        conduct.advance(max(goal, conduct.now_ns + _MARGIN_NS))


def _unborn_until_ns(history: History) -> int | None:
    """Until when it may be heard of somebody who was started, and of whom nothing is heard yet."""
    heard = {birth.sid: birth.at_ns for _, birth in history.births()}
    ends: list[int] = []
    for _, acted in history.every(Acted):
        match acted.action:
            case Launch(sid=sid) if heard.get(sid, -1) < acted.at_ns:
                ends.append(acted.done_ns + _HEARD_NS)
            case _:
                pass
    return max(ends, default=None)


def outcome_of(verdicts: tuple[Verdict, ...], residue: str) -> tuple[int, str]:
    """The exit code, and the run in one line. ``residue`` is what was left on the host."""
    code, headline = _judged(verdicts)
    if not residue:
        return code, headline
    if code == codes.UNSAFE:
        return code, f"{headline}; {residue}"
    return codes.RESIDUE, residue


def _judged(verdicts: tuple[Verdict, ...]) -> tuple[int, str]:
    expected = [one for one in verdicts if one.known]
    for outcome, code in _CODES:
        found = [one for one in verdicts if (one.outcome, one.kind) in outcome and not one.known]
        if expected and code == codes.INCONCLUSIVE:
            found = unexcused(found, expected)
        found.sort(key=lambda one: one.summary.startswith(CONSEQUENCES))
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            word = "inconclusive: " if code == codes.INCONCLUSIVE else ""
            return code, f"{word}{found[0].name}: {found[0].summary}{more}"
    if expected:
        first = expected[0]
        rest = f" (and {len(expected) - 1} more)" if len(expected) > 1 else ""
        why = f"expected failure, {first.known}: {first.name}: {first.summary}{rest}"
        return codes.PASSED, why
    counted = sum(one.outcome is Outcome.HOLDS for one in verdicts)
    if counted == 0:
        return codes.INCONCLUSIVE, "inconclusive: the run judged nothing; give the plan steps"
    return codes.PASSED, "the verdict holds" if counted == 1 else f"all {counted} verdicts hold"
