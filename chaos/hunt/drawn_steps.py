"""The steps of a random plan: faults one after the other, at once, and at events of the protocol.

What is drawn leaves peers in a state that some ensemble could be in: of an ensemble that counts
heads one voter at a time leaves or comes back, so that quorums of before and after meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_SHAPES: Final = ("halves", "majority", "minority", "ring", "bridge")
_ANYWAY: Final = "confirm: optional"  # a peer may be down, a link silent: no plan is for that
_GROUPS: Final = ("all", "voters", "{pick: 1, of: voters}", "{pick: 1, of: all}")
_SOME: Final = "{pick: 1, of: voters}"
_TWO: Final = "{pick: 2, of: all}"
_EVENTS: Final = (
    "notification_sent",
    "notification_received",
    "vote_changed",
    "quorum_seen",
    "finalize_started",
    "finalize_restarted",
    "finalize_ended",
    "decided",
    "link_opened",
    "packet_sent",
    "packet_received",
    "epoch_persisted",
    "stepped_down",
)
_LONG_MS: Final = 60_000  # longer than any fault
_PACKETS: Final = ("FOLLOWERINFO", "LEADERINFO", "ACKEPOCH", "NEWLEADER", "ACK", "UPTODATE", "PING")


@dataclass(frozen=True, slots=True)
class Step:
    """One step as text; by the plan's clock the last of it, ``name``, is over at ``over_ms``."""

    name: str
    text: str
    over_ms: int
    ends: bool = True  # some are over at once, and have no end


@dataclass(slots=True)
class _Draw:
    """What a step is drawn from: ``size`` voters with the lowest sids, then the observers."""

    dice: Random
    size: int
    observers: int
    by_heads: bool


def steps(dice: Random, size: int, observers: int, *, by_heads: bool, settles: bool) -> list[Step]:
    """One to six faults, and then perhaps a change of the members, for which a leader has to be."""
    draw, found, at_ms = _Draw(dice, size, observers, by_heads), list[Step](), 0
    if dice.randrange(6) == 0:
        found.append(_workload(draw))
    changes = settles and by_heads and size > 2 and dice.randrange(4) == 0
    for number in range(1, dice.randint(2, 7)):
        at_ms += dice.choice((0, dice.randint(0, 300), dice.randint(200, 2500)))
        found.append(_step(draw, f"f{number}", at_ms))
    if changes:
        found.append(_change(draw, max(found, key=lambda step: step.over_ms)))
    return found


def _step(draw: _Draw, name: str, at_ms: int) -> Step:
    dice = draw.dice
    lot = dice.randrange(12)
    if lot == 0:
        text = f"  - {{id: {name}, at: {at_ms}ms, {_skew(draw)}, {_ANYWAY}}}\n"
        return Step(name, text, at_ms, ends=False)
    if lot == 1:
        return _together(draw, name, at_ms)
    for_ms = dice.choice((dice.randint(20, 400), dice.randint(200, 3000)))
    what = f"{_fault(draw)}, for: {for_ms}ms, {_ANYWAY}"
    if lot in (2, 3):
        return _gated(draw, name, at_ms, what)
    return Step(name, f"  - {{id: {name}, at: {at_ms}ms, {what}}}\n", at_ms + for_ms)


def _together(draw: _Draw, name: str, at_ms: int) -> Step:
    """Two or three faults that begin at once."""
    dice = draw.dice
    inside, over, last = "", 0, ""
    for letter in "abc"[: dice.randint(2, 3)]:
        for_ms = dice.randint(100, 2000)
        one = f"{{id: {name}{letter}, {_fault(draw)}, for: {for_ms}ms, {_ANYWAY}}}"
        inside += f"      - {one}\n"
        if for_ms > over:
            over, last = for_ms, f"{name}{letter}"
    text = f"  - id: {name}\n    at: {at_ms}ms\n    parallel:\n{inside}"
    return Step(last, text, at_ms + over)


def _gated(draw: _Draw, name: str, at_ms: int, what: str) -> Step:
    """A fault at an event; when it is over only its own end knows, so a note waits for that."""
    dice = draw.dice
    event = dice.choice(_EVENTS)
    said = [f"event: {event}", f"by: {dice.choice(('all', 'voters', _sid(draw)))}"]
    if event.startswith("packet"):
        said.append(f"packet: {dice.choice(_PACKETS)}")
    said.append(f"nth: {dice.choice((1, 1, 2, 5))}")
    if dice.randrange(3) == 0:
        said.append("mode: observe")
    when = f"when: {{{', '.join(said)}}}, within: {dice.choice((500, 2000))}ms, otherwise: run"
    note = f"  - {{id: {name}n, after: {{step: {name}, edge: ended}}, note: it is over}}\n"
    text = f"  - {{id: {name}, at: {at_ms}ms, {when}, {what}}}\n{note}"
    return Step(name, text, at_ms)


def _workload(draw: _Draw) -> Step:
    rate, for_ms = draw.dice.choice((5, 20, 50)), draw.dice.randint(500, 6000)
    what = f"workload: {{writes_per_s: {rate}}}, for: {for_ms}ms, {_ANYWAY}"
    return Step("work", f"  - {{id: work, at: 0ms, {what}}}\n", for_ms)


