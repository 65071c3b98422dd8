"""What somebody who is no member does to a port, in plain words."""

from __future__ import annotations

from chaos.faults.outsiders import Broken, Flood, Half, HalfOpen, Malformed

_WRONG = {
    Broken.GARBAGE: "garbage",
    Broken.OVERSIZE: "a length beyond all limits",
    Broken.TRUNCATED: "half a message",
    Broken.VERSION: "a version that there is not",
    Broken.MESSAGE: "a message that is none",
}
_HALF = {
    Half.SILENT: "say nothing",
    Half.SLOW: "come byte by byte",
    Half.HANDSHAKE: "say nothing more than who they are",
}


def outsider(fault: Flood | Malformed | HalfOpen, target: str) -> str:
    """What it does."""
    port = f"the {fault.port} port of {target}"
    match fault:
        case Flood(per_s=per_s, size=size):
            return f"flood {port} with {per_s} connections a second, {size} bytes each"
        case Malformed(kind=kind, per_s=per_s):
            return f"say {_WRONG[kind]} at {port}, {per_s} times a second"
        case HalfOpen(kind=kind, connections=many):
            return f"open {many} connections to {port} that {_HALF[kind]}"
