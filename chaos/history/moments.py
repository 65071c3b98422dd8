"""The moments in what was seen of an ensemble, peer by peer.

What a foreign server did shows in parts: of some moments nothing is seen from outside.
"""

from __future__ import annotations

from chaos.election.effects import Start
from chaos.election.ids import Sid
from chaos.election.moments import Before, Moment, link_moment, moments_of
from chaos.history.events import Appeared, Began, Event, LinkClosed, LinkOpened, Seen, Stepped


class Sights:
    """Follows every peer, so that each event of one can be read for its moments."""

    def __init__(self) -> None:
        self._peers: dict[Sid, Before] = {}

    def of(self, event: Event) -> list[Moment]:
        """The moments of one event; to be asked of each, in their order."""
        match event:
            case Began() | Appeared():
                self._peers[event.sid] = Before()
            case Stepped() | Seen():
                before = self._peers.setdefault(event.sid, Before())
                happened = Start() if event.happened is None else event.happened
                found = moments_of(before, happened, event.effects)
                before.follow(happened, event.effects)
                return found
            case LinkOpened(other=other):
                return [link_moment(other, opened=True)]
            case LinkClosed(other=other, link=link) if link:  # else it was only tried
                return [link_moment(other, opened=False)]
            case _:
                pass
        return []