def _change(draw: _Draw, before: Step) -> Step:
    """A voter leaves, or votes no more, once there is a leader; then perhaps it comes back."""
    dice = draw.dice
    who = dice.randint(1, draw.size)
    away, back = dice.choice((("remove", "add"), ("observers", "participants")))
    moment = f"{{step: {before.name}, edge: ended}}" if before.ends else before.name
    up, over = "{outcome: leader, hold_for: 500ms}", f"{before.name}z"
    fault = f"{_fault(draw)}, for: {dice.randint(50, 2000)}ms, {_ANYWAY}"
    text = (
        f"  - {{id: led, after: {moment}, wait: {up}, within: 60s}}\n"
        f"  - {{id: less, change: {{{away}: [{who}]}}, within: 5s}}\n"
        f"  - {{id: {over}, {fault}}}\n"
    )
    if dice.randrange(2):
        text += (
            f"  - {{id: again, after: {{step: {over}, edge: ended}}, wait: {up}, within: 60s}}\n"
            f"  - {{id: more, change: {{{back}: [{who}]}}, within: 5s}}\n"
        )
    return Step(over, text, before.over_ms + _LONG_MS)


# ---- what is done


def _sid(draw: _Draw) -> str:
    return str(draw.dice.randint(1, draw.size))


def _skew(draw: _Draw) -> str:
    """It is over at once."""
    dice = draw.dice
    return dice.choice(
        (
            f"fault: skew_logical_clock, target: {_SOME}, with: {{by: {dice.choice((1, 3, -2))}}}",
            f"fault: skew_logical_clock, target: all, with: {{to: {dice.choice((0, 7, 100))}}}",
            f"fault: skew_peer_epoch, target: {_SOME}, with: {{accepted: {{by: 1}}}}",
            f"fault: skew_zxid, target: {_SOME}, with: {{by: {dice.choice((1, 4))}}}",
            f"fault: bump_config_version, target: {dice.choice(('all', _SOME))}, with: {{by: 1}}",
        )
    )


def _fault(draw: _Draw) -> str:
    dice, sid = draw.dice, _sid(draw)
    target = dice.choice((*_GROUPS, sid, sid, *((_TWO,) if draw.size > 1 else ())))
    some = dice.choice((target, _SOME))
    drop = dice.choice(("silent", "reset"))
    ended = dice.choice(("restart: after", "restart: after", "restart: after, wipe: true"))
    lots: tuple[str, ...] = (
        f"fault: pause, target: {some}",
        f"fault: kill, target: {some}, with: {{{ended}}}",
        f"fault: terminate, target: {some}, with: {{restart: after}}",
        f"fault: loss, target: {target}, with: {{percent: {dice.randint(10, 90)}%}}",
        f"fault: delay, target: {target}, with: {{{_latency(dice)}}}",
        f'fault: skew_timers, target: {some}, with: {{rate: "{dice.choice((0.5, 0.8, 1.5, 2))}"}}',
        _tampering(dice, target),
    )
    if draw.size > 1:
        other = dice.choice(("all", "voters", sid))
        lots += (
            f"fault: isolate, target: {some}, with: {{drop: {drop}}}",
            f"fault: one_way, target: {{from: {some}, to: {other}}}, with: {{drop: {drop}}}",
            f"fault: one_way, target: {{from: all, to: {_SOME}}}, with: {{drop: {drop}}}",
            f"fault: delay, target: links, with: {{{_latency(dice)}}}",
            f"fault: loss, target: {{from: {some}, to: all}}, with: {{percent: 70%}}",
            _tampering(dice, dice.choice((f"{{from: {some}, to: all}}", "links"))),
            f"fault: partition, with: {{shape: {_shape(draw)}, drop: {drop}}}",
            _port(dice, some, drop),
        )
    return dice.choice(lots)


def _shape(draw: _Draw) -> str:
    """Weights may leave nobody whom a quorum can spare."""
    spare = draw.by_heads and draw.size > 2
    return draw.dice.choice(_SHAPES) if spare else "halves"


def _latency(dice: Random) -> str:
    shape = dice.choice(("uniform", "normal", "exponential"))
    latency, jitter = dice.randint(1, 300), dice.choice((2, 9, 60))
    return f"latency: {latency}ms, jitter: {jitter}ms, distribution: {shape}"


def _port(dice: Random, target: str, drop: str) -> str:
    port = dice.choice(("election", "quorum"))
    direction = dice.choice(("in", "out", "both"))
    how = f"port: {port}, direction: {direction}, how: {drop}"
    return f"fault: block_port, target: {target}, with: {{{how}}}"


def _tampering(dice: Random, target: str) -> str:
    """What is done to messages beside losing and delaying them."""
    share = f"percent: {dice.choice((5, 30, 100))}%"
    port = dice.choice(("", ", port: election", ", port: quorum"))
    fault, how = dice.choice(
        (
            ("duplicate", share),
            ("reorder", f"{share}, window: {dice.choice((20, 200, 2000))}ms"),
            ("corrupt", share),
            ("throttle", f"rate: {dice.choice(('200B', '4KiB', '1MiB'))}/s{port}"),
            ("slice", f"size: {dice.choice((1, 7, 60))}, pause: {dice.choice((0, 1, 9))}ms{port}"),
        )
    )
    return f"fault: {fault}, target: {target}, with: {{{how}}}"
