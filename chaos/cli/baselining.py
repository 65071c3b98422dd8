"""``chaos baseline``: run sets are stored under a name, listed, shown and removed."""

from __future__ import annotations

from pathlib import Path

from chaos.campaign import baselines
from chaos.campaign.baselines import RunSet
from chaos.campaign.run_set import counting
from chaos.cli.console import put
from chaos.errors import HistoryError
from chaos.runner import codes
from chaos.runner.surroundings import tool_version
from chaos.statistics.observations import Sample
from chaos.statistics.quantiles import interval, needed_between
from chaos.verify.observed import told, told_of


def save_baseline(name: str, runs: tuple[Path, ...], out: Path) -> int:
    """Store the runs in these folders."""
    sets = baselines.gather(runs)
    file = baselines.save(name, tool_version(), sets, out)
    put(f"{file}: {_many(sets)}\n")
    return codes.PASSED


def list_baselines(out: Path) -> int:
    """A line for each name."""
    for name in baselines.names(out):
        put(f"{name}: {_many(baselines.open_sets(name, out))}\n")
    return codes.PASSED


def show_baseline(name: str, out: Path) -> int:
    """What a baseline measured, and on what."""
    for one in baselines.open_sets(name, out):
        marks = ", ".join(f"{key} {value}" for key, value in one.fingerprint.items())
        _, left_out = counting(one.runs)
        put(f"{one.called}: {_runs(one)}; {marks}\n")
        put(f"  {left_out}\n" if left_out else "")
        for line in _measured(one):
            put(f"  {line}\n")
    return codes.PASSED


def remove_baseline(name: str, out: Path) -> int:
    """Forget a stored baseline; the runs that it was made of stay."""
    file = baselines.place(name, out)
    if not file.is_file():
        known = ", ".join(baselines.names(out)) or "none"
        raise HistoryError(f'no baseline is called "{name}"; there is {known}')
    file.unlink()
    put(f"{file} is removed\n")
    return codes.PASSED


def _many(sets: tuple[RunSet, ...]) -> str:
    return "; ".join(f"{_runs(one)} of {one.called}" for one in sets)


def _runs(one: RunSet) -> str:
    return "1 run" if len(one.runs) == 1 else f"{len(one.runs)} runs"


def _measured(one: RunSet) -> list[str]:
    kept, _ = counting(one.runs)
    keys = dict.fromkeys((each.name, each.of, each.unit) for run in kept for each in run.observed)
    lines: list[str] = []
    for name, of, unit in keys:
        values = tuple(Sample(found).median() for run in kept if (found := run.values(name, of)))
        sample = Sample(values)
        between = interval(sample, 0.5, 0.95)
        if between is None:
            sure = f"n < {needed_between(0.5, 0.95)}"
        else:
            high = "…" if between.high is None else told(unit, between.high)
            sure = f"95 %: {told(unit, between.low)} to {high}"
        open_ = f", {sample.censored} never ended" if sample.censored else ""
        lines.append(
            f"{name} {of}: median {told_of(unit, sample.median())} ({sure}), n = {sample.n}{open_}"
        )
    return lines
