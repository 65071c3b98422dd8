"""What can be done to an ensemble, as data.

A fault answers actions, a driver applies them and returns the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, get_args

from chaos.election.ids import Sid
from chaos.election.moments import Awaited


class Port(StrEnum):
    """The two ports of a server."""

    ELECTION = "election"
    QUORUM = "quorum"


class How(StrEnum):
    """What a blocked peer sees.

    SILENT drops packets. RESET drops and answers each with a reset, which breaks standing
    connections. REFUSE answers only attempts to connect, standing connections live on.
    """

    SILENT = "silent"
    RESET = "reset"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Cut:
    """Everything that ``source`` sends to ``target``, on both ports."""

    source: Sid
    target: Sid


@dataclass(frozen=True, slots=True)
class PortCut:
    """Traffic of the listening port of ``owner``: to it (``inbound``), or from it."""

    owner: Sid
    port: Port
    inbound: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL, and wait until it is reaped."""

    sid: Sid


@dataclass(frozen=True, slots=True)
class Terminate:
    """SIGTERM, and wait until it is reaped."""

    sid: Sid


@dataclass(frozen=True, slots=True)
class Launch:
    """Start a peer that is down, with its data or, if ``wipe``, without."""

    sid: Sid
    wipe: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP, and wait until the kernel reports the process stopped."""

    sid: Sid


@dataclass(frozen=True, slots=True)
class Resume:
    """SIGCONT."""

    sid: Sid


@dataclass(frozen=True, slots=True)
class Block:
    """Put cuts in place under ``name``."""

    name: str
    cuts: tuple[Cut | PortCut, ...]
    how: How = How.SILENT


@dataclass(frozen=True, slots=True)
class Unblock:
    """Take the cuts of ``name`` away; the evidence counts what they stopped."""

    name: str


@dataclass(frozen=True, slots=True)
class Slow:
    """Delay messages on directed links, on ``port`` or both, by a latency and a jitter about it."""

    name: str
    links: tuple[Cut, ...]
    latency_ns: int
    jitter_ns: int = 0
    distribution: str = "uniform"  # of chaos.wire.spread, which a sibling floor cannot import
    port: Port | None = None


@dataclass(frozen=True, slots=True)
class Lose:
    """Lose ``ppm`` of a million messages on directed links of the election port."""

    name: str
    links: tuple[Cut, ...]
    ppm: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Write ``ppm`` of a million messages twice, on directed links of the election port."""

    name: str
    links: tuple[Cut, ...]
    ppm: int


@dataclass(frozen=True, slots=True)
class Reorder:
    """Have ``ppm`` of a million messages overtaken by the next, on links of the election port.

    Each waits for that no longer than ``window_ns``.
    """

    name: str
    links: tuple[Cut, ...]
    ppm: int
    window_ns: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Change a byte of ``ppm`` of a million messages, on directed links of the election port."""

    name: str
    links: tuple[Cut, ...]
    ppm: int


@dataclass(frozen=True, slots=True)
class Throttle:
    """Let ``bytes_per_s`` through on each directed link, on ``port`` or on each of both."""

    name: str
    links: tuple[Cut, ...]
    bytes_per_s: int
    port: Port | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Write messages in pieces of ``size`` bytes, ``pause_ns`` between, on ``port`` or both."""

    name: str
    links: tuple[Cut, ...]
    size: int
    pause_ns: int = 0
    port: Port | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """End the message fault called ``name``; the evidence counts messages."""

    name: str


@dataclass(frozen=True, slots=True)
class TurnRound:
    """Move a peer's logical clock ``by`` or ``to``."""

    sid: Sid
    by: int | None = None
    to: int | None = None


@dataclass(frozen=True, slots=True)
class SetEpochs:
    """Change the stored epochs of a peer, in its memory if it runs, else on its disk."""

    sid: Sid
    accepted: int | None = None
    current: int | None = None


@dataclass(frozen=True, slots=True)
class SetZxid:
    """Change the last logged zxid of a peer, in its memory if it runs, else on its disk."""

    sid: Sid
    zxid: int


@dataclass(frozen=True, slots=True)
class SkewTimers:
    """Run a peer's timers at ``rate_ppm`` of true speed, shifted once by ``offset_ns``.

    1_000_000 is true speed; 2_000_000 makes each timer expire after half its time.
    """

    sid: Sid
    rate_ppm: int = 1_000_000
    offset_ns: int = 0


