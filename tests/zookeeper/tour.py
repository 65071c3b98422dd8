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
    return _plan(_peers(cast), _steps(cast))


def again_and_again(cast: Mapping[Sid, Runs], times: int) -> str:
    """The leader is killed so many times, and comes back each time."""
    kill = "kill, target: leader, with: {restart: after}"
    kills = [step for number in range(times) for step in _fault(f"kill-{number}", kill, "300ms")]
    return _plan(_peers(cast), [f"{{id: up, {_SETTLED}}}", *kills])


def grouped() -> str:
    """Three groups of both kinds, one of them of no weight but for one server."""
    rows = [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 2, 1), (5, 3, 1), (6, 3, 0)]
    peers = [
        f"{{id: {sid}, group: {group}, weight: {weight}, "
        f"runs: {Runs.CHAOS if sid % 2 else Runs.ZOOKEEPER}}}"
        for sid, group, weight in rows
    ]
    steps = [
        f"{{id: up, {_SETTLED}}}",
        "{id: writes, workload: {writes_per_s: 40}}",
        *_fault("leader", "kill, target: leader, with: {restart: after}", "500ms"),
        *_fault("group", "kill, target: [5, 6], with: {restart: after}", "1s"),
        *_fault("again", "kill, target: leader, with: {restart: after}", "500ms"),
        "{id: no-more, release: [writes]}",
        "{id: quiet, wait: {time: 300ms}}",
    ]
    return _plan(peers, steps, "quorum: hierarchical")


def _peers(cast: Mapping[Sid, Runs]) -> list[str]:
    return [f"{{id: {sid}, runs: {runs}}}" for sid, runs in cast.items()]


def _plan(peers: list[str], steps: list[str], quorum: str = "quorum: majority") -> str:
    return f"""version: 1
name: tour
ensemble:
  {quorum}
  peers:
{_lines(peers, 4)}
  timings:
    tick: 200ms
    init_limit: 20
    sync_limit: 5
    connect_timeout: 500ms
limits: {{run_timeout: 300s}}
steps:
{_lines(steps, 2)}
"""


def _lines(items: list[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}- {item}" for item in items)


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
    return steps


def _fault(name: str, fault: str, lasts: str) -> list[str]:
    """A fault, and the wait until all are settled after its end."""
    return [
        f"{{id: {name}, fault: {fault}, for: {lasts}}}",
        f"{{id: after-{name}, after: {{step: {name}, edge: ended}}, {_SETTLED}}}",
    ]
