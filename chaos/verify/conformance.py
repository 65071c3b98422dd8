"""``conformance``: the journalled inputs, fed to the core again, give the same effects.

A peer process that runs other rules than the core, or performs what the core never said,
shows here; so does a core that is not deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.election.effects import Effect
from chaos.election.quorum_peer import QuorumPeer
from chaos.history.events import Began, Exited, Left, RunBegan, RunEnded, Stepped
from chaos.history.history import History
from chaos.verify.docket import Finding, invariant
from chaos.verify.fold import Line, journals, whole
from chaos.verify.foreign.judge import servers
from chaos.verify.verdict import Outcome, Verdict

_LONG = 300  # characters of one effect in a summary


@dataclass(frozen=True, slots=True)
class Conformance:
    """Every incarnation, from its birth on, does what the core says."""

    name: str = "conformance"

    def check(self, history: History) -> Verdict:
        """FAILS at the first step that differs; UNKNOWN where journal lines are missing."""
        judged = 0
        doubts = _cut_short(history)
        for (sid, inc), lines in journals(history).items():
            readable, gap = whole(lines)
            if gap is not None:
                doubts.append(gap)
            if not readable:
                continue
            began = readable[0][1]
            if not isinstance(began, Began):
                why = f"peer {sid} start {inc}: its journal does not begin with its birth"
                doubts.append(Finding(why, (readable[0][0],)))
                continue
            count, found = _replay(began, readable)
            judged += count
            if found is not None:
                return invariant(self.name, Outcome.FAILS, found.why, [found], judged)
        if doubts:
            return invariant(self.name, Outcome.UNKNOWN, doubts[0].why, doubts, judged)
        foreign = frozenset(history.foreign)
        if not judged:
            why = f"{servers(foreign)} run other code" if foreign else "no step in this run"
            return invariant(self.name, Outcome.NOT_EXERCISED, why, [], 0)
        others = f"; not asked of {servers(foreign)}, which run other code" if foreign else ""
        why = f"{judged} steps as the core has them{others}"
        return invariant(self.name, Outcome.HOLDS, why, [], judged)


def _cut_short(history: History) -> list[Finding]:
    """A stored run without its last line may lack the ends of journals too."""
    events = history.events
    if not events or not isinstance(events[0], RunBegan) or isinstance(events[-1], RunEnded):
        return []
    over = {(e.sid, e.inc) for e in events if isinstance(e, Exited | Left)}
    cut = [key for key in journals(history) if key not in over]
    if not cut:
        return []
    why = f"the run was cut short: the end of {len(cut)} journals may be missing"
    return [Finding(why, (len(events) - 1,))]


def _replay(began: Began, lines: Sequence[Line]) -> tuple[int, Finding | None]:
    """How many steps were compared, and the first that differs."""
    who = f"peer {began.sid} start {began.inc}"
    core = QuorumPeer(began.spec)
    judged = 0
    for index, event in lines:
        if not isinstance(event, Stepped):
            continue
        judged += 1
        try:
            effects = tuple(core.step(event.happened))
        except Exception as error:  # noqa: BLE001 - how the core fails is the answer
            why = f"{who}, line {event.seq}: the core fails with {type(error).__name__}: {error}"
            return judged, Finding(why, (index,))
        if effects != event.effects:
            return judged, Finding(f"{who}, {_difference(event, effects)}", (index,))
    return judged, None


def _difference(event: Stepped, due: tuple[Effect, ...]) -> str:
    """The first effect that differs, in words."""
    did = event.effects
    number = next(
        (n for n, (a, b) in enumerate(zip(did, due, strict=False)) if a != b),
        min(len(did), len(due)),
    )
    return (
        f"line {event.seq}, after {_short(event.happened)}: effect {number} is "
        f"{_short(did[number]) if number < len(did) else 'missing'}, the core says "
        f"{_short(due[number]) if number < len(due) else 'nothing more'}"
    )


def _short(record: object) -> str:
    text = repr(record)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