@dataclass(frozen=True, slots=True)
class Configure:
    """Give a peer a configuration: committed if ``activate``, else only proposed."""

    sid: Sid
    config: str
    activate: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """Have whoever leads commit ``per_s`` writes of ``payload`` bytes a second, as ``name``."""

    name: str
    per_s: int
    payload: int


@dataclass(frozen=True, slots=True)
class Unload:
    """End the :class:`Load` called ``name``; the evidence counts the writes that committed."""

    name: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Have each of ``sids`` hold at the ``nth`` moment that is ``awaited``, from now on.

    It handles nothing at all until it is let go, with its sockets open; the harness can still
    act on it. A peer that starts later holds too.
    """

    name: str
    sids: tuple[Sid, ...]
    awaited: Awaited
    nth: int = 1

    def without(self, sids: tuple[Sid, ...]) -> Hold | None:
        """What is left of it once ``sids`` are let go."""
        rest = tuple(sid for sid in self.sids if sid not in sids)
        return replace(self, sids=rest) if rest else None


@dataclass(frozen=True, slots=True)
class LetGo:
    """``sids`` hold no more because of the :class:`Hold` called ``name``.

    What they were about to do, they do now. ``again``: they hold at the next such moment.
    """

    name: str
    sids: tuple[Sid, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Attack:
    """Let an outsider connect to a port of each of ``targets`` until :class:`CallOff`.

    To each it opens ``per_s`` connections a second at most, of which no more than ``open_max``
    stand at once. What it says there, ``size`` bytes where it is garbage, is a word of
    :mod:`chaos.wire.nonsense`, which a sibling floor cannot import.
    """

    name: str
    targets: tuple[Sid, ...]
    port: Port
    kind: str
    per_s: int
    open_max: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class CallOff:
    """End the :class:`Attack` called ``name``; the evidence counts connections and bytes."""

    name: str


@dataclass(frozen=True, slots=True)
class SpoilDisk:
    """From now on each write of an epoch, a log or a configuration of ``sids`` lags or fails.

    It lags by ``lag_ns``, and fails (ENOSPC) where that is 0: the peer ends then.
    """

    name: str
    sids: tuple[Sid, ...]
    lag_ns: int = 0


@dataclass(frozen=True, slots=True)
class MendDisk:
    """End the :class:`SpoilDisk` called ``name``; the evidence counts writes that lagged."""

    name: str


@dataclass(frozen=True, slots=True)
class Burn:
    """Hold each of ``sids`` to its core, beside ``workers`` that want ``load_ppm`` of it each."""

    name: str
    sids: tuple[Sid, ...]
    load_ppm: int
    workers: int


@dataclass(frozen=True, slots=True)
class Cool:
    """End the :class:`Burn` called ``name``; the evidence says how busy the cores were."""

    name: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask about a peer from beside the run: by a command, or without one for the page at ``url``.

    The answer to question ``number`` of step ``name`` is an event of its own, and comes within
    ``timeout_ns``. It does nothing to the ensemble.
    """

    name: str
    sid: Sid
    number: int
    timeout_ns: int
    argv: tuple[str, ...] = ()
    url: str = ""


# What is done to messages; only a peer of our own can be told to, but for a loss.
Messages = Slow | Lose | Duplicate | Reorder | Corrupt | Throttle | Slice
HARMED: Final = ("duplicated", "overtaken", "corrupted", "throttled", "sliced")  # as counted

# What is done to a peer's ports, its disk and its core.
Around = Attack | CallOff | SpoilDisk | MendDisk | Burn | Cool

Action = (
    Kill
    | Terminate
    | Launch
    | Pause
    | Resume
    | Block
    | Unblock
    | Messages
    | Clear
    | TurnRound
    | SetEpochs
    | SetZxid
    | SkewTimers
    | Configure
    | Load
    | Unload
    | Hold
    | LetGo
    | Around
    | Ask
)

EVERY_ACTION: Final[frozenset[type[Action]]] = frozenset(get_args(Action))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that an action took effect.

    ``bit`` is ``None`` when only the end of the fault can tell: a block is in place, but
    whether it stopped anything shows in its counters when it is taken away.
    """

    bit: bool | None
    facts: Mapping[str, int | str] = field(default_factory=dict)
