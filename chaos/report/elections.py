"""Elections: from what made the ensemble leaderless to a leader that serves with a quorum.

The phases are those that :mod:`chaos.verify.elections` measures: detect (cause in effect, first
survivor LOOKING), vote (somebody saw the first quorum), finalize (that peer decided), and then
handshake (a leader's epoch is established). Foreign servers do not tell when they see a quorum:
where only they vote, vote lasts until one decides that it leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chaos.election.effects import Decided, QuorumSeen, SteppedDown
from chaos.election.ids import PeerEpoch, Round, Sid
from chaos.election.notification import ServerState
from chaos.history.history import History
from chaos.report.bands import Band
from chaos.report.lanes import Look, Reign, Segment
from chaos.report.words import MS, duration
from chaos.verify.turns import What, turns

WHOLE: Final = "election"  # where nobody wants to know its phases
UNDIVIDED: Final = "vote and finalize"  # where nobody told when it saw a quorum
_SLACK_NS: Final = 5 * MS  # a leader may be gone this long before the fault is confirmed


@dataclass(frozen=True, slots=True)
class Phase:
    """One leg of an election."""

    name: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Election:
    """One leaderless time and what ended it.

    ``gone_ns`` is when no leader had a quorum any more, ``looking_ns`` when the first peer
    went LOOKING, ``served_ns`` when a leader served with a quorum: ``None`` if none did.
    ``noticed`` is what the first peer said when it left its role. ``rounds`` are those in
    which peers proposed.
    """

    number: int
    cause: Band | None
    gone_ns: int
    looking_ns: int
    noticed: str
    quorum_ns: int | None
    decided_ns: int | None
    served_ns: int | None
    end_ns: int
    leader: Sid | None
    epoch: PeerEpoch | None
    rounds: tuple[Round, ...]
    phases: tuple[Phase, ...]

    @property
    def begin_ns(self) -> int:
        """The cause, or for an election that no fault explains the end of the last reign."""
        return self.phases[0].from_ns

    @property
    def took_ns(self) -> int:
        """From its beginning until it was over, or until the run was."""
        return self.end_ns - self.begin_ns


def elections(
    history: History,
    reigns: Sequence[Reign],
    segments: Sequence[Segment],
    faults: Sequence[Band],
) -> tuple[Election, ...]:
    """All elections of a run, by time."""
    found: list[Election] = []
    for place, gap in enumerate(reigns):
        if gap.leaders:
            continue
        heir = reigns[place + 1] if place + 1 < len(reigns) else None
        before_ns = reigns[place - 1].from_ns if place else history.zero_ns
        cause = None if place == 0 else _cause(faults, gap, before_ns)
        survivors = _survivors(segments, cause)
        looking = _looking(survivors, gap, cause, before_ns)
        if looking is None:
            continue
        left_ns = _left_ns(survivors, gap, cause, looking)
        found.append(_election(history, _Gap(len(found) + 1, gap, heir, cause, looking, left_ns)))
    return tuple(found)


def _cause(faults: Sequence[Band], gap: Reign, since_ns: int) -> Band | None:
    """The latest fault since the last leader began to serve, else one that lasts."""
    by_ns = gap.from_ns + _SLACK_NS
    fresh = [b for b in faults if b.harms and since_ns <= b.from_ns <= by_ns]
    lasting = [b for b in faults if b.harms and b.covers(gap.from_ns)]
    return max(fresh or lasting, key=lambda band: (band.from_ns, band.index), default=None)


def _survivors(segments: Sequence[Segment], cause: Band | None) -> list[Segment]:
    """The lanes that the fault spared, or all of them where it spared none."""
    spared = [s for s in segments if cause is None or s.sid not in cause.lanes]
    return spared or list(segments)


def _looking(
    segments: Sequence[Segment], gap: Reign, cause: Band | None, before_ns: int
) -> Segment | None:
    """The first LOOKING that belongs to this leaderless time."""
    since_ns = before_ns if cause is None else cause.from_ns
    during = [
        segment
        for segment in segments
        if segment.look is Look.LOOKING
        and segment.from_ns < gap.to_ns
        and segment.to_ns > gap.from_ns
    ]
    fresh = [segment for segment in during if segment.from_ns >= since_ns]
    return min(fresh or during, key=lambda segment: segment.from_ns, default=None)


@dataclass(slots=True)
class _Votes:
    """What the peers noted in one election."""

    quorum_ns: int | None = None
    decided_ns: int | None = None
    noticed: str = ""
    rounds: frozenset[Round] = frozenset()


def _votes(history: History, from_ns: int, to_ns: int) -> _Votes:
    found = _Votes()
    first: Sid | None = None  # who saw the first quorum
    elected_ns: int | None = None  # when somebody decided that it leads
    for _, step in history.steps():
        if not from_ns <= step.at_ns <= to_ns:
            continue
        for effect in step.effects:
            match effect:
                case SteppedDown() if not found.noticed:
                    found.noticed = f"peer {step.sid}: {effect.why}"
                case QuorumSeen() if first is None:
                    first, found.quorum_ns = step.sid, step.at_ns
                case Decided() if step.sid == first and found.decided_ns is None:
                    found.decided_ns = step.at_ns
                case Decided(state=ServerState.LEADING) if elected_ns is None:
                    elected_ns = step.at_ns
                case _:
                    pass
    found.rounds = frozenset(
        Round(turn.round)
        for turn in turns(history)
        if turn.what is What.PROPOSED and from_ns <= turn.at_ns <= to_ns
    )
    if first is None:  # foreign servers do not tell when they see a quorum
        found.decided_ns = elected_ns
    return found


@dataclass(frozen=True, slots=True)
class _Gap:
    """A leaderless time between what came before and what comes after."""

    number: int
    reign: Reign
    heir: Reign | None
    cause: Band | None
    looking: Segment
    left_ns: int  # the first survivor LOOKING for the sake of the fault


def _election(history: History, seen: _Gap) -> Election:
    number, gap, heir, cause = seen.number, seen.reign, seen.heir, seen.cause
    first = number == 1 and cause is None  # nothing to detect: the ensemble has just come up
    leader, epoch = (
        max(heir.leaders, key=lambda pair: pair[1]) if heir and heir.leaders else (None, None)
    )
    served_ns = heir.from_ns if heir else None
    end_ns = served_ns if served_ns is not None else gap.to_ns
    looking_ns = seen.looking.from_ns
    votes = _votes(history, looking_ns, end_ns)
    told = votes.quorum_ns is not None or votes.decided_ns is None
    stops = [
        ("detect", None if first else gap.from_ns if cause is None else cause.done_ns),
        ("vote" if told else UNDIVIDED, history.zero_ns if first else seen.left_ns),
        ("finalize", votes.quorum_ns),
        ("handshake", votes.decided_ns),
    ]
    return Election(
        number,
        cause,
        gap.from_ns,
        looking_ns,
        votes.noticed,
        votes.quorum_ns,
        votes.decided_ns,
        served_ns,
        end_ns,
        leader,
        epoch,
        tuple(sorted(votes.rounds)),
        _phases([(name, at_ns) for name, at_ns in stops if at_ns is not None], end_ns),
    )


def _left_ns(survivors: Sequence[Segment], gap: Reign, cause: Band | None, looking: Segment) -> int:
    """When the first survivor went LOOKING for the sake of the fault.

    A killed leader's connections end before its process is reaped, so that may be between the two.
    """
    since_ns = gap.from_ns if cause is None else cause.from_ns
    if looking.from_ns >= since_ns:
        return looking.from_ns
    base_ns = gap.from_ns if cause is None else cause.done_ns
    late = [
        segment.from_ns
        for segment in survivors
        if segment.look is Look.LOOKING and base_ns <= segment.from_ns <= gap.to_ns
    ]
    return min(late, default=base_ns)


def _phases(stops: list[tuple[str, int]], end_ns: int) -> tuple[Phase, ...]:
    """One leg begins where the other ends; none runs backwards.

    Who left before the fault was known to be in effect detected it in no time, and voted since.
    """
    found: list[Phase] = []
    for place, (name, at_ns) in enumerate(stops):
        follows = bool(found) and found[-1].name != "detect"
        from_ns = found[-1].to_ns if follows else at_ns
        to_ns = stops[place + 1][1] if place + 1 < len(stops) else end_ns
        found.append(Phase(name, from_ns, max(from_ns, min(to_ns, end_ns))))
    return tuple(found)


def whole(election: Election) -> Election:
    """The same without its phases."""
    return replace(election, phases=(Phase(WHOLE, election.begin_ns, election.end_ns),))


def important(found: Sequence[Election], cited_ns: Sequence[int]) -> list[Election]:
    """Most important first: cited by a verdict that is not green, undecided, then the longest.

    ``cited_ns`` are the times of the events that such verdicts name.
    """

    def rank(election: Election) -> tuple[bool, bool, bool, int]:
        cited = any(election.begin_ns <= at_ns <= election.end_ns for at_ns in cited_ns)
        undecided = election.served_ns is None
        return (cited, undecided, election.cause is not None, election.took_ns)

    return sorted(found, key=rank, reverse=True)


def finding_of(election: Election) -> str:
    """The election in one sentence."""
    after = "the start" if election.cause is None else election.cause.label
    if election.number > 1 and election.cause is None:
        after = "no fault that the history knows"
    took = duration(election.took_ns)
    if election.served_ns is None:
        return f"After {after}: no leader served within {took}."
    led = f"After {after}: peer {election.leader} led epoch {election.epoch} in {took}"
    if election.phases[0].name == WHOLE:
        return f"{led}."
    legs = ", ".join(f"{p.name} {duration(p.to_ns - p.from_ns)}" for p in election.phases)
    return f"{led} ({legs})."
