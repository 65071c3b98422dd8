"""All watchers of one incarnation."""

from __future__ import annotations

from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket
from chaos.verify.laws.acks import Acks
from chaos.verify.laws.configured import Configured
from chaos.verify.laws.epochs import Discovery
from chaos.verify.laws.handshake import Handshake
from chaos.verify.laws.past import Past
from chaos.verify.laws.reign import Reigning
from chaos.verify.laws.timers import Timekeeper
from chaos.verify.laws.traffic import Traffic
from chaos.verify.laws.usage import Links
from chaos.verify.laws.watcher import Watcher
from chaos.verify.standing import Standing
from chaos.verify.tester import Meddling


class Beside:
    """Watches one incarnation, beside its ballots and its standing."""

    def __init__(
        self, index: int, began: Began, past: Past, docket: Docket, tester: Meddling
    ) -> None:
        self.traffic = Traffic(began, docket, tester)
        self.links = Links(docket)
        self._watchers: tuple[Watcher, ...] = (
            self.traffic,
            Acks(began, past, docket),
            Configured(index, began, past, docket),
            Timekeeper(began, docket, tester),
            Discovery(began, docket),
            Handshake(began, docket),
            Reigning(began, docket, tester),
        )

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        for watcher in self._watchers:
            watcher.take(index, event, standing)
