"""Cuts as JSON, for the way from the harness to the agent in the namespace."""

from __future__ import annotations

from chaos.actions import Cut, Port, PortCut
from chaos.election.ids import Sid
from chaos.sandbox.lines import Json, JsonObject


def cut_json(cut: Cut | PortCut) -> JsonObject:
    """``{"source": 1, "target": 2}`` or ``{"owner": 1, "port": "election", "inbound": true}``."""
    match cut:
        case Cut():
            return {"source": cut.source, "target": cut.target}
        case PortCut():
            return {"owner": cut.owner, "port": cut.port.value, "inbound": cut.inbound}


def cut_of(found: Json) -> Cut | PortCut:
    """Read what :func:`cut_json` made.

    Raises:
        ValueError: it did not make this.
    """
    match found:
        case {"source": int(source), "target": int(target)}:
            return Cut(Sid(source), Sid(target))
        case {"owner": int(owner), "port": str(port), "inbound": bool(inbound)}:
            return PortCut(Sid(owner), Port(port), inbound)
        case _:
            raise ValueError(f"{found!r} is no cut")
