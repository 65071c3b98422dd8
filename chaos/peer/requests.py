"""Reading what a harness asks for: a JSON object, of which every part may be wrong."""

from __future__ import annotations

import json
from typing import Final

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.errors import ChaosError
from chaos.history.codec import Json, from_json
from chaos.wire.spread import Distribution

Request = dict[str, Json]
HALF: Final = 2**63


class RequestError(ChaosError):
    """A request that cannot be done; the answer says why."""


def request_of(data: bytes) -> Request:
    """The object of one message."""
    try:
        request = json.loads(data)
    except ValueError as error:
        raise RequestError(f"no JSON: {error}") from error
    if not isinstance(request, dict):
        raise RequestError("a request is a JSON object")
    return request


def text(request: Request, key: str) -> str:
    """A text."""
    value = request.get(key)
    if not isinstance(value, str):
        raise RequestError(f'"{key}" has to be a text, not {value!r}')
    return value


def whole(request: Request, key: str, default: int | None = None, most: int = HALF) -> int:
    """A whole number from 0 to ``most``."""
    value = request.get(key, default)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise RequestError(f'"{key}" has to be a whole number of 0..{most}, not {value!r}')
    return value


def above_zero(request: Request, key: str) -> int:
    """A whole number from 1 on."""
    value = whole(request, key)
    if not value:
        raise RequestError(f'"{key}" has to be 1 or more, not 0')
    return value


def targets(request: Request) -> frozenset[Sid]:
    """Server ids."""
    value = request.get("targets")
    if not isinstance(value, list):
        raise RequestError(f'"targets" has to be a list of server ids, not {value!r}')
    return frozenset(Sid(sid) for sid in value if isinstance(sid, int))


def ports(request: Request) -> frozenset[str]:
    """One port, or both where none is named."""
    word = request.get("port")
    if word is None:
        return frozenset(port.value for port in Port)
    if isinstance(word, str) and word in list(Port):
        return frozenset({word})
    raise RequestError(f"{word!r} is no port; write {', '.join(Port)}, or leave it out for both")


def how(request: Request) -> How:
    """What a blocked peer sees."""
    try:
        return How(text(request, "how"))
    except ValueError as error:
        raise RequestError(f"{error}; write silent, reset or refuse") from error


def shape(request: Request) -> Distribution:
    """How delays are drawn."""
    word = request.get("distribution", Distribution.UNIFORM.value)
    if isinstance(word, str) and word in list(Distribution):
        return Distribution(word)
    raise RequestError(f"{word!r} is no distribution; write {', '.join(Distribution)}")


def cuts(request: Request) -> tuple[Cut | PortCut, ...]:
    """Links and ports."""
    value = request.get("cuts")
    if not isinstance(value, list):
        raise RequestError(f'"cuts" has to be a list, not {value!r}')
    found: list[Cut | PortCut] = []
    for raw in value:
        cut = from_json(raw)
        if not isinstance(cut, Cut | PortCut):
            raise RequestError(f"{raw!r} is no cut; write a Cut or a PortCut")
        found.append(cut)
    return tuple(found)
