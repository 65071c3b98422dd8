"""A plan as a numbered tree, before a run and after it: plain lines of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from chaos.cli.tree import SIGNS, wrapped
from chaos.cli.verdicts import OUTCOMES
from chaos.plan.lint.forecast import Band, Forecast
from chaos.plan.lint.outline import Branch, Outline, hits
from chaos.plan.model import Plan
from chaos.store import StepRecord
from chaos.verify.verdict import Outcome, Verdict, worst


def plan_lines(
    plan: Plan, tree: Outline, verdicts: Iterable[Verdict] = (), steps: Iterable[StepRecord] = ()
) -> list[str]:
    """Every step with what hangs on it. With ``verdicts`` each has its outcome, as in a run."""
    found = worst(verdicts)
    records = {record.step: record for record in steps}
    lines = [] if found else wrapped("  first election: ", forecast_words(tree.first))
    for branch in tree.branches:
        lines += _branch(branch, found, records.get(branch.step))
    lines += _hanging(tree.expects, found, "  ")
    invariants = [one.name for one in plan.invariants]
    if invariants:
        lines += wrapped("  invariants: ", ", ".join(invariants))
    if not found:
        lines += wrapped(
            "  takes ",
            f"{tree.least_ns / 1e9:.1f} s at the least, up to {tree.likely_ns / 1e9:.1f} s if no "
            f"wait runs out, never more than {tree.most_ns / 1e9:.1f} s",
        )
    return lines


def _branch(
    branch: Branch, found: Mapping[str, Verdict], record: StepRecord | None
) -> Iterator[str]:
    verdict = found.get(branch.step)
    sign = " " if not found else _sign(verdict, record)
    pad = "  " * branch.depth
    head = f"{sign} {pad}{branch.number} {branch.step}: "
    yield from wrapped(head, branch.sentence, 6 + len(pad))
    inner = " " * 6 + pad
    if verdict is not None and verdict.outcome in (Outcome.FAILS, Outcome.UNKNOWN):
        word = "FAILED HERE" if verdict.outcome is Outcome.FAILS else "UNKNOWN"
        yield from wrapped(f"{inner}<-- {word}: ", verdict.summary)
    if record is not None and record.began_ns is not None:
        ended = "" if record.ended_ns is None else f" to {record.ended_ns / 1e9:.3f} s"
        yield f"{inner}went from {record.began_ns / 1e9:.3f} s{ended}"
    if branch.why:
        yield from wrapped(f"{inner}why: ", branch.why)
    if not found:
        yield from _planned(branch, inner)
    yield from _hanging(branch.expects, found, inner)


def _planned(branch: Branch, inner: str) -> Iterator[str]:
    latest = "any time" if branch.begins_most_ns is None else f"{branch.begins_most_ns / 1e9:.1f} s"
    yield f"{inner}begins: {branch.begins_least_ns / 1e9:.1f} s to {latest}"
    if branch.sets:
        yield from wrapped(f"{inner}hits: ", hits(branch.sets))
    if branch.forecast is not None:
        perhaps = "" if branch.forecast.sure else "perhaps "
        yield from wrapped(f"{inner}{perhaps}an election: ", forecast_words(branch.forecast))


def _hanging(expects: Iterable[str], found: Mapping[str, Verdict], inner: str) -> Iterator[str]:
    for text in expects:
        verdict = found.get(text.split(":", 1)[0])
        sign = "" if verdict is None else f"{OUTCOMES[verdict.outcome][0]} "
        yield from wrapped(f"{inner}{sign}expects ", text)
        if verdict is not None and verdict.outcome in (Outcome.FAILS, Outcome.UNKNOWN):
            yield from wrapped(f"{inner}<-- {verdict.outcome.value.upper()}: ", verdict.summary)


def _sign(verdict: Verdict | None, record: StepRecord | None) -> str:
    if verdict is not None and verdict.outcome is not Outcome.HOLDS:
        return OUTCOMES[verdict.outcome][0]
    if record is not None:
        return SIGNS.get(record.outcome, "·")
    return "·" if verdict is None else "✓"


def forecast_words(one: Forecast) -> str:
    """``detect 350 to 700 ms, vote …, finalize …: total …``."""
    bands = {"detect": one.detect, "vote": one.vote, "finalize": one.finalize}
    told = [f"{name} {_band(band)}" for name, band in bands.items() if band is not None]
    return f"{', '.join(told)}; total {_band(one.total)}"


def _band(band: Band) -> str:
    if band.most_ns >= 10_000_000_000:
        return f"{band.least_ns / 1e9:.1f} to {band.most_ns / 1e9:.1f} s"
    return f"{band.least_ns // 1_000_000} to {band.most_ns // 1_000_000} ms"


def outline_json(tree: Outline) -> dict[str, object]:
    """The tree as ``--json`` gives it; durations in nanoseconds."""
    return {
        "duration_ns": {"least": tree.least_ns, "likely": tree.likely_ns, "most": tree.most_ns},
        "first_election": _forecast(tree.first),
        "expects": list(tree.expects),
        "tree": [
            {
                "number": one.number,
                "step": one.step,
                "sentence": one.sentence,
                "begins_ns": {"least": one.begins_least_ns, "most": one.begins_most_ns},
                "hits": [list(sids) for sids in one.sets],
                "election": None if one.forecast is None else _forecast(one.forecast),
                "expects": list(one.expects),
            }
            for one in tree.branches
        ],
    }


def _forecast(one: Forecast) -> dict[str, object]:
    bands = {"detect": one.detect, "vote": one.vote, "finalize": one.finalize, "total": one.total}
    told: dict[str, object] = {"sure": one.sure}
    for name, band in bands.items():
        told[name] = None if band is None else {"least": band.least_ns, "most": band.most_ns}
    return told
