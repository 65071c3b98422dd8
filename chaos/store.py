"""A run's folder: written while running, loaded again afterwards.

``history.jsonl`` grows line by line; ``result.json`` comes last, so a folder without it
is a run that was cut short, and its history is a readable prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.verify.verdict import Measure, Verdict


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of the plan as it went. Times are relative to time zero of the plan.

    ``sentence`` is the step in words, with what its target resolved to. ``where`` is
    ``file:line:column``. ``planned_ns`` is ``None`` for a step that had no planned time.
    """

    step: str
    verb: str
    sentence: str
    where: str
    planned_ns: int | None
    began_ns: int | None
    ended_ns: int | None
    targets: tuple[int, ...]
    outcome: str
    why: str = ""
    evidence: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run answers. ``exit_code`` is that of ``plan-language`` section 5.

    ``disturbed`` says why the host was too busy to trust times, empty when it was not.
    """

    plan: str
    plan_file: str
    plan_text: str
    seed: int
    system: str
    network: str
    exit_code: int
    headline: str
    reproduce: str
    verdicts: tuple[Verdict, ...] = ()
    measures: tuple[Measure, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    disturbed: str = ""
