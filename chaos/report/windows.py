"""Which parts of an election are drawn, and how far they are enlarged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.election.ids import Sid
from chaos.report.elections import Election
from chaos.report.handshakes import Mark, Parcel, Wait
from chaos.report.lanes import Segment
from chaos.report.messages import Message


@dataclass(frozen=True, slots=True)
class Close:
    """What happened in and around one election."""

    election: Election
    sids: Sequence[Sid]
    segments: Sequence[Segment]
    messages: Sequence[Message]
    marks: Sequence[Mark]
    waits: Sequence[Wait]
    parcels: Sequence[Parcel]
    until_ns: int  # when its last learner was served
    programs: Mapping[Sid, str] = field(default_factory=dict)  # where not all are our own


@dataclass(frozen=True, slots=True)
class Window:
    """A panel: its name, its title, its edges, whether votes and packets carry labels."""

    name: str
    title: str
    from_ns: int
    to_ns: int
    votes: bool
    packets: bool


def windows(close: Close) -> list[Window]:
    """The whole election, then its busy parts enlarged where the whole hides them."""
    election = close.election
    whole = _whole(close)
    span = whole[1] - whole[0]
    name = f"election-{election.number}"
    found: list[Window] = []
    votes = _votes_window(close)
    if votes is not None and votes[1] - votes[0] < 0.6 * span:
        times = span / (votes[1] - votes[0])
        title = f"The votes, ×{times:.0f}"
        found.append(Window(f"{name}-votes", title, *votes, votes=True, packets=False))
    shake = _handshake_window(close)
    if shake is not None and shake[1] - shake[0] < 0.6 * span:
        title = f"The handshake, ×{span / (shake[1] - shake[0]):.0f}"
        found.append(Window(f"{name}-handshake", title, *shake, votes=False, packets=True))
    first = Window(
        name,
        "The whole election",
        *whole,
        votes=not any(window.votes for window in found),
        packets=not any(window.packets for window in found) and shake is not None,
    )
    return [first, *found]


def _whole(close: Close) -> tuple[int, int]:
    election = close.election
    busy = max(1, max(election.end_ns, close.until_ns) - election.looking_ns)
    near = election.looking_ns - election.begin_ns < busy
    from_ns = election.begin_ns if near else election.looking_ns
    return from_ns - busy // 25, election.looking_ns + busy + busy // 25


def _votes_window(close: Close) -> tuple[int, int] | None:
    """From the first LOOKING until the last finalize wait that held began."""
    election = close.election
    held = [
        wait.from_ns
        for wait in close.waits
        if wait.done and election.looking_ns <= wait.from_ns <= election.end_ns
    ]
    by_ns = election.decided_ns or election.end_ns
    sent = [
        message.sent_ns if (message.read_ns or by_ns) >= by_ns else message.read_ns or by_ns
        for message in close.messages
        if election.looking_ns <= message.sent_ns <= (election.quorum_ns or by_ns)
    ]
    if not sent:
        return None
    early = [at_ns for at_ns in held if at_ns <= by_ns]
    until = min(max([*sent, *early]), election.end_ns)
    pad = max(1, until - election.looking_ns) // 16
    return election.looking_ns - pad, until + pad


def _handshake_window(close: Close) -> tuple[int, int] | None:
    election = close.election
    if election.decided_ns is None:
        return None
    read = [
        parcel.sent_ns if parcel.read_ns is None else parcel.read_ns
        for parcel in close.parcels
        if election.decided_ns <= parcel.sent_ns <= election.end_ns
    ]
    if not read:
        return None
    from_ns = max((at_ns for at_ns in _hellos(close)), default=election.decided_ns)
    until = max(*read, election.end_ns)
    pad = max(1, until - from_ns) // 16
    return from_ns - pad, until + pad


def _hellos(close: Close) -> Iterator[int]:
    """When learners called that the first LEADERINFO answered: before that nothing moves."""
    kinds = {"FOLLOWERINFO", "OBSERVERINFO"}
    begun = min((p.sent_ns for p in close.parcels if p.kind == "LEADERINFO"), default=0)
    for parcel in close.parcels:
        if parcel.kind in kinds and parcel.sent_ns <= begun:
            yield parcel.sent_ns
