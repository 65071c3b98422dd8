"""What was seen, as records. All times are CLOCK_MONOTONIC nanoseconds of one host.

A peer's journal and the harness write the same kinds of lines into one history.
``inc`` counts the starts of one peer from 0; ``seq`` counts the lines of one incarnation
from 0. A message is named by ``(sid, inc, seq, index)`` of the ``Send`` that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chaos.actions import Action, Evidence
from chaos.election.effects import Effect, Input
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.spec import PeerSpec
from chaos.history.answers import Answered

# ---- written by peers


@dataclass(frozen=True, slots=True)
class Began:
    """A peer's process stands; ``spec`` is what its rules were made from."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    pid: int
    spec: PeerSpec


@dataclass(frozen=True, slots=True)
class Stepped:
    """Something happened to a peer, and these effects are about to be performed."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    happened: Input
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Wrote:
    """Effect ``index`` of step ``step`` became frame ``frame`` (from 0) of ``link`` to ``to``.

    ``again``: it is the old last message, repeated on a new link. ``copied_by`` names the fault
    that had the frame before it written a second time, ``corrupted_by`` the one that changed byte
    ``byte`` of it, counted from the frame's length on.
    """

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    step: int
    index: int
    to: Sid
    link: str
    frame: int
    again: bool = False
    copied_by: str = ""
    corrupted_by: str = ""
    byte: int = -1


@dataclass(frozen=True, slots=True)
class Lost:
    """A message for ``to`` will not be written: overwritten in its queue, or a fault's doing.

    ``fault`` names the action that lost it, empty otherwise.
    """

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    step: int
    index: int
    to: Sid
    why: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """An election link to ``other`` stands. ``link`` names the direction from ``sid``."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    other: Sid
    link: str
    dialed: bool


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """An election link or an attempt at one ended."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    other: Sid
    link: str
    why: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that came in on ``port`` made no sense, or a connection was not wanted."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    port: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """A peer ends by itself: asked to by SIGTERM, or by an error that ``why`` names."""

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """A peer holds at the gate ``name`` and handles nothing until it is let go.

    It holds at line ``line``, just before effect ``index`` of it; -1: before all of them.
    """

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    name: str
    line: int
    index: int = -1


# ---- told of foreign servers, which keep no journal of ours


@dataclass(frozen=True, slots=True)
class Appeared:
    """A foreign server's process stands. ``kind`` and ``version`` name its program.

    Epochs and zxid are those of the data that it was started with.
    """

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    pid: int
    kind: str
    version: str
    config: str
    accepted_epoch: PeerEpoch = PeerEpoch(0)
    current_epoch: PeerEpoch = PeerEpoch(0)
    zxid: Zxid = Zxid(0)


class Source(StrEnum):
    """Where something about a foreign server was seen."""

    LOG = "log"  # its own log
    WIRE = "wire"  # packets on its network interface
    PROBE = "probe"  # its answer to a question: a four-letter word


@dataclass(frozen=True, slots=True)
class Seen:
    """A step of a foreign server, as far as it could be told from outside.

    It happened after ``since_ns`` and by ``at_ns``. ``happened`` is ``None`` where only what
    it did was seen. ``seq`` counts what was seen of one start, in the order of seeing.
    ``text`` is the evidence in its own words: a line of a log, a packet's name, an answer.
    """

    at_ns: int
    sid: Sid
    inc: int
    seq: int
    since_ns: int
    source: Source
    happened: Input | None = None
    effects: tuple[Effect, ...] = ()
    text: str = ""


# ---- of either kind: what a server was does not depend on who tells it

Birth = Began | Appeared
Step = Stepped | Seen


def config_of(birth: Birth) -> str:
    """The text of the configuration that a server began with."""
    return birth.spec.config if isinstance(birth, Began) else birth.config


UNSURE_NS = 2_000_000  # a log's stamps are whole milliseconds: less than this is not worth a word


def unsure_ns(event: Event) -> int:
    """How long before its ``at_ns`` an event may have happened: 0 unless seen from outside."""
    return event.at_ns - event.since_ns if isinstance(event, Seen) else 0


# ---- written by the harness


@dataclass(frozen=True, slots=True)
class RunBegan:
    """First line of a history. Time zero of the plan is ``at_ns``."""

    at_ns: int
    plan: str
    seed: int
    system: str
    facts: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exited:
    """A peer's process was reaped. ``status`` is negative for a signal."""

    at_ns: int
    sid: Sid
    inc: int
    status: int


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A step of the plan begins; ``targets`` is what its selector resolved to.

    ``towards`` is the far side of the links that it touches, where it has one. ``by`` is the
    peer whose moment it waited for, if it did; then ``planned_ns`` is that moment.
    """

    at_ns: int
    step: str
    planned_ns: int
    targets: tuple[Sid, ...] = ()
    towards: tuple[Sid, ...] = ()
    by: Sid | None = None


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step is over: ``outcome`` is done, failed, skipped or inconclusive.

    For a fault this is when it was released; ``why`` says more.
    """

    at_ns: int
    step: str
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Acted:
    """An action was begun at ``at_ns`` and had taken effect at ``done_ns``."""

    at_ns: int
    done_ns: int
    step: str
    action: Action
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Sampled:
    """The host as the canary saw it: steal (ticks), CPU pressure (us), its own lateness.

    Of ``ticks`` of all its CPUs, ``busy_ticks`` were neither idle nor waiting for a disk; 0 of 0
    where that cannot be seen. All but the lateness are totals since the host booted.
    """

    at_ns: int
    steal_ticks: int
    pressure_us: int
    late_ns: int
    busy_ticks: int = 0
    ticks: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    """What a peer's process held: ``descriptors``, ``rss_kib`` (KiB); no link before time zero.

    ``waited_ns``: how long it has been ready to run and had no CPU, since it was forked; 0 where
    the kernel does not say (``/proc/PID/schedstat``).
    """

    at_ns: int
    sid: Sid
    inc: int
    descriptors: int
    rss_kib: int
    waited_ns: int = 0


@dataclass(frozen=True, slots=True)
class Aborted:
    """A condition of the plan's ``abort_when`` held, and ended the steps.

    ``number`` is its place among them, ``name`` the metric or the event, ``verdict`` the plan's
    word. What shows it began at ``since_ns``; ``sid`` is the peer that it is about, if any.
    """

    at_ns: int
    since_ns: int
    number: int
    name: str
    verdict: str
    why: str
    sid: Sid | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """At the end, clients looked for the writes of ``workload`` that had been acknowledged.

    ``acknowledged`` counts those, ``missing`` names those that are not there. Of the writes
    that were never answered ``unknown_present`` are there. ``why`` says why nobody could look.
    Asked from ``at_ns`` on, of a server that had caught up with its leader.
    """

    at_ns: int
    workload: str
    acknowledged: int
    missing: tuple[str, ...] = ()
    unknown_present: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """At the end, a server that had caught up with its leader named the nodes below ``path``.

    Asked from ``at_ns`` on. ``why`` says why nobody could be asked.
    """

    at_ns: int
    path: str
    names: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Last line of a history that was not cut short."""

    at_ns: int
    why: str


PeerEvent = Began | Stepped | Wrote | Lost | LinkOpened | LinkClosed | Rejected | Held | Left
ForeignEvent = Appeared | Seen
HarnessEvent = (
    RunBegan
    | Exited
    | StepBegan
    | StepEnded
    | Acted
    | Sampled
    | Used
    | Aborted
    | Answered
    | Recalled
    | Listed
    | RunEnded
)
Event = PeerEvent | ForeignEvent | HarnessEvent
