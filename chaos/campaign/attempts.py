"""Runs that are made again: when, and what the attempts at one run come to together.

The host's failures say nothing about what is tested, so a run that met one may be made again by
itself, and where that is asked for one that could not tell. An expectation that failed did fail:
if the same seed passes when it is made again, the run is *flaky*, which is no success. A law of
safety that was broken is broken, and nothing makes that run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.campaign.record import RunRecord
from chaos.runner import codes


@dataclass(frozen=True, slots=True)
class Again:
    """How often a run is made again at most.

    ``reruns`` after an expectation failed, ``retries`` after the host failed it; those are also
    for runs that are ``inconclusive``, if so asked.
    """

    reruns: int = 0
    retries: int = 0
    inconclusive: bool = False

    def wanted(self, ends: Sequence[int]) -> bool:
        """Whether a run is made again whose attempts have ended with these exit codes."""
        if ends[-1] == codes.FAILED:
            return ends.count(codes.FAILED) <= self.reruns
        if ends[-1] == codes.INFRASTRUCTURE or (
            self.inconclusive and ends[-1] == codes.INCONCLUSIVE
        ):
            return sum(map(ends.count, _NO_VERDICT)) <= self.retries
        return False


_NO_VERDICT = (codes.INFRASTRUCTURE, codes.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Tried:
    """All attempts at one run, in their order, each with the same seed."""

    attempts: tuple[RunRecord, ...]

    @property
    def record(self) -> RunRecord:
        """The attempt that the run is judged by: the last if it passed, else the worst failure.

        What the host or a doubt ended is only counted if nothing else came of the run.
        """
        last = self.attempts[-1]
        if last.exit_code == codes.PASSED or not self._failures:
            return last
        worst = codes.worst(one.exit_code for one in self._failures)
        return next(one for one in self._failures if one.exit_code == worst)

    @property
    def flaky(self) -> bool:
        """An expectation failed, and with the same seed all of them held."""
        return bool(self._failures) and self.attempts[-1].exit_code == codes.PASSED

    @property
    def failed(self) -> bool:
        """The run shows a failure that counts."""
        return self.flaky or self.record.failed

    @property
    def retried(self) -> tuple[RunRecord, ...]:
        """The attempts that told nothing, and were made again because of that."""
        kept = self.record
        return tuple(
            one
            for one in self.attempts[:-1]
            if one is not kept and one.exit_code not in codes.FAILURES
        )

    @property
    def earlier(self) -> tuple[RunRecord, ...]:
        """The other attempts beside the one that counts: failures before a success, and reruns."""
        kept, retried = self.record, self.retried
        return tuple(one for one in self.attempts if one is not kept and one not in retried)

    @property
    def _failures(self) -> tuple[RunRecord, ...]:
        return tuple(one for one in self.attempts if one.exit_code in codes.FAILURES)


def tried(records: Iterable[RunRecord]) -> tuple[Tried, ...]:
    """The attempts at each run, in the order of their first ones."""
    found: dict[tuple[bool, int], list[RunRecord]] = {}
    for one in records:
        found.setdefault((one.warmup, one.repeat), []).append(one)
    return tuple(Tried(tuple(attempts)) for attempts in found.values())
