"""Gated injections on real processes: does every gate hold, and does the fault come first?

Two of four peers are dead, so the others look for ever and say their votes again and again.
Each step of the plan holds whoever is about to do so, cuts its link, and lets it go. What is
counted here is read from the journals, apart from the verdicts of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from chaos.actions import Block, Hold, LetGo
from chaos.election.effects import Send
from chaos.election.ids import Sid
from chaos.history.events import Acted, Held, Stepped, Wrote
from chaos.history.history import History

HEAD = """
version: 1
name: bench-gates
requires: [message_gate]
ensemble:
  size: 4
  timings: {tick: 100ms, notification: {first: 4ms, max: 4ms}}
limits: {run_timeout: 300s}
steps:
  - {id: two-die, at: 0ms, fault: kill, target: [3, 4]}
  - {id: linked, wait: {time: 300ms}, why: the two that are left have to be linked}
"""
STEP = """\
  - id: g{number}
    when: {{event: notification_sent, by: [1, 2], peer: [1, 2], as: w{number}}}
    within: 5s
    fault: one_way
    target: {{from: $w{number}, to: {{of: [1, 2], except: [$w{number}]}}}}
    for: 1ms
    confirm: optional
"""


def plan(injections: int) -> str:
    """A plan of so many gated cuts."""
    return HEAD + "".join(STEP.format(number=number) for number in range(injections))


@dataclass(slots=True)
class Count:
    """What came of the injections; times in milliseconds."""

    wanted: int = 0
    held: int = 0
    missed: int = 0  # a peer at whom a gate was armed did what it was to hold at
    late: int = 0  # it did something of its own before the fault was in effect
    hold_ms: list[float] = field(default_factory=list)  # from the moment to the letting go
    whole_ms: list[float] = field(default_factory=list)  # from arming to the next arming

    def add(self, history: History, wanted: int) -> None:
        """Count one run."""
        self.wanted += wanted
        steps: dict[str, list[Acted]] = {}
        for _, event in history.every(Acted):
            steps.setdefault(event.step, []).append(event)
        journals: dict[Sid, list[Stepped | Wrote | Held]] = {}
        for line in history.events:
            if isinstance(line, Stepped | Wrote | Held):
                journals.setdefault(line.sid, []).append(line)
        for journal in journals.values():
            journal.sort(key=lambda line: line.seq)
        armed: list[int] = []
        for step, acts in steps.items():
            if step.startswith("g"):
                self._injection(step, acts, journals)
                armed.append(acts[0].at_ns)
        self.whole_ms += [(b - a) / 1e6 for a, b in pairwise(armed)]

    def _injection(
        self, step: str, acts: list[Acted], journals: dict[Sid, list[Stepped | Wrote | Held]]
    ) -> None:
        hold = next(one for one in acts if isinstance(one.action, Hold))
        block = next(one for one in acts if isinstance(one.action, Block))
        assert isinstance(hold.action, Hold)
        for sid in hold.action.sids:
            lines = journals[sid]
            free = next(one for one in acts if _frees(one, sid))
            held = next((e for e in lines if isinstance(e, Held) and e.name == step), None)
            until_ns = free.at_ns if held is None else held.at_ns
            self.missed += _missed(lines, hold.done_ns, until_ns)
            if held is None or not held.at_ns <= block.at_ns <= block.done_ns <= free.at_ns:
                continue  # the other of the two
            self.held += 1
            self.hold_ms.append((free.done_ns - held.at_ns) / 1e6)
            after = next((line for line in lines if line.seq > held.seq), None)
            self.late += after is not None and after.at_ns < block.done_ns


def _frees(acted: Acted, sid: Sid) -> bool:
    return isinstance(acted.action, LetGo) and sid in acted.action.sids


def _missed(lines: list[Stepped | Wrote | Held], since_ns: int, until_ns: int) -> int:
    """How often a peer sent what it was to hold at, without holding."""
    stops = {event.line for event in lines if isinstance(event, Held)}
    return sum(
        isinstance(event, Stepped)
        and since_ns < event.at_ns < until_ns
        and event.seq not in stops
        and any(isinstance(e, Send) and {1, 2} & set(e.to) for e in event.effects)
        for event in lines
    )
