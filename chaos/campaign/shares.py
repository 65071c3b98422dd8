"""In how large a share of a cell's runs each expectation held, and how sure that is.

A run is a trial: it holds, it fails, or it could not tell and counts as none. Of what never failed
in n runs it is said how often it may fail all the same (Hanley and Lippman-Hand's rule of three);
else Wilson's interval is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chaos.campaign.record import RunRecord
from chaos.statistics.proportions import Proportion, none_of
from chaos.verify.verdict import Kind, Outcome

_SURE: Final = 0.95
_DECIDED: Final = (Outcome.HOLDS.value, Outcome.FAILS.value)


@dataclass(frozen=True, slots=True)
class Share:
    """Of the runs that decided the expectation ``name``: how many held, failed, could not tell."""

    name: str
    held: int
    failed: int
    open: int

    @property
    def decided(self) -> int:
        """In how many runs it held or failed."""
        return self.held + self.failed

    def words(self) -> str:
        """``quick held in 27 of 30 runs: 74 % to 97 % (95 % sure); 2 more could not tell``."""
        unknown = f"; {self.open} more could not tell" if self.open else ""
        if not self.failed:
            at_most = _percent(none_of(self.decided, _SURE))
            return (
                f"{self.name} held in all {self.decided} runs: it fails in {at_most} of runs at "
                f"most ({_percent(_SURE)} sure){unknown}"
            )
        low, high = Proportion(self.held, self.decided).wilson(_SURE)
        return (
            f"{self.name} held in {self.held} of {self.decided} runs: in {_percent(low)} to "
            f"{_percent(high)} of runs ({_percent(_SURE)} sure){unknown}"
        )


def shares(records: Iterable[RunRecord]) -> tuple[Share, ...]:
    """The share of each expectation over the runs of one cell that were no warm-up.

    Of a run that was made again the first attempt that told anything counts: a failure is one,
    however the next ends. What fewer than two runs decided is no share, and is left out.
    """
    told: dict[str, dict[int, str]] = {}
    for run in records:
        if run.warmup:
            continue
        for verdict in run.verdicts:
            assert isinstance(verdict, dict)
            if verdict["kind"] == Kind.EXPECTATION.value and verdict.get("where"):
                mine = told.setdefault(verdict["name"], {})
                if mine.get(run.repeat) not in _DECIDED:
                    mine[run.repeat] = verdict["outcome"]
    found = [
        Share(name, *(list(runs.values()).count(one) for one in (*_DECIDED, Outcome.UNKNOWN.value)))
        for name, runs in told.items()
    ]
    return tuple(one for one in found if one.decided > 1)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
