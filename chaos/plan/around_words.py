"""What is done to a peer's ports, its disk and its core, in plain words."""

from __future__ import annotations

from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.host import CpuStress
from chaos.faults.outsiders import Broken, Flood, Half, HalfOpen, Malformed
from chaos.faults.processes import Restart
from chaos.plan.amount_words import percent, span

_WRONG = {
    Broken.GARBAGE: "garbage",
    Broken.OVERSIZE: "a length beyond all limits",
    Broken.TRUNCATED: "half a message",
    Broken.VERSION: "a version that there is not",
    Broken.MESSAGE: "a message that is none",
    Broken.CONFIG: "a configuration that is none",
}
_HALF = {
    Half.SILENT: "say nothing",
    Half.SLOW: "come byte by byte",
    Half.HANDSHAKE: "say nothing more than who they are",
}


def around(
    fault: Flood | Malformed | HalfOpen | DiskFull | SlowDisk | CpuStress, target: str
) -> str:
    """What such a fault does to its target."""
    match fault:
        case DiskFull(restart=restart):
            back = ", bring it back with its data" if restart is Restart.AFTER else ""
            return f"leave no room on the disk of {target}{back}"
        case SlowDisk(latency=latency):
            return f"have each write to the disk of {target} take {span(latency)} longer"
        case CpuStress():
            return f"put {_workers(fault)} beside {target}"
        case _:
            return _outsider(fault, target)


def _workers(fault: CpuStress) -> str:
    share = f"{percent(fault.load)} % of its core"
    if fault.workers == 1:
        return f"1 worker that wants {share}"
    return f"{fault.workers} workers that want {share} each"


def _outsider(fault: Flood | Malformed | HalfOpen, target: str) -> str:
    port = f"the {fault.port} port of {target}"
    match fault:
        case Flood(per_s=per_s, size=size):
            return f"flood {port} with {per_s} connections a second, {size} bytes each"
        case Malformed(kind=kind, per_s=per_s):
            return f"say {_WRONG[kind]} at {port}, {per_s} times a second"
        case HalfOpen(kind=kind, connections=many):
            return f"open {many} connections to {port} that {_HALF[kind]}"
