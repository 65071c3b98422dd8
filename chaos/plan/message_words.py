"""What is done to messages, in plain words."""

from __future__ import annotations

from chaos.actions import Port
from chaos.faults.messages import Corrupt, Delay, Duplicate, Loss, Reorder, Slice, Throttle
from chaos.plan.amount_words import bandwidth, percent, span
from chaos.wire.spread import Distribution


def of_messages(
    fault: Delay | Loss | Duplicate | Reorder | Throttle | Corrupt | Slice, target: str
) -> str:
    """What such a fault does to its target."""
    match fault:
        case Delay(latency=latency, port=port):
            return f"delay the messages of {target}{_of(port)} by {span(latency)}{_jitter(fault)}"
        case Throttle(rate=rate, port=port):
            return f"let {bandwidth(rate)} through on each link of {target}{_of(port)}"
        case Slice(size=size, pause=pause, port=port):
            apart = f", {span(pause)} apart" if pause else ""
            return f"write the messages of {target}{_of(port)} in pieces of {size} bytes{apart}"
        case _:
            return _by_lot(fault, target)


def _by_lot(fault: Loss | Duplicate | Reorder | Corrupt, target: str) -> str:
    some = f"{percent(fault.percent)} % of the notifications of {target}"
    match fault:
        case Loss():
            return f"lose {some}"
        case Duplicate():
            return f"write {some} twice"
        case Reorder(window=window):
            return f"let the next one overtake {some}, if it comes within {span(window)}"
        case Corrupt():
            return f"change a byte of {some}"


def _jitter(fault: Delay) -> str:
    jitter = f" ± {span(fault.jitter)}" if fault.jitter else ""
    if jitter and fault.distribution is not Distribution.UNIFORM:
        jitter += f" ({fault.distribution})"
    return jitter


def _of(port: Port | None) -> str:
    return "" if port is None else f" on the {port} port"
