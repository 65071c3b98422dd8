"""Message faults as a harness orders them: rules for a peer's shim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaos.peer.requests import (
    Request,
    above_zero,
    ports,
    shape,
    targets,
    text,
    whole,
)
from chaos.wire.harms import MILLION
from chaos.wire.shim import LinkShim


def harm(shim: LinkShim, request: Request) -> None:
    """Put a rule in place.

    Raises:
        RequestError: the request makes no sense.
    """
    _HARMS[text(request, "do")](shim, text(request, "name"), request)


def _slow(shim: LinkShim, name: str, request: Request) -> None:
    pace = whole(request, "latency_ns"), whole(request, "jitter_ns", 0)
    shim.slow(name, dict.fromkeys(targets(request), pace), shape(request), ports(request))


def _lose(shim: LinkShim, name: str, request: Request) -> None:
    shim.lose(name, targets(request), _share(request))


def _duplicate(shim: LinkShim, name: str, request: Request) -> None:
    shim.duplicate(name, targets(request), _share(request))


def _reorder(shim: LinkShim, name: str, request: Request) -> None:
    shim.reorder(name, targets(request), _share(request), whole(request, "window_ns"))


def _corrupt(shim: LinkShim, name: str, request: Request) -> None:
    shim.corrupt(name, targets(request), _share(request))


def _throttle(shim: LinkShim, name: str, request: Request) -> None:
    shim.throttle(name, targets(request), above_zero(request, "bytes_per_s"), ports(request))


def _slice(shim: LinkShim, name: str, request: Request) -> None:
    cut = above_zero(request, "size"), whole(request, "pause_ns", 0)
    shim.slice(name, targets(request), cut, ports(request))


def _share(request: Request) -> int:
    return whole(request, "ppm", most=MILLION)


_HARMS: Final[dict[str, Callable[[LinkShim, str, Request], None]]] = {
    "slow": _slow,
    "lose": _lose,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "corrupt": _corrupt,
    "throttle": _throttle,
    "slice": _slice,
}
HARMS: Final = frozenset(_HARMS)
