"""``chaos compare A B``: what of B is slower than A, how sure that is, and what would settle it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from chaos.campaign.asked import needs
from chaos.campaign.baselines import RunSet, open_sets
from chaos.campaign.compare import Compared, compare_sets, lacks_scipy
from chaos.campaign.passing import Passing, passing
from chaos.cli.console import put, voice
from chaos.errors import HistoryError
from chaos.plan.names import METRICS
from chaos.plan.problems import meant
from chaos.runner import codes
from chaos.statistics.observations import Sample
from chaos.statistics.rule import Rule, Word
from chaos.verify.observed import told, told_of

FORMAT: Final = 1
_SIGNS: Final = {
    Word.REGRESSED: ("▲", "bold red"),
    Word.IMPROVED: ("▼", "bold green"),
    Word.NO_CHANGE: ("~", "green"),
    Word.INCONCLUSIVE: ("?", "yellow"),
    Word.NOT_COMPARABLE: ("≠", "bold yellow"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    first: str
    second: str
    out: Path
    rule: Rule
    gated: tuple[str, ...]
    paired: bool
    as_json: bool


def compare_runs(wanted: Wanted) -> int:
    """Compare and tell; 6 if something regressed, 3 if something is open.

    Raises:
        HistoryError: one of the two is no set of runs, they share no plan, or no such metric.
    """
    if lacking := lacks_scipy():
        raise HistoryError(lacking)
    durations = [name for name, unit in METRICS.items() if unit == "ns"]
    for metric in wanted.gated:
        if metric not in durations:
            raise HistoryError(f'no duration is called "{metric}"{meant(metric, durations)}')
    bases = open_sets(wanted.first, wanted.out)
    heads = open_sets(wanted.second, wanted.out)
    rows = compare_sets(bases, heads, wanted.rule, wanted.gated, pairs=wanted.paired)
    if not rows:
        there = ", ".join(sorted({one.called for one in bases}))
        raise HistoryError(f"{wanted.second} has no plan in common with {wanted.first}: {there}")
    code = _code(rows)
    if wanted.as_json:
        document = _document(wanted, rows, passing(bases, heads), code)
        put(json.dumps(document, indent=1) + "\n")
    else:
        _show(wanted, bases, heads, rows)
    return code


def _code(rows: Sequence[Compared]) -> int:
    words = {row.word for row in rows} - {None}
    if Word.REGRESSED in words:
        return codes.REGRESSED
    if words <= {Word.IMPROVED, Word.NO_CHANGE} and words:
        return codes.PASSED
    return codes.INCONCLUSIVE


# ---- for a person


def _show(
    wanted: Wanted, bases: Sequence[RunSet], heads: Sequence[RunSet], rows: Sequence[Compared]
) -> None:
    console = voice()
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for name in (
        "",
        "plan · metric",
        wanted.first,
        wanted.second,
        "ratio",
        "p (Holm)",
        "P(slower)",
        "n",
        "MDE",
    ):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    for row in rows:
        if row.word is Word.NOT_COMPARABLE or (row.word is not None and row.shift is None):
            console.print(f"{_called(row)}: {row.word.value}: {row.why}", soft_wrap=True)
        elif row.word is Word.INCONCLUSIVE:
            console.print(f"{_called(row)}: inconclusive: {needs(row)}", soft_wrap=True)
        if row.changed:
            seeds = ", ".join(map(str, row.changed[:10])) + (" …" if row.changed[10:] else "")
            console.print(
                f"{_called(row)}: {len(row.changed)} seeds changed: {seeds}", soft_wrap=True
            )
        for said in _outlying(wanted, row):
            console.print(Text(said), soft_wrap=True)
    for share in passing(bases, heads):
        console.print(Text(share.words()), soft_wrap=True)
    texts = {(one.plan, one.plan_digest) for one in (*bases, *heads)}
    if len(texts) > len({plan for plan, _ in texts}):
        console.print("the two did not run the same text of the plan", soft_wrap=True)
    console.print(Text(_conclusion(wanted, rows), style="bold"), soft_wrap=True)


def _outlying(wanted: Wanted, row: Compared) -> Iterator[str]:
    """``…: main has 2 outliers, kept: seed 7 severe (9.1 s), seed 9 mild (1.2 s)``."""
    if row.word is None:
        return
    for name, found in zip((wanted.first, wanted.second), row.outliers, strict=True):
        if found:
            many = "1 outlier" if len(found) == 1 else f"{len(found)} outliers"
            each = [f"seed {one.seed} {one.outlier} ({told('ns', one.least_ns)})" for one in found]
            more = " …" if each[5:] else ""
            yield f"{_called(row)}: {name} has {many}, kept: {', '.join(each[:5])}{more}"


def _called(row: Compared) -> str:
    """``leader-kill size=3 · election.total stop``, without a metric where it is of none."""
    name = f"{row.plan} {row.cell}".rstrip()
    return f"{name} · {row.metric} {row.of}".rstrip() if row.metric else name


def _cells(row: Compared) -> list[Text]:
    sign, style = ("", "dim") if row.word is None else _SIGNS[row.word]
    cells = [sign, _called(row), _side(row.first), _side(row.second)]
    if row.shift is None:
        cells += ["", "", "", f"{row.first.n} + {row.second.n}", ""]
    else:
        shift = row.shift
        ratio = f"×{shift.ratio:.3g} [{shift.low:.3g}, {shift.high:.3g}]"
        p = "" if row.word is None or row.p is None else f"{row.p:.2g}"
        least = "" if row.detectable is None else f"{100 * row.detectable:.0f} %"
        cells += [ratio, p, f"{shift.slower:.2f}", f"{row.first.n} + {row.second.n}", least]
    return [Text(cell, style=style) for cell in cells]


def _side(sample: Sample) -> str:
    if not sample.values:
        return "–"
    open_ = f" ({sample.censored} never ended)" if sample.censored else ""
    return f"{told_of('ns', sample.median())}{open_}"


def _conclusion(wanted: Wanted, rows: Sequence[Compared]) -> str:
    words = [row.word for row in rows if row.word is not None]
    counted = ", ".join(f"{words.count(word)} {word.value}" for word in Word if word in words)
    rule = wanted.rule
    return (
        f"{counted or 'nothing was gated'}: alpha {rule.alpha:g} over {len(words)} gated rows, "
        f"noise ±{100 * rule.noise:g} %, floor {told('ns', rule.floor_ns)}, "
        f"{'paired by seed' if wanted.paired else 'unpaired'}"
    )


# ---- for a program


def _document(
    wanted: Wanted, rows: Sequence[Compared], shares: Iterable[Passing], code: int
) -> dict[str, object]:
    rule = wanted.rule
    return {
        "version": FORMAT,
        "exit_code": code,
        "first": wanted.first,
        "second": wanted.second,
        "paired": wanted.paired,
        "rule": {"alpha": rule.alpha, "noise": rule.noise, "floor_ns": rule.floor_ns},
        "rows": [row_json(row) for row in rows],
        "passing": [one.document() for one in shares],
    }


def row_json(row: Compared) -> dict[str, object]:
    """A row for a program."""
    shift = row.shift
    return {
        "plan": row.plan,
        "cell": row.cell,
        "system": row.system,
        "metric": row.metric,
        "of": row.of,
        "first": _sample(row.first),
        "second": _sample(row.second),
        "verdict": None if row.word is None else row.word.value,
        "why": row.why,
        "ratio": None if shift is None else _finite(shift.ratio),
        "low": None if shift is None else _finite(shift.low),
        "high": None if shift is None else _finite(shift.high),
        "p": row.p,
        "slower": None if shift is None else shift.slower,
        "needed": row.needed,
        "detectable": None if row.detectable is None else _finite(row.detectable),
        "changed": list(row.changed),
        "outliers": [[asdict(one) for one in found] for found in row.outliers],
    }


def _sample(sample: Sample) -> dict[str, object]:
    middle = sample.median() if sample.values else None
    return {
        "n": sample.n,
        "censored": sample.censored,
        "median_low_ns": None if middle is None else middle.low,
        "median_high_ns": None if middle is None else middle.high,
    }


def _finite(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else "infinite"
