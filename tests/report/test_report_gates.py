"""A peer that holds at a gate is drawn so, on its own lane, for as long as it held."""

from __future__ import annotations

from pathlib import Path

from chaos.election.ids import Sid
from chaos.history.events import Held
from chaos.report.bands import bands, held
from chaos.report.lanes import Look, segments
from chaos.report.telling import what
from tests.runner.stage import MS, Led, lead, plan

STEPS = """\
steps:
  - id: hit
    when: {event: decided, by: 3, as: who}
    within: 5s
    parallel:
      - {id: rest, wait: {time: 200ms}, why: so that the gate takes time}
  - {id: settled, wait: {outcome: leader, seen_by: all}, within: 20s}
"""


def led(folder: Path) -> Led:
    return lead(plan(STEPS), folder)


def test_a_held_peer_has_a_stretch_of_its_own(tmp_path: Path) -> None:
    history = led(tmp_path).history
    (gate,) = [event for _, event in history.every(Held)]
    assert held(history)[Sid(3)] == [(gate.at_ns, gate.at_ns + 200 * MS)]
    (drawn,) = [one for one in segments(history) if one.look is Look.HELD]
    assert (drawn.sid, drawn.to_ns - drawn.from_ns) == (3, 200 * MS)


def test_a_gate_is_no_fault(tmp_path: Path) -> None:
    assert bands(led(tmp_path).history, {}) == ()


def test_a_held_peer_says_at_which_gate(tmp_path: Path) -> None:
    (gate,) = [event for _, event in led(tmp_path).history.every(Held)]
    assert what(gate).startswith("holds at the gate of hit, line ")
