"""A plan that puts one mixed ensemble through everything that moves a leader or a log."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.election.ids import Sid
from chaos.ensemble import Runs

_SETTLED = "wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 25s"


def split(size: int, ours: int, turn: int = 0) -> Mapping[Sid, Runs]:
    """``ours`` of ``size`` run our program: those from ``turn`` on, going round."""
    mine = {(turn + number) % size + 1 for number in range(ours)}
    return {Sid(sid): Runs.CHAOS if sid in mine else Runs.ZOOKEEPER for sid in range(1, size + 1)}


def tour(cast: Mapping[Sid, Runs]) -> str:
    """The plan's text. Writes go on in the background nearly to the end."""
    peers = "\n".join(f"    - {{id: {sid}, runs: {runs}}}" for sid, runs in cast.items())
    steps = "\n".join(_steps(cast))
    return f"""version: 1
name: tour
ensemble:
  peers:
{peers}
  timings:
    tick: 200ms
    init_limit: 20
    sync_limit: 5
    connect_timeout: 500ms
limits: {{run_timeout: 100s}}
steps:
{steps}
"""


def _steps(cast: Mapping[Sid, Runs]) -> list[str]:
    follower = "{pick: 1, of: followers}"
    steps = [
        f"{{id: up, {_SETTLED}}}",
        "{id: writes, workload: {writes_per_s: 40}}",
        *_fault("leader-killed", "kill, target: leader, with: {restart: after}", "400ms"),
        *_fault("leader-paused", "pause, target: leader", "2s"),
        *_fault(
            "wiped", f"kill, target: {follower}, with: {{restart: after, wipe: true}}", "200ms"
        ),
    ]
    for sid in cast:
        steps += _fault(
            f"rolled-{sid}", f"terminate, target: {sid}, with: {{restart: after}}", "10ms"
        )
    steps += [
        *_fault("parted", "partition, with: {shape: minority}", "2s"),
        *_fault("stale", f"kill, target: {follower}, with: {{restart: after}}", "1s"),
        "{id: no-more, release: [writes]}",
        "{id: quiet, wait: {time: 300ms}}",
    ]
    return [f"  - {step}" for step in steps]


def _fault(name: str, fault: str, lasts: str) -> list[str]:
    """A fault, and the wait until all are settled after its end."""
    return [
        f"{{id: {name}, fault: {fault}, for: {lasts}}}",
        f"{{id: after-{name}, after: {{step: {name}, edge: ended}}, {_SETTLED}}}",
    ]
