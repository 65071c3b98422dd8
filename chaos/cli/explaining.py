"""``chaos explain`` and ``chaos show``: why a stored run did not pass, and the tree of its plan."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.text import Text

from chaos.cli.console import put, voice
from chaos.cli.options import RUNS
from chaos.cli.outlining import outline_json, plan_lines
from chaos.errors import HistoryError, PlanError
from chaos.history.events import StepEnded
from chaos.history.history import History
from chaos.plan.lint.outline import outline
from chaos.report.telling import what, who
from chaos.runner import codes
from chaos.runner.rejudge import Rejudged, rejudge
from chaos.runner.stored import StoredRun, open_run
from chaos.store import HISTORY, verdict_json
from chaos.verify.divergence import PLAN, Deed, Divergence, first_divergence, lanes
from chaos.verify.verdict import Outcome, Verdict

FORMAT: Final = 1
_AROUND: Final = 2  # events before and after a piece of evidence
_EVIDENCE: Final = 4  # pieces that are told
_LAST: Final = 8  # things that happened last


@dataclass(frozen=True, slots=True)
class Sibling:
    """A run that passed, of the same plan. ``how`` says how close it is."""

    run: StoredRun
    how: str


def show_run(folder: Path, *, as_json: bool) -> int:
    """The plan's tree with the outcome of each step; the exit code of the run as judged now."""
    again = rejudge(folder)
    tree = outline(again.run.plan)
    if as_json:
        document = {
            "version": FORMAT,
            "folder": str(again.run.folder),
            "exit_code": again.exit_code,
            "headline": again.headline,
            **outline_json(tree),
            "verdicts": [verdict_json(one) for one in again.verdicts],
        }
        put(json.dumps(document, indent=1) + "\n")
        return again.exit_code
    result = again.run.result
    put(f"{_head(again.run)}\n")
    steps = () if result is None else result.steps
    for line in plan_lines(again.run.plan, tree, again.verdicts, steps):
        put(line + "\n")
    put(f"{again.headline}\n")
    return again.exit_code


def explain_run(folder: Path, sibling: Path | None, *, as_json: bool) -> int:
    """Tell why the run did not pass, and where it parts from one that did; 0 when told."""
    again = rejudge(folder)
    beside = _given(sibling) if sibling is not None else find_sibling(again)
    parted = None if beside is None else _parting(again.run, beside.run)
    if as_json:
        put(json.dumps(_document(again, beside, parted), indent=1) + "\n")
        return codes.PASSED
    console = voice()
    for line in _story(again, beside, parted):
        console.print(Text(line), soft_wrap=True)
    return codes.PASSED


def _parting(here: StoredRun, there: StoredRun) -> Divergence | None:
    """Where they part; votes on the way count where both had the same seed and the same system."""
    same = (here.began.seed, here.began.system) == (there.began.seed, there.began.system)
    return first_divergence(here.history, there.history, votes=same)


def find_sibling(again: Rejudged) -> Sibling | None:
    """A passing run of the same plan in the folder beside: the same system and seed go first."""
    began = again.run.began
    found: list[tuple[int, str, Sibling]] = []
    for path in sorted(again.run.folder.resolve().parent.glob(f"*/{HISTORY}")):
        folder = path.parent
        if folder.is_symlink() or folder.name == again.run.folder.name:
            continue
        run = _passed(folder)
        if run is None or run.plan.text != again.run.plan.text or run.began.plan != began.plan:
            continue
        system, seed = run.began.system == began.system, run.began.seed == began.seed
        how = "the same seed" if seed else f"seed {run.began.seed} instead of {began.seed}"
        how += "" if system else f", on {run.began.system} instead of {began.system}"
        settings = run.plan.overrides == again.run.plan.overrides
        how += "" if settings else ", with other values --set"
        rank = 4 * (not settings) + 2 * (not system) + (not seed)
        found.append((rank, folder.name, Sibling(run, how)))
    return min(found, key=lambda one: one[:2], default=(0, "", None))[2]


def _passed(folder: Path) -> StoredRun | None:
    """The run in ``folder`` if it passed. What cannot be read is no sibling."""
    try:
        run = open_run(folder)
    except (HistoryError, PlanError):
        return None
    passed = run.result is not None and run.result.exit_code == codes.PASSED
    return run if passed else None


def _given(folder: Path) -> Sibling:
    run = open_run(folder)
    passed = run.result is not None and run.result.exit_code == codes.PASSED
    return Sibling(run, "as asked" if passed else "as asked; it did not pass either")


# ---- the story


def _head(run: StoredRun) -> str:
    cut = "; it was cut short" if run.result is None else ""
    return f"{run.folder}: {run.began.plan} on {run.began.system}, seed {run.began.seed}{cut}"


