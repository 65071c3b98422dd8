"""An event of the protocol in words: ``when peer 3 sends a notification of the next round``."""

from __future__ import annotations

from typing import Final

from chaos.election.moments import MomentKind
from chaos.plan.model import Mode, Turn, When

K = MomentKind
_VERBS: Final = {  # what it does, and the word before whom it concerns
    K.STATE_CHANGED: ("changes its state", ""),
    K.NOTIFICATION_SENT: ("sends a notification", " to"),
    K.NOTIFICATION_RECEIVED: ("receives a notification", " from"),
    K.NOTIFICATION_IGNORED: ("ignores a notification", " from"),
    K.VOTE_CHANGED: ("changes its vote", " to"),
    K.QUORUM_SEEN: ("sees a quorum", " for"),
    K.FINALIZE_STARTED: ("begins its finalize wait", " for"),
    K.FINALIZE_RESTARTED: ("begins its finalize wait again", " for"),
    K.FINALIZE_ENDED: ("ends its finalize wait", " for"),
    K.DECIDED: ("decides", " on"),
    K.LINK_OPENED: ("gets a link", " to"),
    K.LINK_BROKEN: ("loses its link", " to"),
    K.PACKET_SENT: ("sends a packet", " to"),
    K.PACKET_RECEIVED: ("reads a packet", " from"),
    K.EPOCH_PERSISTED: ("writes an epoch", ""),
    K.CONFIGURATION_ADOPTED: ("adopts a configuration", ""),
    K.STEPPED_DOWN: ("steps down", ""),
}
_MORE: Final = {  # the same where it is said what exactly
    K.STATE_CHANGED: "becomes {}",
    K.DECIDED: "decides to be {}",
    K.PACKET_SENT: "sends {}",
    K.PACKET_RECEIVED: "reads {}",
    K.EPOCH_PERSISTED: "writes its {} epoch",
}
_ORDINALS: Final = {1: "", 2: " for the second time", 3: " for the third time"}


def event(when: When, who: str, peer: str) -> str:
    """When a step is done; ``peer`` is whom the event has to concern, empty for anybody."""
    does, towards = _VERBS[when.event]
    if when.what:
        does = _MORE[when.event].format(when.what)
    whom = f"{towards} {peer}" if peer else ""
    times = _ORDINALS.get(when.nth, f" for the {when.nth}th time")
    seen = ", as soon as it is seen" if when.mode is Mode.OBSERVE else ""
    return f"when {who} {does}{whom}{_round(when)}{times}{seen}"


def _round(when: When) -> str:
    match when.round:
        case None:
            return ""
        case Turn() as turn:
            return f" of the {turn} round"
        case number:
            return f" of round {number}"
