"""Gates at our own peers: who is to hold where, and who is let go.

A stopped peer is told too, without an answer: it hears of it before anything else once it goes
on, since its control channel comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaos.actions import Evidence, Hold, LetGo
from chaos.history.codec import to_json
from chaos.systems.peerlink import PeerLink

_AT: Final = "at_ns"


class Gatekeeper:
    """The gates of one run. ``peers`` are those that are up, ascending."""

    def __init__(self, peers: Callable[[], list[PeerLink]]) -> None:
        self._peers = peers
        self._holds: dict[str, Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def hold(self, hold: Hold) -> Evidence:
        """Arm a gate; who is down is told when it starts.

        Raises:
            InfrastructureError: a peer that runs does not answer.
        """
        self._holds[hold.name] = hold
        return Evidence(True, {"armed": self._tell_all(hold, [*self._there(hold)])})

    def let_go(self, over: LetGo) -> Evidence:
        """Take a gate away, or let go who holds at it.

        Raises:
            InfrastructureError: a peer that runs does not answer.
        """
        there = [peer for peer in self._peers() if peer.sid in over.sids]
        hold = self._holds.get(over.name)
        if not over.again:
            rest = None if hold is None else hold.without(over.sids)
            self._holds.pop(over.name, None)
            if rest is not None:
                self._holds[over.name] = rest
        asked = [(p, p.tell("let_go", name=over.name, again=over.again)) for p in there]
        answers = [peer.answer(number) for peer, number in asked if not peer.stopped]
        held = sum(answer.get("held") is True for answer in answers)
        return Evidence(True, {"held": held})

    def teach(self, peer: PeerLink) -> None:
        """Arm every gate at a peer that has just started."""
        for hold in self._holds.values():
            if peer.sid in hold.sids:
                self._tell_all(hold, [peer])

    # ----

    def _there(self, hold: Hold) -> list[PeerLink]:
        return [peer for peer in self._peers() if peer.sid in hold.sids]

    @staticmethod
    def _tell_all(hold: Hold, peers: list[PeerLink]) -> int:
        awaited = to_json(hold.awaited)
        asked = [
            (peer, peer.tell("hold", name=hold.name, awaited=awaited, nth=hold.nth))
            for peer in peers
        ]
        for peer, number in asked:
            if not peer.stopped:
                peer.answer(number)
        return len(asked)
