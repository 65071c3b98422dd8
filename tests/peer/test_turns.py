"""What a peer decides it does in the order of its decisions, whatever it is told at a gate."""

from __future__ import annotations

from pathlib import Path

from chaos.election.effects import (
    CloseConnection,
    ConnectionLost,
    Effect,
    Input,
    PacketRead,
    Persist,
    SkewEpochs,
)
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.moments import Awaited, Before, MomentKind
from chaos.election.packets import LeaderInfo
from chaos.peer.holding import Turns
from chaos.peer.journal import Journal
from chaos.peer.loop import Loop

GATE = "gate"


class Scripted:
    """A peer that keeps any epoch it hears of, or is told, and takes note of its steps.

    A packet of its leader makes it close a connection first, which is another thing that happens.
    While it holds it is told ``order``.
    """

    def __init__(self, folder: Path, order: SkewEpochs) -> None:
        self._loop = Loop()
        self.journal = Journal(str(folder / "journal"), Sid(1), 0, self._loop)
        self.turns = Turns(self)
        self.decided: list[Input] = []
        self.kept: list[Effect] = []
        self._order = order

    def close(self) -> None:
        self.journal.close()
        self._loop.close()

    def decide(self, happened: Input) -> list[Effect]:
        self.decided.append(happened)
        match happened:
            case PacketRead():
                return [CloseConnection(2, "of a leader before"), Persist("acceptedEpoch", 5)]
            case SkewEpochs(accepted=accepted):
                assert accepted is not None
                return [Persist("acceptedEpoch", accepted)]
            case _:
                return [Persist("acceptedEpoch", 7)]

    def before(self) -> Before:
        return Before()

    def perform(self, effect: Effect, step: int, index: int) -> None:
        del step, index
        if isinstance(effect, CloseConnection):
            self.turns.step(ConnectionLost(effect.conn, effect.why))
        else:
            self.kept.append(effect)

    def write(self) -> bool:
        return False

    def hold(self) -> bool:
        self.turns.tell(self._order)
        self.turns.gates.let_go(GATE)
        return True


def test_an_order_at_a_gate_is_not_done_after_what_was_decided_later(tmp_path: Path) -> None:
    """What waits undecided, here the end of a connection, is decided with the order known."""
    order = SkewEpochs(accepted=PeerEpoch(6))
    peer = Scripted(tmp_path, order)
    packet = PacketRead(1, LeaderInfo(PeerEpoch(5)))
    lost = ConnectionLost(2, "of a leader before")
    peer.turns.arm(GATE, Awaited(MomentKind.EPOCH_PERSISTED), 1)
    peer.turns.step(packet)
    assert peer.decided == [packet, order, lost]
    assert peer.kept == [Persist("acceptedEpoch", epoch) for epoch in (5, 6, 7)]
    peer.close()
