"""Random plans: a seed gives an ensemble and what is done to it, as the text of a plan.

Every fault ends by itself, and the last step waits for a leader: whatever happened before, peers
that are left alone have to find one. A plan is text, so what alarmed can be kept and run again.
"""

from __future__ import annotations

from random import Random
from typing import Final

from chaos.plan.load import load_plan
from chaos.plan.model import Plan

_HEAD: Final = """\
version: 1
name: drawn-{seed}
ensemble:
{ensemble}
  timings:
    tick: {tick}ms
    init_limit: {init}
    sync_limit: {sync}
    connect_timeout: 500ms
    finalize_wait: {finalize}ms
    notification: {{first: {first}ms, max: {most}ms}}
steps:
"""
_TAIL: Final = """\
  - id: settled
    after: {{step: {last}, edge: ended}}
    wait: {{outcome: leader, hold_for: 300ms}}
    within: 60s
limits: {{run_timeout: 5m}}
"""
_ANYWAY: Final = "confirm: optional"  # a peer may be down, a link silent: no plan is for that
_GROUPS: Final = ("all", "voters", "{pick: 1, of: voters}", "{pick: 1, of: all}")


def drawn(seed: int) -> Plan:
    """The plan of ``seed``."""
    return load_plan(drawn_text(seed), f"drawn-{seed}.yaml")


def drawn_text(seed: int) -> str:
    """The same as text."""
    dice = Random(f"drawn/{seed}")
    size = dice.choice((1, 2, 3, 3, 3, 4, 5, 5, 6, 7))
    tick = dice.choice((50, 100, 200))
    head = _HEAD.format(
        seed=seed,
        ensemble=_ensemble(dice, size),
        tick=tick,
        init=dice.choice((5, 10)),
        sync=dice.choice((3, 5)),
        finalize=dice.choice((100, 200)),
        first=dice.choice((100, 200)),
        most=dice.choice((800, 1600)),
    )
    steps, at_ms, over_ms, last = "", 0, 0, ""
    for number in range(1, dice.randint(2, 7)):
        at_ms += dice.choice((0, dice.randint(0, 300), dice.randint(200, 2500)))
        for_ms = dice.choice((dice.randint(20, 400), dice.randint(200, 3000)))
        name = f"f{number}"
        steps += (
            f"  - {{id: {name}, at: {at_ms}ms, {_fault(dice, size)}, for: {for_ms}ms, {_ANYWAY}}}\n"
        )
        if at_ms + for_ms >= over_ms:
            over_ms, last = at_ms + for_ms, name
    return head + steps + _TAIL.format(last=last)


def _ensemble(dice: Random, size: int) -> str:
    """Peers with disks that some run could have left; not every vote need weigh."""
    kind = dice.choice(("majority", "majority", "majority", "weighted", "hierarchical"))
    epoch = dice.choice((0, 0, 1, 3))
    observers = dice.choice((0, 0, 0, 1, 2))
    lines = [f"  quorum: {kind}", "  defaults: {config_version: 1}", "  peers:"]
    for sid in range(1, size + observers + 1):
        said = [f"id: {sid}"]
        if sid > size:
            said.append("role: observer")
        elif kind != "majority":
            said.append(f"weight: {1 if sid <= 2 else dice.choice((0, 1, 1, 2))}")
        if kind == "hierarchical" and sid <= size:
            said.append(f"group: {sid % 3}")
        said += _disk(dice, epoch)
        lines.append(f"    - {{{', '.join(said)}}}")
    return "\n".join(lines)


def _disk(dice: Random, epoch: int) -> list[str]:
    """No peer is in a later epoch than ``epoch``, nor has it promised one far above."""
    if not epoch:
        return []
    of = dice.choice((epoch, epoch, epoch - 1))
    zxid = f"{of << 32 | dice.choice((1, 2, 5)):#x}" if of else "0x0"
    accepted = of + dice.choice((0, 0, 0, 1))
    return [f'zxid: "{zxid}"', f"epoch: {of}", f"accepted_epoch: {accepted}"]


def _fault(dice: Random, size: int) -> str:
    target = dice.choice((*_GROUPS, str(dice.randint(1, size)), str(dice.randint(1, size))))
    some = dice.choice((target, "{pick: 1, of: voters}"))
    drop = dice.choice(("silent", "reset"))
    lots: tuple[str, ...] = (
        f"fault: pause, target: {some}",
        f"fault: kill, target: {some}, with: {{restart: after}}",
        f"fault: terminate, target: {some}, with: {{restart: after}}",
        f"fault: loss, target: {target}, with: {{percent: {dice.randint(10, 90)}%}}",
        f"fault: delay, target: {target}, with: {{latency: {dice.randint(1, 300)}ms, jitter: 9ms}}",
        f'fault: skew_timers, target: {some}, with: {{rate: "{dice.choice((0.5, 0.8, 1.5, 2))}"}}',
    )
    if size > 1:
        lots += (
            f"fault: isolate, target: {some}, with: {{drop: {drop}}}",
            f"fault: one_way, target: {{from: {some}, to: all}}",
            f"fault: partition, with: {{shape: halves, drop: {drop}}}",
            _port(dice, some, drop),
        )
    return dice.choice(lots)


def _port(dice: Random, target: str, drop: str) -> str:
    port = dice.choice(("election", "quorum"))
    how = f"port: {port}, direction: both, how: {drop}"
    return f"fault: block_port, target: {target}, with: {{{how}}}"
