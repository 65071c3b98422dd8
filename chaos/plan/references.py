"""Whether everything that a plan refers to is there: steps, names, peers, metrics.

It reads the plan as written, so that each finding has the place of the very word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from chaos.election.ids import Sid
from chaos.ensemble import QuorumKind
from chaos.faults.base import Directed, Fault
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.network import OneWay, Partition
from chaos.faults.processes import Kill, Terminate
from chaos.faults.targets import Between, OneLink
from chaos.plan.build_ensemble import no_zone, stranger
from chaos.plan.forms import Said
from chaos.plan.model import Edge, Where
from chaos.plan.names import ABILITIES, METRICS, SAME_METRIC
from chaos.plan.parts import SaidMoment
from chaos.plan.problems import Problems, meant
from chaos.plan.selectors import Aimed
from chaos.plan.written import PlanText
from chaos.plan.written_acts import (
    ChangeStep,
    ProbeStep,
    change_of,
    check_change,
    check_probe,
)
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
    FaultStep,
    FaultText,
    NoteStep,
    ParallelStep,
    RandomStep,
    ReleaseStep,
    StepText,
    WaitStep,
    WorkloadStep,
    every,
)
from chaos.plan.written_when import Timed, check_alone, check_when
from chaos.verify.checks import INVARIANTS

_OWN_KEYS: Final = {ProbeStep: ("within", "otherwise"), ChangeStep: ("within",)}
_WAITS: Final = frozenset({"leader", "no_leader", "role"})


def check(plan: PlanText, members: list[Sid], problems: Problems) -> None:
    """Add to ``problems`` whatever does not refer to something that is there."""
    _Checker(plan, members, problems).check()


def id_of(step: StepText) -> Said:
    """A step's id, wherever its record keeps it."""
    return step.text.id if isinstance(step, FaultStep) else step.id


def names_of(step: StepText) -> Iterator[Said]:
    """What a step gives a name to with ``as``."""
    record = step.text if isinstance(step, FaultStep) else step
    if isinstance(record, Timed) and record.when is not None and record.when.as_ is not None:
        yield record.when.as_
    if isinstance(record, FaultText) and record.as_ is not None:
        yield record.as_


