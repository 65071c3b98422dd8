"""The ensemble as a plan writes it: one record a mapping, its annotations its grammar.

``title`` is what messages call a record, ``later`` the words of the language that this
version knows and does not support yet; the same in ``written_steps`` and ``written_expect``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from chaos.election.ids import Sid
from chaos.ensemble import QuorumKind, Runs
from chaos.faults.base import Duration, Long
from chaos.plan.forms import Number
from chaos.plan.model import Where
from chaos.plan.selectors import Ends, LinkEnd


class Role(StrEnum):
    """What a peer is."""

    VOTER = "voter"
    OBSERVER = "observer"


class Way(StrEnum):
    """Whether a link is slow in its direction only."""

    BOTH = "both"
    ONE = "one"


Ticks = Annotated[int, Number(1, 1000)]
Weight = Annotated[int, Number(0, 2**31 - 1)]


@dataclass(frozen=True, slots=True)
class PeerText:
    """One peer."""

    title: ClassVar[str] = "a peer"
    where: Where
    id: Sid
    role: Role = Role.VOTER
    weight: Weight | None = None
    group: Weight | None = None
    zone: str = ""
    zxid: Long | None = None
    epoch: Long | None = None
    accepted_epoch: Long | None = None
    config_version: Long | None = None
    runs: Runs | None = None
    member: bool = True


@dataclass(frozen=True, slots=True)
class DefaultsText:
    """What peers have that do not say otherwise."""

    title: ClassVar[str] = '"defaults"'
    weight: Weight | None = None
    zxid: Long | None = None
    epoch: Long | None = None
    accepted_epoch: Long | None = None
    config_version: Long | None = None


@dataclass(frozen=True, slots=True)
class BackOffText:
    """How long a peer waits before it says its vote again."""

    title: ClassVar[str] = '"notification"'
    first: Duration | None = None
    max: Duration | None = None


@dataclass(frozen=True, slots=True)
class TimingsText:
    """The time limits of peers."""

    title: ClassVar[str] = '"timings"'
    where: Where
    tick: Duration | None = None
    init_limit: Ticks | None = None
    sync_limit: Ticks | None = None
    connect_timeout: Duration | None = None
    finalize_wait: Duration | None = None
    notification: BackOffText = BackOffText()


@dataclass(frozen=True, slots=True)
class PaceText:
    """How slow links are."""

    title: ClassVar[str] = '"default"'
    latency: Duration
    jitter: Duration = 0


@dataclass(frozen=True, slots=True)
class PairText:
    """How slow the links from some peers to others are."""

    title: ClassVar[str] = "a pair"
    where: Where
    from_: Annotated[Ends, LinkEnd()]
    to: Annotated[Ends, LinkEnd()]
    latency: Duration
    jitter: Duration = 0
    direction: Way = Way.ONE


@dataclass(frozen=True, slots=True)
class LinksText:
    """Links that are slow from the start."""

    title: ClassVar[str] = '"links"'
    default: PaceText | None = None
    pairs: tuple[PairText, ...] = ()


@dataclass(frozen=True, slots=True)
class EnsembleText:
    """All peers: a number of them, or each by itself."""

    title: ClassVar[str] = '"ensemble"'
    where: Where
    size: Annotated[int, Number(1, 1000)] | None = None
    quorum: QuorumKind = QuorumKind.MAJORITY
    peers: tuple[PeerText, ...] = ()
    defaults: DefaultsText = DefaultsText()
    timings: TimingsText | None = None
    links: LinksText = LinksText()
    reconfig: bool = True
