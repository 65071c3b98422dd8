"""From a plan as written, with nothing wrong in it, to the plan that a runner uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chaos.actions import Action
from chaos.faults.base import Fault
from chaos.faults.network import Partition, Shape
from chaos.faults.targets import (
    Ambiguity,
    Between,
    Group,
    Name,
    OneLink,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
)
from chaos.faults.work import Workload
from chaos.plan import model
from chaos.plan.build_metric import Bounds
from chaos.plan.forms import Said
from chaos.plan.model import After, At, Edge, InOrder, Start, Step
from chaos.plan.names import ABILITIES
from chaos.plan.parts import SaidInvariant, SaidMoment
from chaos.plan.problems import Problems
from chaos.plan.references import id_of
from chaos.plan.selectors import Aimed
from chaos.plan.written import PlanText
from chaos.plan.written_acts import ChangeStep, ProbeStep, change_of, probe_of
from chaos.plan.written_expect import (
    ExpectLeader,
    ExpectNoLeader,
    ExpectRole,
    ExpectSame,
    ExpectText,
)
from chaos.plan.written_metric import ExpectMetric
from chaos.plan.written_steps import (
    ChoiceText,
    Confirm,
    FaultStep,
    FaultText,
    NoteStep,
    ParallelStep,
    RandomStep,
    ReleaseStep,
    StepText,
    WaitStep,
    WaitText,
    WorkloadStep,
    event_of,
    every,
)

_SHAPES: Final[dict[Shape, Selector]] = {
    Shape.HALVES: Group(Word.HALF),
    Shape.MAJORITY: Group(Word.MAJORITY),
    Shape.MINORITY: Group(Word.MINORITY),
    Shape.RING: Group(Word.VOTERS),
    Shape.BRIDGE: Pick(Group(Word.VOTERS), 1),
}


class Builder:
    """Knows what kind each step is, so that a moment without an edge has its usual one."""

    def __init__(self, plan: PlanText) -> None:
        self._plan = plan
        self._waits = {
            id_of(s).text for s in every(plan.steps) if isinstance(s, WaitStep | ProbeStep)
        }

    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return tuple(self._step(step) for step in self._plan.steps)

    def _step(self, step: StepText) -> Step:
        record = step.text if isinstance(step, FaultStep) else step
        verb: model.Verb
        match step:
            case WaitStep():
                verb = model.Wait(
                    condition_of(step.wait),
                    step.within or step.wait.time or 0,
                    step.wait.hold_for,
                    step.otherwise,
                )
            case FaultStep():
                verb = _harm(step)
            case WorkloadStep():
                verb = _work(step)
            case ReleaseStep():
                verb = model.Release(tuple(said.text for said in step.release))
            case NoteStep():
                verb = model.Note(step.note)
            case ParallelStep():
                verb = model.Parallel(tuple(self._step(child) for child in step.parallel))
            case RandomStep():
                verb = _random(step)
            case ProbeStep():
                verb = probe_of(step)
            case ChangeStep():
                verb = change_of(step)
        said = id_of(step)
        start = self._start(record.at, record.after)
        return Step(said.text, record.where, verb, start, record.why, event_of(step))

    def _start(self, at_ns: int | None, after: SaidMoment | None) -> Start:
        if at_ns is not None:
            return At(at_ns)
        return InOrder() if after is None else self._after(after)

    def _after(self, moment: SaidMoment) -> After:
        return After(moment.step.text, moment.edge or self._edge(moment.step), moment.plus)

    def _edge(self, said: Said) -> Edge:
        """A wait matters when it is satisfied, anything else from when it begins."""
        return Edge.ENDED if said.text in self._waits else Edge.STARTED

    def _since(self, moment: SaidMoment | None) -> After | None:
        return None if moment is None else self._after(moment)

    # ---- expectations

    def expectations(self, problems: Problems) -> tuple[model.Expectation, ...]:
        """All expectations, in order."""
        return tuple(self._expect(one, problems) for one in self._plan.expect)

    def _expect(self, one: ExpectText, problems: Problems) -> model.Expectation:
        name = one.id.text
        match one:
            case ExpectLeader():
                after = self._since(one.after)
                among = _selector(one.among)
                return model.LeaderExpected(name, one.where, one.within, among, after, one.hold_for)
            case ExpectRole():
                after = self._since(one.after)
                role, of = one.outcome.role, one.of.selector
                return model.RoleExpected(
                    name, one.where, role, of, one.within, after, one.hold_for
                )
            case ExpectNoLeader():
                return self._nobody(one)
            case ExpectSame():
                first, second = (moment.step.text for moment in one.between)
                return model.SameLeaderExpected(name, one.where, first, second)
            case ExpectMetric():
                return self._metric(one, problems)

    def _nobody(self, one: ExpectNoLeader) -> model.NoLeaderExpected:
        if one.during is not None:
            step = one.during.text
            since, until = After(step, Edge.STARTED), After(step, Edge.ENDED)
        else:
            assert one.between is not None
            since, until = (self._after(moment) for moment in one.between)
        return model.NoLeaderExpected(one.id.text, one.where, since, until, _selector(one.among))

    def _metric(self, one: ExpectMetric, problems: Problems) -> model.MetricExpected:
        bounds = Bounds(one, problems)
        since = self._since(one.from_)
        of = one.of.text if isinstance(one.of, Said) else f"peer {one.of.sid}" if one.of else None
        return model.MetricExpected(
            one.id.text,
            one.where,
            bounds.metric,
            bounds.most(one.max),
            bounds.unit,
            of,
            since,
            bounds.quantiles(),
            bounds.against(),
        )


def invariants_of(found: tuple[SaidInvariant, ...]) -> tuple[model.InvariantRef, ...]:
    """The properties that a plan names, and from which steps on they may be broken."""
    return tuple(
        model.InvariantRef(
            one.name.text, one.name.where, tuple(said.text for said in one.except_after)
        )
        for one in found
    )


def required_of(words: tuple[Said, ...]) -> frozenset[type[Action]]:
    """The kinds of action behind the words of ``requires``."""
    return frozenset[type[Action]]().union(*(ABILITIES[said.text] for said in words))


def condition_of(wait: WaitText) -> model.Condition:
    """What a wait waits for."""
    if wait.outcome is None:
        assert wait.time is not None
        return model.Elapsed(wait.time)
    match wait.outcome.word:
        case "leader":
            return model.LeaderOutcome(_selector(wait.among), wait.seen_by.value)
        case "no_leader":
            return model.NoLeaderOutcome(_selector(wait.among))
        case _:
            assert wait.of is not None
            return model.RoleOutcome(wait.outcome.role, wait.of.selector)


def _harm(step: FaultStep) -> model.FaultStep:
    bind = None if step.text.as_ is None else step.text.as_.text
    return replace(_harmed(step.text, step.fault), bind=bind)


def _random(step: RandomStep) -> model.Random:
    asked = step.random
    choices = tuple(
        model.Choice(one.text.weight, one.text.where, _harmed(one.text, one.fault))
        for one in asked.choose
    )
    return model.Random(asked.count, asked.every, choices)


def _harmed(text: FaultText | ChoiceText, fault: Fault) -> model.FaultStep:
    target: Selector
    if text.target is not None:
        target = _settled(text.target.selector, text.if_ambiguous)
    else:
        assert isinstance(fault, Partition)
        assert fault.shape is not None
        target = _SHAPES[fault.shape]
    return model.FaultStep(
        kind=text.fault.text,
        fault=fault,
        target=target,
        for_ns=text.for_,
        confirm=text.confirm is not Confirm.OPTIONAL,
        noise=text.confirm is None,
    )


def _work(step: WorkloadStep) -> model.FaultStep:
    asked = step.workload
    return model.FaultStep(
        kind="workload",
        fault=Workload(step.id.text, asked.writes_per_s, asked.payload),
        target=Group(Word.ALL),
        for_ns=step.for_,
        confirm=step.confirm is Confirm.REQUIRED,
    )


def _settled(selector: Selector, if_ambiguous: Ambiguity) -> Selector:
    """``selector``, where every mention of the leader knows what to do if there are two."""
    match selector:
        case Group():
            return replace(selector, if_ambiguous=if_ambiguous)
        case Several():
            return Several(tuple(_settled(part, if_ambiguous) for part in selector.parts))
        case Pick():
            but = tuple(_settled(part, if_ambiguous) for part in selector.but)
            return replace(selector, of=_settled(selector.of, if_ambiguous), but=but)
        case Between():
            return _settled_link(selector, if_ambiguous)
        case OneLink():
            return OneLink(_settled_link(selector.among, if_ambiguous))
        case Name() | Sids():
            return selector


def _settled_link(link: Between, if_ambiguous: Ambiguity) -> Between:
    source = _settled(link.source, if_ambiguous)
    return Between(source, _settled(link.towards, if_ambiguous))


def _selector(aimed: Aimed | None) -> Selector | None:
    return None if aimed is None else aimed.selector
