"""Who keeps a core busy, beside a peer: a process of its own, forked by the zygote as peers are.

The harness pins it to a core and measures what it used. Its control channel says when to end.
"""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Final

from chaos.errors import InfrastructureError
from chaos.history.codec import Json

_SLICE_NS: Final = 10_000_000
_MILLION: Final = 1_000_000


def run(orders: Json, control: socket.socket) -> int:
    """Be busy for ``load_ppm`` of each ten milliseconds, until told to end; the exit code.

    Raises:
        InfrastructureError: ``orders`` do not say how busy.
    """
    match orders:
        case {"load_ppm": int(load)} if 0 < load <= _MILLION:
            busy_ns = _SLICE_NS * load // _MILLION
        case _:
            raise InfrastructureError(f"no orders of a burner: {str(orders)[:120]}")
    control.send(json.dumps({"ready": True}).encode())
    heard = select.poll()
    heard.register(control.fileno(), select.POLLIN)
    while not heard.poll((_SLICE_NS - busy_ns) // _MILLION):
        until = time.monotonic_ns() + busy_ns
        while time.monotonic_ns() < until:
            pass
    return 0
