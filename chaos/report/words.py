"""Times, numbers, actions and events in words for a page.

Times are nanoseconds; what is shown is relative to time zero of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chaos.actions import (
    Action,
    Ask,
    Attack,
    Block,
    Burn,
    CallOff,
    Clear,
    Configure,
    Cool,
    Corrupt,
    Cut,
    Duplicate,
    Hold,
    Kill,
    Launch,
    LetGo,
    Load,
    Lose,
    MendDisk,
    Messages,
    Pause,
    Port,
    PortCut,
    Reorder,
    Resume,
    SetEpochs,
    SetZxid,
    SkewTimers,
    Slice,
    Slow,
    SpoilDisk,
    Terminate,
    Throttle,
    TurnRound,
    Unblock,
    Unload,
)
from chaos.election.ids import hex64
from chaos.election.notification import ServerState
from chaos.verify.verdict import Outcome

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000

LETTERS: Final = {
    ServerState.LOOKING: "L",
    ServerState.FOLLOWING: "F",
    ServerState.LEADING: "★",
    ServerState.OBSERVING: "O",
}
OUTCOMES: Final = {
    Outcome.HOLDS: "✓",
    Outcome.FAILS: "✗",
    Outcome.UNKNOWN: "?",
    Outcome.NOT_EXERCISED: "·",
}
ENDINGS: Final = {  # exit code: sign, word, what it means
    0: ("✓", "PASS", "Every expectation and invariant held."),
    1: ("✗", "FAIL", "An expectation failed."),
    2: ("!", "INVALID", "The plan cannot be used."),
    3: ("?", "INCONCLUSIVE", "What was asked could not be decided."),
    4: ("!", "INFRASTRUCTURE", "The host could not give what the run needs."),
    5: ("·", "NOTHING RAN", "No plan ran."),
    6: ("✗", "REGRESSED", "Slower than the baseline."),
    7: ("✗", "UNSAFE", "A safety invariant is broken."),
    8: ("!", "RESIDUE", "Clean-up left something on the host."),
    130: ("!", "INTERRUPTED", "Interrupted; what was seen until then follows."),
    143: ("!", "INTERRUPTED", "Terminated; what was seen until then follows."),
}

_EXPECTED: Final = ("x", "EXPECTED FAILURE", "What failed is a known issue, which the plan names.")


def ending(code: int, *, expected: bool) -> tuple[str, str, str]:
    """Sign, word and meaning of a run with this exit code; ``expected``: some failure was."""
    if expected and code == 0:
        return _EXPECTED
    unnamed = ("?", f"EXIT {code}", "This exit code has no name here.")
    return ENDINGS.get(code, unnamed)


def duration(span_ns: int) -> str:
    """A length of time in three or four digits: ``3.42 ms``, ``331 ms``, ``1.204 s``.

    Number and unit stay on one line.
    """
    size = abs(span_ns)
    if size < 999_500_000:
        digits = 2 if size < 9_995_000 else 1 if size < 99_950_000 else 0
        return f"{_signed(span_ns / MS, digits)}\u00a0ms"
    return f"{_signed(span_ns / SECOND, 3 if size < 100 * SECOND else 1)}\u00a0s"


def moment(at_ns: int) -> str:
    """A moment since time zero, ``4.4012 s``: a tenth of a millisecond can be told."""
    return f"{_signed(at_ns / SECOND, 4)}\u00a0s"


def _signed(value: float, digits: int) -> str:
    """With a minus sign, not a hyphen, and none before a zero."""
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


def count(number: int, one: str, many: str = "") -> str:
    """``1 message``, ``12,400 messages``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sids(numbers: Iterable[int]) -> str:
    """``peer 3``, ``peers 1, 4 and 5``, ``nobody``."""
    names = [str(number) for number in numbers]
    if not names:
        return "nobody"
    if len(names) == 1:
        return f"peer {names[0]}"
    return f"peers {', '.join(names[:-1])} and {names[-1]}"


def candidate(leader: int) -> str:
    """Whom a vote is for; an observer's is for nobody."""
    return "nobody" if leader < 0 else str(leader)


def vote(leader: int, zxid: int, round_: int) -> str:
    """A vote as a label: ``5 · 0x100000003 · r2``."""
    log = "–" if leader < 0 else hex64(zxid)
    return f"{candidate(leader)} · {log} · r{round_}"


def state(number: int) -> str:
    """A state by its number on the wire, which may be any."""
    known = number in ServerState.__members__.values()
    return ServerState(number).name if known else f"state {number}"


def cuts(found: Iterable[Cut | PortCut]) -> str:
    """Cuts as ``1→3, 3→1`` and ``in to election of 2``."""
    parts = []
    for cut in found:
        match cut:
            case Cut():
                parts.append(f"{cut.source}→{cut.target}")
            case PortCut():
                way = "into" if cut.inbound else "out of"
                parts.append(f"{way} {cut.owner}'s {cut.port.value} port")
    if len(parts) > 12:
        return f"{', '.join(parts[:12])} and {len(parts) - 12} more"
    return ", ".join(parts)


