"""What is known of an ensemble from what was seen of it so far, in a run or of a stored one."""

from __future__ import annotations

from chaos.election.config import parse_configuration
from chaos.ensemble import configuration_of
from chaos.history.events import Appeared, Began, Event, config_of
from chaos.history.view import EnsembleView
from chaos.plan.model import Plan


class Onlooker:
    """Begins with what the plan says; knows addresses from the first server that stands."""

    def __init__(self, plan: Plan) -> None:
        ensemble = plan.ensemble
        nowhere = configuration_of(ensemble, lambda sid: f"peer-{sid}")
        zones = {peer.sid: peer.zone for peer in ensemble.peers if peer.zone}
        self.view = EnsembleView(ensemble.sids, nowhere, zones=zones)
        self._members = frozenset(peer.sid for peer in ensemble.peers if peer.member)
        self._addressed = False

    def observe(self, event: Event) -> None:
        """Take in one event."""
        self.view.observe(event)
        if isinstance(event, Began | Appeared) and not self._addressed:
            if event.sid not in self._members:
                return  # what it began with is not the ensemble's
            self._addressed = True
            self.view.config = parse_configuration(config_of(event))
