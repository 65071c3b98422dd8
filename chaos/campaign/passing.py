"""Whether one set of runs passes as often as another.

Nothing is gated by it: a run that fails has its own exit code. It tells apart a plan that fails
more often than it did from one that was always a little unlucky.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaos.campaign.baselines import RunSet
from chaos.campaign.run_set import counting
from chaos.runner import codes
from chaos.statistics.proportions import Proportion

_SURE = 0.95


@dataclass(frozen=True, slots=True)
class Passing:
    """How many of the runs that count passed, there and here."""

    called: str
    before: Proportion
    after: Proportion

    def document(self) -> dict[str, object]:
        """For a program: Newcombe's interval of the difference of the shares, Fisher's p."""
        low, high = self.before.difference(self.after, _SURE)
        return {
            "cell": self.called,
            "first": {"passed": self.before.k, "runs": self.before.n},
            "second": {"passed": self.after.k, "runs": self.after.n},
            "difference": [low, high],
            "p": self.before.same_as(self.after),
        }

    def words(self) -> str:
        """``30 of 30 runs passed, then 27 of 30: -26 % to 2 % (95 % sure), p 0.24 (Fisher)``."""
        low, high = self.before.difference(self.after, _SURE)
        return (
            f"{self.called}: {self.before.k} of {self.before.n} runs passed, then {self.after.k} "
            f"of {self.after.n}: {100 * low:+.3g} % to {100 * high:+.3g} % "
            f"({100 * _SURE:g} % sure), p {self.before.same_as(self.after):.2g} (Fisher)"
        )


def passing(bases: Iterable[RunSet], heads: Iterable[RunSet]) -> Iterator[Passing]:
    """Each cell that both have, where some run of either did not pass."""
    first = {one.key: one for one in reversed(tuple(bases))}
    for head in heads:
        base = first.get(head.key)
        if base is None:
            continue
        found = Passing(head.called, _passed(base), _passed(head))
        if min(found.before.n, found.after.n) and (found.before.k, found.after.k) != (
            found.before.n,
            found.after.n,
        ):
            yield found


def _passed(one: RunSet) -> Proportion:
    kept, _ = counting(one.runs)
    return Proportion(sum(run.exit_code == codes.PASSED for run in kept), len(kept))
