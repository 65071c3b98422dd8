"""What a broken peer is made of: the core, with one part of it exchanged.

No plan, option or file names a bug: it reaches a peer through the ``Rules`` that a world is
built with, and only ``chaos zoo`` and tests build one with any but ``UNBROKEN``.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.fle import FastLeaderElection
from chaos.election.ids import Sid
from chaos.election.leading import Leading
from chaos.election.learning import Learning
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.rules import Rules
from chaos.election.spec import PeerSpec
from chaos.election.standing import Standing
from chaos.election.voting import Views


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a peer; each is the core's unless a bug brings its own."""

    election: type[FastLeaderElection] = FastLeaderElection
    standing: type[Standing] = Standing
    views: type[Views] = Views
    leading: type[Leading] = Leading
    learning: type[Learning] = Learning


class Odd(QuorumPeer):
    """A peer that is made of ``parts``."""

    parts = Parts()

    def _new_standing(self, spec: PeerSpec) -> Standing:
        return self.parts.standing(spec, self.parts.views)

    def _new_election(self) -> FastLeaderElection:
        standing = self.standing
        return self.parts.election(standing.sid, standing.timings, standing.initial_vote)

    def _new_leading(self, support: tuple[Sid, ...]) -> Leading:
        return self.parts.leading(self.standing, support)

    def _new_learning(self, leader: Sid) -> Learning:
        return self.parts.learning(self.standing, leader)


def made_of(parts: Parts) -> Rules:
    """The rules of a peer that is made of ``parts``."""

    class Made(Odd):
        pass

    Made.parts = parts
    return Rules(Made)