class _Checker:
    def __init__(self, plan: PlanText, members: list[Sid], problems: Problems) -> None:
        self._plan = plan
        self._members = members
        self._problems = problems
        self._steps: dict[str, StepText] = {}  # those that came before
        self._names: set[str] = set()  # bound by them
        self._all = tuple(every(plan.steps))
        self._released = {
            said.text
            for step in self._all
            if isinstance(step, ReleaseStep)
            for said in step.release
        }
        self._binds = {said.text for step in self._all for said in names_of(step)}

    def check(self) -> None:
        """Steps in order, then what is judged when all of them are known."""
        for step in self._plan.steps:
            self._step(step)
        ids = dict(self._steps)
        judged: set[str] = set()
        for expect in self._plan.expect:
            self._fresh(expect.id, judged | set(ids))
            judged.add(expect.id.text)
        for expect in self._plan.expect:
            self._expect(expect, judged)
        for invariant in self._plan.invariants:
            if invariant.name.text not in INVARIANTS:
                self._unknown("invariant", invariant.name, INVARIANTS)
            for said in invariant.except_after:
                self._known(said)
        for said in self._plan.requires:
            if said.text not in ABILITIES:
                self._unknown("ability", said, ABILITIES)

    # ---- steps

    def _step(self, step: StepText) -> None:
        said = id_of(step)
        self._fresh(said, set(self._steps))
        record = step.text if isinstance(step, FaultStep) else step
        if record.at is not None and record.after is not None:
            self._problems.add(said.where, f'step "{said}" has at: and after:, which is it?')
        self._after(record.after)
        if isinstance(record, Timed):
            self._when(record)
        self._verb(step)
        self._steps.setdefault(said.text, step)

    def _verb(self, step: StepText) -> None:  # noqa: C901 - one case for each verb
        match step:
            case WaitStep():
                self._wait(step)
            case FaultStep():
                self._fault(step)
            case WorkloadStep():
                self._ends(step.id, "workload", step.for_)
            case ReleaseStep():
                for name in step.release:
                    self._release(name)
            case ParallelStep():
                self._parallel(step)
            case RandomStep():
                self._random(step)
            case ProbeStep():
                check_probe(step, self._problems)
                self._aimed(step.target, self._names)
            case ChangeStep():
                self._change(step)
            case NoteStep():
                pass

    def _parallel(self, step: ParallelStep) -> None:
        """What is inside comes before it: nothing in there can wait for its end."""
        if not step.parallel:
            self._problems.add(step.where, f'parallel "{step.id}" holds no steps')
        for child in step.parallel:
            if id_of(child).text == step.id.text:
                self._problems.add(id_of(child).where, f'the id "{step.id}" is taken')
            self._step(child)

    def _change(self, step: ChangeStep) -> None:
        weighted = self._plan.ensemble.quorum is not QuorumKind.MAJORITY
        check_change(step, weighted=weighted, problems=self._problems)
        self._bump(step.change.where, change_of(step).fault)

    def _random(self, step: RandomStep) -> None:
        """What is drawn has no id, so that nothing else can end it."""
        asked = step.random
        if not asked.choose:
            self._problems.add(step.where, f'random "{step.id}" has nothing to choose from')
        if asked.every == 0:
            self._problems.add(step.where, f'random "{step.id}" knows no pause; write every: 300ms')
        for choice in asked.choose:
            text, fault = choice.text, choice.fault
            self._harm(text, step.id, fault)
            if fault.instant:
                self._over_at_once(text, fault)
            elif not text.for_:
                self._problems.add(text.where, "a choice has no end; add for: 500ms")

    def _when(self, step: Timed) -> None:
        own = _OWN_KEYS.get(type(step), ())
        check_alone(step, own, self._problems)
        check_when(step.when, step.within, self._problems)
        if step.when is not None:
            for aimed in (step.when.by, step.when.peer):
                self._aimed(aimed, self._names)
            if step.when.as_ is not None:
                self._bind(step.when.as_)

    def _wait(self, step: WaitStep) -> None:
        wait, said = step.wait, step.id
        if (wait.outcome is None) == (wait.time is None):
            self._problems.add(wait.where, "a wait is for an outcome or for a time")
        elif wait.time is not None and (step.within is not None or wait.of or wait.among):
            self._problems.add(wait.where, "a wait for a time ends by itself: no other keys")
        elif wait.outcome is not None:
            if step.within is None:
                self._problems.add(said.where, f'wait "{said}" needs "within"; write within: 10s')
            if wait.outcome.word not in _WAITS:
                self._problems.add(
                    wait.outcome.where, f'"{wait.outcome.word}" is for expectations, not for waits'
                )
            if (wait.outcome.word == "role") != (wait.of is not None):
                self._problems.add(wait.where, '{role: …} needs "of", and nothing else has it')
        for aimed in (wait.of, wait.among):
            self._aimed(aimed, self._names)

    def _fault(self, step: FaultStep) -> None:
        self._harm(step.text, step.text.id, step.fault)
        self._end(step)
        if step.text.as_ is not None:
            self._bind(step.text.as_)

    def _harm(self, text: FaultText | ChoiceText, said: Said, fault: Fault) -> None:
        """Whether a fault has the target that it needs."""
        self._aimed(text.target, self._names)
        shaped = isinstance(fault, Partition) and fault.shape is not None
        if text.target is None and not shaped:
            self._problems.add(text.where, f'fault "{said}" needs "target"')
        if text.target is not None:
            sides = isinstance(text.target.selector, Between | OneLink)
            if shaped:
                self._problems.add(text.target.where, "the shape chooses the sides; no target then")
            if sides and not isinstance(fault, Directed):
                self._problems.add(text.target.where, f"{text.fault} has no two sides: name peers")
            if isinstance(fault, OneWay) and not sides:
                self._problems.add(text.target.where, "one_way needs target: {from: …, to: …}")
        if isinstance(fault, BumpConfigVersion):
            self._bump(text.where, fault)

    def _bump(self, where: Where, fault: BumpConfigVersion) -> None:
        members = fault.members
        mentioned = {*members.add, *members.remove, *members.observers, *fault.weights}
        for sid in sorted(mentioned.union(*fault.groups.values())):
            if sid not in self._members:
                self._problems.add(where, stranger(sid, self._members))
        if not set(self._members) - {*members.remove, *members.observers}:
            self._problems.add(where, "this configuration would have no voter")

    def _end(self, step: FaultStep) -> None:
        """A fault owns its end."""
        if step.fault.instant:
            self._over_at_once(step.text, step.fault)
        else:
            self._ends(step.text.id, "fault", step.text.for_)

    def _over_at_once(self, text: FaultText | ChoiceText, fault: Fault) -> None:
        if text.for_ is None:
            return
        what = f'{text.fault} is over at once: no "for"'
        if isinstance(fault, Kill | Terminate):
            what += "; or add with: {restart: after}"
        place = text.id.where if isinstance(text, FaultText) else text.where
        self._problems.add(place, what)

    def _ends(self, said: Said, what: str, for_ns: int | None) -> None:
        """What goes on until it ends has a time, or a step that releases it."""
        if for_ns == 0:
            self._problems.add(said.where, f'{what} "{said}" lasts for no time; write for: 500ms')
        if for_ns is None and said.text not in self._released:
            self._problems.add(
                said.where, f'{what} "{said}" has no end; add for: 5s, or a step release: [{said}]'
            )

    def _bind(self, said: Said) -> None:
        if said.text in self._names:
            self._problems.add(said.where, f"${said} has a meaning already")
        self._names.add(said.text)

    def _release(self, said: Said) -> None:
        step = self._known(said)
        if step is not None and not isinstance(step, FaultStep | WorkloadStep):
            self._problems.add(said.where, f'step "{said}" is no fault, so it cannot be released')
        elif isinstance(step, FaultStep) and step.fault.instant:
            self._problems.add(said.where, f'fault "{said}" is over at once: nothing to release')

    # ---- references

    def _fresh(self, said: Said, taken: set[str]) -> None:
        if said.text in taken:
            self._problems.add(said.where, f'the id "{said}" is taken')

    def _known(self, said: Said) -> StepText | None:
        """The earlier step of this id."""
        found = self._steps.get(said.text)
        if found is not None:
            return found
        if any(id_of(step).text == said.text for step in self._all):
            self._problems.add(said.where, f'step "{said}" does not come before this')
        else:
            self._problems.add(
                said.where, f'no step has id "{said}"{meant(said.text, self._steps)}'
            )
        return None

    def _moment(self, moment: SaidMoment) -> None:
        step = self._known(moment.step)
        if isinstance(step, WaitStep | ProbeStep) and moment.edge is Edge.STARTED:
            self._problems.add(
                moment.step.where, "a wait has one moment, its end; leave the edge away"
            )

    def _aimed(self, aimed: Aimed | None, bound: set[str]) -> None:
        if aimed is None:
            return
        for name in aimed.names:
            if name.text in bound:
                continue
            if name.text in self._binds:
                why = f"${name} has no meaning yet: the step that binds it comes later"
                self._problems.add(name.where, why)
            else:
                advice = meant(name.text, self._binds)
                self._problems.add(name.where, f"no step binds ${name} with as:{advice}")
        for sid, where in aimed.sids:
            if sid not in self._members:
                self._problems.add(where, stranger(sid, self._members))
        zones = {peer.zone for peer in self._plan.ensemble.peers or () if peer.zone}
        for zone in aimed.zones:
            if zone.text not in zones:
                self._problems.add(zone.where, no_zone(zone.text, zones))

    def _unknown(self, what: str, said: Said, known: Iterable[str]) -> None:
        self._problems.add(said.where, f'no {what} is called "{said}"{meant(said.text, known)}')

    # ---- expectations

    def _expect(self, expect: ExpectText, judged: set[str]) -> None:
        match expect:
            case ExpectLeader():
                self._aimed(expect.among, self._names)
                self._after(expect.after)
            case ExpectRole():
                self._aimed(expect.of, self._names)
                self._after(expect.after)
            case ExpectNoLeader():
                self._nobody(expect)
            case ExpectSame():
                for moment in expect.between:
                    if moment.step.text not in judged:
                        self._known(moment.step)
            case ExpectMetric():
                self._metric(expect)

    def _after(self, moment: SaidMoment | None) -> None:
        if moment is not None:
            self._moment(moment)

    def _nobody(self, expect: ExpectNoLeader) -> None:
        self._aimed(expect.among, self._names)
        if (expect.during is None) == (expect.between is None):
            self._problems.add(expect.where, 'no_leader needs either "during" or "between"')
        if expect.during is not None:
            self._known(expect.during)
        for moment in expect.between or ():
            self._moment(moment)

    def _metric(self, expect: ExpectMetric) -> None:
        if expect.metric.text not in {*METRICS, *SAME_METRIC}:
            self._unknown("metric", expect.metric, {**METRICS, **SAME_METRIC})
        if isinstance(expect.of, Said):
            self._known(expect.of)
        elif expect.of is not None and expect.of.sid not in self._members:
            self._problems.add(expect.of.where, stranger(expect.of.sid, self._members))
        self._after(expect.from_)
