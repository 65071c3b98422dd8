"""Plans led over a simulated ensemble, with somebody who takes down what is told."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.actions import Action, Evidence
from chaos.election.effects import Proposed
from chaos.election.ids import Sid, Zxid
from chaos.ensemble import EnsembleSetup
from chaos.errors import InfrastructureError
from chaos.history.events import Event, StepBegan, Stepped
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner.run import perform
from chaos.runner.stored import open_run
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult, StepRecord
from chaos.systems.simulated import Simulated

MS = 1_000_000
SECOND = 1000 * MS
HEAD = """\
version: 1
name: story
ensemble: {size: 3}
"""


def plan(steps: str, head: str = HEAD) -> Plan:
    return load_plan(head + textwrap.dedent(steps), "story.yaml")


@dataclass
class Heard:
    """Everything that a run told."""

    began_with: tuple[str, str, str, int] | None = None
    lines: list[tuple[int, str]] = field(default_factory=list)
    looks: int = 0

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        self.began_with = (plan, system, network, seed)

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        assert view.peers
        assert elapsed_ns >= 0
        self.looks += 1

    def told(self, elapsed_ns: int, text: str) -> None:
        self.lines.append((elapsed_ns, text))

    def ended(self, result: RunResult, papers: Mapping[str, str]) -> None:
        raise AssertionError(f"whoever draws the page says so: {result.headline} {papers}")


class Puppet(Simulated):
    """A simulated system that can be told to disappoint."""

    def __init__(
        self,
        setup: EnsembleSetup,
        seed: int = 1,
        doubt: frozenset[type[Action]] = frozenset(),
        breaks: frozenset[type[Action]] = frozenset(),
        residue: str = "",
    ) -> None:
        super().__init__(setup, seed)
        self._doubt = doubt
        self._breaks = breaks
        self._residue = residue
        self.applied: list[Action] = []
        self.closes = 0

    def apply(self, action: Action) -> Evidence:
        """Do it, unless this kind breaks; nobody believes the doubted kinds."""
        if type(action) in self._breaks:
            raise InfrastructureError("the host is on fire")
        self.applied.append(action)
        evidence = super().apply(action)
        return Evidence(False, evidence.facts) if type(action) in self._doubt else evidence

    def close(self) -> Iterator[Event]:
        """End it, and leave something behind if told to."""
        self.closes += 1
        yield from super().close()
        if self._residue:
            raise InfrastructureError(self._residue)


@dataclass
class Led:
    """A run that is over."""

    result: RunResult
    history: History
    heard: Heard
    system: Puppet
    folder: Path

    def step(self, name: str) -> StepRecord:
        return next(step for step in self.result.steps if step.step == name)

    def order(self) -> list[str]:
        return [event.step for _, event in self.history.every(StepBegan)]

    def verdict(self, name: str) -> tuple[str, str]:
        found = next(one for one in self.result.verdicts if one.name == name)
        return found.outcome.value, found.summary


def lead(story: Plan, out: Path, seed: int = 1, system: Puppet | None = None) -> Led:
    """Lead a plan to its end."""
    system = Puppet(story.ensemble, seed) if system is None else system
    heard = Heard()
    task = Task(story, seed, "chaos run story.yaml")
    with closing(RunFolder.create(out, story.name, seed)) as folder:
        result, history = perform(task, system, folder, heard)
    return Led(result, history, heard, system, folder.path)


def again(led: Led, out: Path) -> Led:
    """Run what was stored, on another ensemble of the same kind."""
    run = open_run(led.folder)
    system, heard = Puppet(run.plan.ensemble, run.began.seed), Heard()
    task = Task(run.plan, run.began.seed, led.result.reproduce, run.aims, run.came)
    with closing(RunFolder.create(out, run.plan.name, run.began.seed)) as folder:
        result, history = perform(task, system, folder, heard)
    return Led(result, history, heard, system, folder.path)


def worse(event: Event) -> Event:
    """The same step, but every proposal made in it is for peer 1 at a zxid that nobody has."""
    if not isinstance(event, Stepped):
        return event
    effects = tuple(
        replace(one, vote=replace(one.vote, leader=Sid(1), zxid=Zxid(-5)))
        if isinstance(one, Proposed)
        else one
        for one in event.effects
    )
    return replace(event, effects=effects)
