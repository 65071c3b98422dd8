"""Disk faults of peers that are processes: each is told, and counts what they did to it."""

from __future__ import annotations

from chaos import actions as act
from chaos.actions import Evidence
from chaos.systems.peerlink import PeerLink


class Disks:
    """The disk faults that are in place."""

    def __init__(self) -> None:
        self._spoils: dict[str, act.SpoilDisk] = {}

    def do(self, action: act.SpoilDisk | act.MendDisk, running: list[PeerLink]) -> Evidence:
        """Begin or end one. Whom a full disk ended cannot be asked: its exit tells of it."""
        if isinstance(action, act.MendDisk):
            return self._mend(action.name, running)
        if action.name in self._spoils:
            return Evidence(False, {"error": f"a disk fault is called {action.name} already"})
        self._spoils[action.name] = action
        for peer in running:
            self.teach(peer)
        touched = sum(peer.sid in action.sids for peer in running)
        return Evidence(None if touched else False, {"peers": touched})

    def teach(self, peer: PeerLink) -> None:
        """Tell a peer what is wrong with its disk, and what no more, unless it knows."""
        for name in sorted(peer.spoilt - self._spoils.keys()):
            self._heal(peer, name)
        for name, spoil in self._spoils.items():
            if peer.sid in spoil.sids and name not in peer.spoilt:
                peer.ask("spoil", name=name, lag_ns=spoil.lag_ns)
                peer.spoilt.add(name)

    def _mend(self, name: str, running: list[PeerLink]) -> Evidence:
        spoil = self._spoils.pop(name, None)
        if spoil is None:
            return Evidence(False, {"error": f"no disk fault is called {name}"})
        total = {"delayed": 0, "late_us": 0}
        for peer in running:
            if name in peer.spoilt:
                for key, value in self._heal(peer, name).items():
                    total[key] += value
        if spoil.lag_ns:
            return Evidence(total["delayed"] > 0, total)
        up = {peer.sid for peer in running}
        return Evidence(None, {"down": sum(sid not in up for sid in spoil.sids)})

    def _heal(self, peer: PeerLink, name: str) -> dict[str, int]:
        answer = peer.ask("mend", name=name)
        peer.spoilt.discard(name)
        found = {key: answer.get(key) for key in ("delayed", "late_us")}
        return {key: value for key, value in found.items() if isinstance(value, int)}
