"""Random plans: a seed gives an ensemble and what is done to it, as the text of a plan.

Every fault ends by itself, and the last step waits for a leader: whatever happened before, peers
that are left alone have to find one. Where an ensemble's timings let an election go on for ever,
the last step only lets time pass. A plan is text, so what alarmed can be kept and run again.
"""

from __future__ import annotations

from random import Random
from typing import Final

from chaos.hunt.drawn_steps import Step, steps
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
_SETTLED: Final = """\
  - id: settled
    after: {last}
    wait: {{outcome: leader, hold_for: 300ms}}
    within: 60s
"""
_PASSED: Final = """\
  - id: passed
    after: {last}
    wait: {{time: 5s}}
    why: "with these timings an election need not end"
"""
_LIMITS: Final = "limits: {run_timeout: 5m}\n"
_SIZES: Final = (1, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 7)
_HASTY: Final = 24  # one plan in so many has timings that let an election go on for ever


def drawn(seed: int) -> Plan:
    """The plan of ``seed``."""
    return load_plan(drawn_text(seed), f"drawn-{seed}.yaml")


def drawn_text(seed: int) -> str:
    """The same as text."""
    dice = Random(f"drawn/{seed}")
    kind = dice.choice(("majority", "majority", "majority", "weighted", "hierarchical"))
    size, observers = dice.choice(_SIZES), dice.choice((0, 0, 0, 1, 2))
    hasty = dice.randrange(_HASTY) == 0
    head = _HEAD.format(
        seed=seed, ensemble=_ensemble(dice, kind, size, observers), **_timings(dice, hasty=hasty)
    )
    done = steps(dice, size, observers, by_heads=kind == "majority", settles=not hasty)
    return head + "".join(step.text for step in done) + _tail(done, hasty=hasty) + _LIMITS


def _tail(done: list[Step], *, hasty: bool) -> str:
    """What comes when the last fault is over."""
    last = max(done, key=lambda step: step.over_ms)
    moment = f"{{step: {last.name}, edge: ended}}" if last.ends else last.name
    return (_PASSED if hasty else _SETTLED).format(last=moment)


def _timings(dice: Random, *, hasty: bool) -> dict[str, int]:
    """A leader waits for longer than the other half needs, unless they are hasty."""
    tick, finalize, first = (
        dice.choice((50, 100, 200)),
        dice.choice((100, 200)),
        dice.choice((100, 200)),
    )
    init = dice.choice((5, 10))
    most = dice.choice((800, 1600))
    if hasty:
        first, most = dice.choice(((50, 50), (50, 100), (first, most)))
    else:
        while tick * init <= first + finalize:
            init += 1
    sync = dice.choice((3, 5))
    return {
        "tick": tick,
        "init": init,
        "sync": sync,
        "finalize": finalize,
        "first": first,
        "most": most,
    }


def _ensemble(dice: Random, kind: str, size: int, observers: int) -> str:
    """Peers with disks that some run could have left; not every vote need weigh."""
    epoch = dice.choice((0, 0, 1, 3))
    groups, heaviest = dice.choice((2, 3, 3)), dice.choice((2, 2, 3))
    lines = [f"  quorum: {kind}", "  defaults: {config_version: 1}", "  peers:"]
    for sid in range(1, size + observers + 1):
        said = [f"id: {sid}"]
        if sid > size:
            said.append("role: observer")
        elif kind != "majority":
            said.append(f"weight: {1 if sid <= 2 else dice.choice((0, 1, 1, heaviest))}")
        if kind == "hierarchical" and sid <= size:
            said.append(f"group: {sid % groups}")
        said += _disk(dice, epoch)
        lines.append(f"    - {{{', '.join(said)}}}")
    return "\n".join([*lines, *_links(dice)])


def _links(dice: Random) -> list[str]:
    """Slow from the start, some of them."""
    if dice.randrange(4):
        return []
    slow = f"{{latency: {dice.choice((1, 3, 8))}ms, jitter: {dice.choice((0, 1, 5))}ms}}"
    return ["  links:", f"    default: {slow}"]


def _disk(dice: Random, epoch: int) -> list[str]:
    """No peer is in a later epoch than ``epoch``, nor has it promised one far above."""
    if not epoch:
        return []
    of = dice.choice((epoch, epoch, epoch - 1))
    zxid = f"{of << 32 | dice.choice((1, 2, 5)):#x}" if of else "0x0"
    accepted = of + dice.choice((0, 0, 0, 1))
    return [f'zxid: "{zxid}"', f"epoch: {of}", f"accepted_epoch: {accepted}"]
