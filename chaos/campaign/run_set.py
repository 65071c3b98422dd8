"""Runs of one plan as a set: what each measured, and whether it counts.

A run counts unless something that it rests on is missing: a fault without evidence, a target
that meant nobody. An election that never ended does count, as a censored value; so does a run
that failed. How many do not count, and why, is always said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chaos.history.history import History
from chaos.plan.model import After, Edge
from chaos.statistics.observations import Observation
from chaos.store import RunResult
from chaos.verify.measure import START
from chaos.verify.observed import Observed, observed
from chaos.verify.verdict import Kind, Outcome

_RESTS_ON = (Kind.EVIDENCE, Kind.HOST, Kind.ABORT)
WHOLE_RUN = "run"  # what a measure belongs to that counts over the whole run


@dataclass(frozen=True, slots=True)
class SetRun:
    """One run of a set. ``lacks`` says why it does not count, empty if it does.

    ``edges`` has when each step began and ended, in ns after time zero, as far as it did.
    ``disturbed`` says why the host was too busy to trust times.
    """

    seed: int
    folder: str
    exit_code: int
    observed: tuple[Observed, ...]
    lacks: str = ""
    disturbed: str = ""
    edges: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    repeat: int = 0  # which run of its cell it was, from 1; 0 in sets of before that was stored

    def values(
        self,
        metric: str,
        of: str | None = None,
        since: After | None = None,
        *,
        start: bool = True,
    ) -> tuple[Observation, ...]:
        """Its values of ``metric``, of one fault or peer, from a moment on.

        None of a moment that never came. What counts over the whole run has no moment. Unless
        ``start``, the election after the start counts only where ``of`` names it.
        """
        found = [one for one in self.observed if one.name == metric and of in (None, one.of)]
        if of is None and not start:
            found = [one for one in found if one.of != START]
        if since is None:
            return tuple(one.value for one in found)
        began_ns, ended_ns = self.edges.get(since.step, (None, None))
        edge_ns = ended_ns if since.edge is Edge.ENDED else began_ns
        if edge_ns is None:
            return ()
        from_ns = edge_ns + since.plus_ns
        return tuple(one.value for one in found if one.of == WHOLE_RUN or one.began_ns >= from_ns)


def start_counts(runs: Iterable[SetRun], metric: str) -> bool:
    """Whether the election after the start is what ``metric`` is about: no run has a later one.

    A set decides that once: where a fault caused no election in some run, that run has no value.
    """
    of = {one.of for run in runs for one in run.observed if one.name == metric}
    return of <= {START}


def set_run(result: RunResult, history: History, folder: str) -> SetRun:
    """A run that is over, for a set."""
    return SetRun(
        seed=result.seed,
        folder=folder,
        exit_code=result.exit_code,
        observed=observed(history, result.measures),
        lacks=_lacks(result),
        disturbed=result.disturbed,
        repeat=result.repeat,
        edges={step.step: (step.began_ns, step.ended_ns) for step in result.steps},
    )


def _lacks(result: RunResult) -> str:
    for verdict in result.verdicts:
        if verdict.kind in _RESTS_ON and verdict.outcome in (Outcome.FAILS, Outcome.UNKNOWN):
            return f"{verdict.name}: {verdict.summary}"
    return ""


def counting(runs: Iterable[SetRun]) -> tuple[tuple[SetRun, ...], str]:
    """The runs that count, and in words how many do not, or were disturbed; empty if none."""
    every = tuple(runs)
    kept = tuple(one for one in every if not one.lacks)
    said: list[str] = []
    if left_out := [one for one in every if one.lacks]:
        many = "1 run does" if len(left_out) == 1 else f"{len(left_out)} runs do"
        said.append(f"{many} not count (seed {left_out[0].seed}: {left_out[0].lacks})")
    if disturbed := [one for one in kept if one.disturbed]:
        many = "1 run was" if len(disturbed) == 1 else f"{len(disturbed)} runs were"
        said.append(f"{many} disturbed (seed {disturbed[0].seed}: {disturbed[0].disturbed})")
    return kept, "; ".join(said)