def action(done: Action) -> str:  # noqa: PLR0911 - one return for each kind
    """What was done to the ensemble, as a sentence without its subject."""
    match done:
        case Kill() | Terminate() | Launch() | Pause() | Resume():
            return _process(done)
        case Block() | Unblock() | Clear():
            return _link(done)
        case _ if isinstance(done, Messages):
            return _messages(done)
        case Load() | Unload() | Ask():
            return _beside(done)
        case Hold() | LetGo():
            return _gate(done)
        case Attack() | CallOff() | SpoilDisk() | MendDisk() | Burn() | Cool():
            return _around(done)
        case _:
            return _skew(done)


def _process(done: Kill | Terminate | Launch | Pause | Resume) -> str:
    match done:
        case Kill(sid=sid):
            return f"kill peer {sid} (SIGKILL)"
        case Terminate(sid=sid):
            return f"terminate peer {sid} (SIGTERM)"
        case Launch(sid=sid, wipe=wipe):
            return f"start peer {sid} {'without its data' if wipe else 'with its data'}"
        case Pause(sid=sid):
            return f"pause peer {sid} (SIGSTOP)"
        case Resume(sid=sid):
            return f"resume peer {sid} (SIGCONT)"


def _link(done: Block | Unblock | Clear) -> str:
    match done:
        case Block():
            return f"block {cuts(done.cuts)} ({done.how.value})"
        case Unblock(name=name):
            return f"take block {name} away"
        case Clear(name=name):
            return f"end {name}"


def _messages(done: Messages) -> str:
    where = cuts(done.links)
    match done:
        case Slow():
            jitter = f" ± {duration(done.jitter_ns)}" if done.jitter_ns else ""
            if jitter and done.distribution != "uniform":
                jitter += f" ({done.distribution})"
            by = f"{duration(done.latency_ns)}{jitter}"
            return f"delay {where}{_of_port(done.port)} by {by}"
        case Throttle(bytes_per_s=rate):
            return f"let {rate} bytes a second through on {where}{_of_port(done.port)}"
        case Slice(size=size):
            pause = f", {duration(done.pause_ns)} apart" if done.pause_ns else ""
            return f"cut messages on {where}{_of_port(done.port)} into pieces of {size} B{pause}"
        case _:
            return f"{_BY_LOT[type(done)]} {done.ppm / 10_000:g} % of messages on {where}"


_BY_LOT: Final[Mapping[type[Messages], str]] = {
    Lose: "lose",
    Duplicate: "write twice",
    Reorder: "let the next overtake",
    Corrupt: "change a byte of",
}


def _of_port(port: Port | None) -> str:
    return "" if port is None else f" ({port.value} port)"


def _beside(done: Load | Unload | Ask) -> str:
    match done:
        case Ask():
            return f"ask about peer {done.sid}: {' '.join(done.argv) or done.url}"
        case Load():
            return f"have {done.per_s} writes a second of {done.payload} bytes committed"
        case Unload(name=name):
            return f"end workload {name}"


def _around(done: Attack | CallOff | SpoilDisk | MendDisk | Burn | Cool) -> str:
    """What is done to a peer's ports, its disk and its core."""
    match done:
        case Attack() | CallOff():
            return _attack(done)
        case SpoilDisk() | MendDisk():
            return _disk(done)
        case Burn():
            many = count(done.workers, "worker")
            return f"put {many} beside {sids(done.sids)} ({done.load_ppm / 10_000:g} % each)"
        case Cool():
            return f"end load {done.name}"


def _attack(done: Attack | CallOff) -> str:
    if isinstance(done, CallOff):
        return f"call the outsider of {done.name} off"
    port, what = done.port.value, done.kind
    return f"let an outsider go to the {port} port of {sids(done.targets)} ({what})"


def _disk(done: SpoilDisk | MendDisk) -> str:
    if isinstance(done, MendDisk):
        return f"end disk fault {done.name}"
    whose = f"the disk of {sids(done.sids)}"
    if done.lag_ns:
        return f"have each write to {whose} take {duration(done.lag_ns)} longer"
    return f"leave no room on {whose}"


def _gate(done: Hold | LetGo) -> str:
    whom = sids(done.sids)
    if isinstance(done, LetGo):
        return f"let {whom} go{' until the next such moment' if done.again else ''}"
    kind = done.awaited.kind.value.replace("_", " ")
    return f"have {whom} hold at {kind}{f' number {done.nth}' if done.nth > 1 else ''}"


def _skew(done: TurnRound | SetEpochs | SetZxid | SkewTimers | Configure) -> str:
    match done:
        case TurnRound():
            way = f"by {done.by:+}" if done.by is not None else f"to {done.to}"
            return f"move the logical clock of peer {done.sid} {way}"
        case SetEpochs():
            asked = (("accepted", done.accepted), ("current", done.current))
            parts = [f"{name} {epoch}" for name, epoch in asked if epoch is not None]
            return f"set the epochs of peer {done.sid}: {', '.join(parts)}"
        case SetZxid():
            return f"set the last zxid of peer {done.sid} to {hex64(done.zxid)}"
        case SkewTimers():
            speed = f"{done.rate_ppm / 1_000_000:g} × true speed"
            shift = f", shifted {duration(done.offset_ns)}" if done.offset_ns else ""
            return f"run the timers of peer {done.sid} at {speed}{shift}"
        case Configure():
            verb = "commit" if done.activate else "propose"
            return f"{verb} a configuration at peer {done.sid}"