def _story(again: Rejudged, beside: Sibling | None, parted: Divergence | None) -> Iterator[str]:
    yield _head(again.run)
    bad = bad_verdicts(again)
    if not bad:
        yield f"nothing to explain: {again.headline}"
    for verdict in bad:
        yield ""
        place = f"  {verdict.where}" if verdict.where else ""
        yield f"{verdict.outcome.value.upper()} {verdict.name}: {verdict.summary}{place}"
        if verdict.known:
            yield f"  expected, by a known issue of the plan: {verdict.known}"
        events = again.run.history.events
        if all(isinstance(events[index], StepEnded) for index in verdict.evidence):
            yield from _last(again.run.history, verdict.name)
        else:
            yield from _evidence(again.run.history, verdict)
    yield ""
    if beside is None:
        yield "no run of this plan that passed is stored beside it: name one with --sibling RUN, or"
        yield f"run it with other seeds: {_other_seeds(again.run)}"
        return
    yield f"beside {beside.run.folder} ({beside.how}):"
    if again.run.began.seed != beside.run.began.seed:
        yield "  (votes on the way are left out: with another seed they come in another order)"
    if parted is None:
        yield "  every lane did the same things in the same order: only times differ"
        return
    yield from _parted(parted)


def bad_verdicts(again: Rejudged) -> list[Verdict]:
    """What failed, or could not be told, the failing first."""
    failing = [one for one in again.verdicts if one.outcome is Outcome.FAILS]
    unknown = [one for one in again.verdicts if one.outcome is Outcome.UNKNOWN]
    return failing + unknown


def _evidence(history: History, verdict: Verdict) -> Iterator[str]:
    """The events that decide it, with what came just before and after."""
    told: set[int] = set()
    for index in verdict.evidence[:_EVIDENCE]:
        told |= set(range(max(0, index - _AROUND), min(len(history.events), index + _AROUND + 1)))
    for index in sorted(told):
        event = history.events[index]
        mark = ">" if index in verdict.evidence else " "
        at = (event.at_ns - history.zero_ns) / 1e9
        yield f"  {mark} {at:8.3f} s  {who(event)} {what(event)}"


def _other_seeds(run: StoredRun) -> str:
    """The command that runs the plan again, as this run was begun, beside it."""
    began = run.began
    command = f"chaos run {run.plan.file} --system {began.system} --seed {began.seed}"
    if run.result is not None and f"--seed {began.seed}" in run.result.reproduce:
        command = run.result.reproduce
    command = command.replace(f"--seed {began.seed}", f"--seed {began.seed + 1}")
    beside = run.folder.parent
    out = "" if beside == RUNS else f" --out {shlex.quote(str(beside))}"
    return f"{command} --repeat 5{out}"


def _last(history: History, name: str) -> Iterator[str]:
    """What happened last before a step gave up, or before the run did."""
    ended = (event for _, event in history.every(StepEnded) if event.step == name)
    until_ns = next((event.at_ns for event in ended), history.end_ns) - history.zero_ns
    deeds = [deed for lane in lanes(history).items() for deed in _named(*lane)]
    before = sorted((deed for deed in deeds if deed[0] <= until_ns), key=lambda deed: deed[0])
    yield "    no event decides it: what was asked for never came; the last that happened:"
    for at_ns, text in before[-_LAST:]:
        yield f"    {at_ns / 1e9:8.3f} s  {text}"


def _named(lane: str, deeds: tuple[Deed, ...]) -> Iterator[tuple[int, str]]:
    who_did = "" if lane == PLAN else f"{lane} "
    for deed in deeds:
        yield deed.at_ns, f"{who_did}{deed.text}"


def _parted(parted: Divergence) -> Iterator[str]:
    yield (
        f"  the first difference is in the lane of {parted.lane}, "
        f"after {parted.same} things that both did:"
    )
    for deed in parted.before:
        yield f"      {deed.at_ns / 1e9:8.3f} s  {deed.text}"
    yield f"    here  {_deed(parted.here)}"
    yield f"    there {_deed(parted.there)}"


def _deed(deed: Deed | None) -> str:
    return "nothing more" if deed is None else f"{deed.at_ns / 1e9:8.3f} s  {deed.text}"


# ---- the same as data


def _document(
    again: Rejudged, beside: Sibling | None, parted: Divergence | None
) -> dict[str, object]:
    return {
        "version": FORMAT,
        "folder": str(again.run.folder),
        "plan": again.run.began.plan,
        "seed": again.run.began.seed,
        "cut_short": again.run.result is None,
        "exit_code": again.exit_code,
        "headline": again.headline,
        "verdicts": [verdict_json(one) for one in bad_verdicts(again)],
        "sibling": None
        if beside is None
        else {"folder": str(beside.run.folder), "how": beside.how, "seed": beside.run.began.seed},
        "divergence": None
        if parted is None
        else {
            "lane": parted.lane,
            "same": parted.same,
            "before": [_told(deed) for deed in parted.before],
            "here": None if parted.here is None else _told(parted.here),
            "there": None if parted.there is None else _told(parted.there),
        },
    }


def _told(deed: Deed) -> dict[str, object]:
    return {"index": deed.index, "at_ns": deed.at_ns, "text": deed.text}
