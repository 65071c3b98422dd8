"""Random plans in which things are done to peers that hold at a gate, for safety alone.

What a peer is told there comes between the decision of a step and its effects: no other place is
as easily misjudged. A plan is made by its seed alone. Members may leave meanwhile. It waits for a
leader and goes on without one: what is moved may well keep a member out for good.
"""

from __future__ import annotations

import random
from typing import Final

from chaos.plan.load import load_plan
from chaos.plan.model import Plan

_HEAD: Final = """\
version: 1
name: told-{seed}
ensemble:
  size: {size}
  defaults: {{accepted_epoch: 3}}
  timings:
    tick: 100ms
    init_limit: 10
    sync_limit: 5
    connect_timeout: 500ms
    notification: {{first: 200ms, max: 1s}}
steps:
"""
_SETTLED: Final = "outcome: leader, seen_by: all, hold_for: 200ms"
_EVENTS: Final = (
    *("state_changed", "vote_changed", "quorum_seen", "decided", "stepped_down"),
    *("notification_sent", "notification_received", "notification_ignored"),
    *("finalize_started", "finalize_restarted", "finalize_ended", "link_opened", "link_broken"),
    *("epoch_persisted", "epoch_persisted", "configuration_adopted"),
)
_PACKETS: Final = (
    *("FOLLOWERINFO", "LEADERINFO", "ACKEPOCH", "DIFF", "SNAP", "NEWLEADER", "ACK", "UPTODATE"),
    *("PING", "PROPOSAL", "COMMIT"),
)


def told_text(seed: int) -> str:
    """The plan of a seed."""
    dice = random.Random(f"told/{seed}")
    steps: list[str] = []
    anybody = "{pick: 1, of: voters}"
    whom = anybody
    if dice.random() < 0.7:
        steps.append(f"id: up, wait: {{{_SETTLED}}}, within: 5s")
        whom = dice.choice(("leader", anybody))
    if dice.random() < 0.5:
        rate = dice.choice((20, 100))
        steps.append(f"id: work, workload: {{writes_per_s: {rate}}}, for: 6s, confirm: optional")
    if dice.random() < 0.8:
        fault, for_ms = dice.choice(("kill", "terminate")), dice.choice((300, 1000, 2500))
        what = f"fault: {fault}, target: {whom}, with: {{restart: after}}, for: {for_ms}ms"
        steps.append(f"id: gone, {what}")
    steps += [_held(dice, number) for number in range(dice.choice((1, 1, 2, 3)))]
    steps.append(f"id: settled, wait: {{{_SETTLED}}}, within: 8s, otherwise: run")
    head = _HEAD.format(seed=seed, size=dice.choice((3, 3, 4, 5)))
    return head + "".join(f"  - {{{step}}}\n" for step in steps)


def told(seed: int) -> Plan:
    """The plan of a seed, read."""
    return load_plan(told_text(seed), f"told-{seed}.yaml")


def _held(dice: random.Random, number: int) -> str:
    """One step: something at one gate, at two that are armed together, or a change of members."""
    lot = dice.randrange(8)
    if lot == 0:
        return f"id: less{number}, change: {{remove: [{dice.randint(1, 3)}]}}, within: 3s"
    if lot > 2:
        return _told(dice, f"{number}")
    both = ", ".join(f"{{{_told(dice, f'{number}{letter}')}}}" for letter in "ab")
    return f"id: both{number}, parallel: [{both}]"


def _told(dice: random.Random, number: str) -> str:
    event = dice.choice(_EVENTS)
    if dice.random() < 0.5:
        way = dice.choice(("packet_sent", "packet_received"))
        event = f"{way}, packet: {dice.choice(_PACKETS)}"
    who = f"$held{number}"
    target = dice.choice((*[who] * 4, f"{{pick: 1, of: voters, except: [{who}]}}"))
    when = f"event: {event}, by: voters, nth: {dice.choice((1, 1, 2, 3))}, as: held{number}"
    what = f"{dice.choice((_fault, _moved))(dice)}, confirm: optional".replace("WHOM", target)
    return f"id: told{number}, when: {{{when}}}, within: 2s, otherwise: skip, {what}"


def _fault(dice: random.Random) -> str:
    """A fault that takes a while, of ``WHOM``."""
    what = dice.choice(
        (
            "pause, target: WHOM",
            "kill, target: WHOM, with: {restart: after}",
            "kill, target: WHOM, with: {restart: after, wipe: true}",
            "terminate, target: WHOM, with: {restart: after}",
            "disk_full, target: WHOM",
            "slow_disk, target: WHOM, with: {latency: 30ms}",
            "isolate, target: WHOM, with: {drop: silent}",
            "one_way, target: {from: WHOM, to: all}, with: {drop: reset}",
            "block_port, target: WHOM, with: {port: election, how: reset}",
            "block_port, target: WHOM, with: {port: quorum, how: refuse}",
            f"skew_timers, target: WHOM, with: {{rate: {dice.choice((0.5, 2.0))}}}",
        )
    )
    return f"fault: {what}, for: {dice.choice((100, 600, 1500))}ms"


def _moved(dice: random.Random) -> str:
    """What is over at once: another round, epoch, log or configuration."""
    by = dice.choice((-2, -1, 1, 2))
    both = f"{{accepted: {{by: {by}}}, current: {{by: {by}}}}}"
    version = f"{{by: {abs(by)}{dice.choice(('', ', activate: false'))}}}"
    what = dice.choice(
        (
            *[f"skew_logical_clock, with: {{by: {dice.choice((-3, by, 5))}}}"] * 2,
            *[f"skew_peer_epoch, with: {both}"] * 2,
            f"skew_peer_epoch, with: {{accepted: {{by: {abs(by)}}}}}",
            f"skew_peer_epoch, with: {{current: {{by: {-abs(by)}}}}}",
            *[f"skew_zxid, with: {{by: {by}}}"] * 2,
            *[f"bump_config_version, with: {version}"] * 2,
        )
    )
    return f"fault: {what}, target: WHOM"
