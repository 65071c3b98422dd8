"""Workloads of peers that are processes: each is told, whoever leads, and asked at the end."""

from __future__ import annotations

from chaos import actions as act
from chaos.actions import Evidence
from chaos.election.effects import Work
from chaos.history.codec import Json, to_json
from chaos.systems.peerlink import PeerLink


class Loads:
    """The one workload that may go on."""

    def __init__(self) -> None:
        self._load: act.Load | None = None
        self._before = 0  # the zxid up to which all was committed when it began

    def do(self, action: act.Load | act.Unload, running: list[PeerLink]) -> Evidence:
        """Begin or end it."""
        if isinstance(action, act.Load):
            return self._begin(action, running)
        return self._end(action.name, running)

    def teach(self, peer: PeerLink) -> None:
        """Tell a peer what it is to propose, unless it was told already."""
        load = self._load
        work = Work(0) if load is None else Work(load.per_s, load.payload)
        if peer.work != work:
            peer.ask("input", input=to_json(work))
            peer.work = work

    # ----

    def _begin(self, load: act.Load, running: list[PeerLink]) -> Evidence:
        """Tell every running peer; those that come later, or are stopped, hear by ``teach``."""
        if self._load is not None:
            why = f"workload {self._load.name} goes on; end it first"
            return Evidence(False, {"error": why})
        self._load = load
        answers = [peer.ask("committed") for peer in running]
        self._before = max((_whole(answer, "zxid") for answer in answers), default=0)
        for peer in running:
            self.teach(peer)
        return Evidence(None, {"peers": len(running)})

    def _end(self, name: str, running: list[PeerLink]) -> Evidence:
        """End it; what the peer that knows most says was committed meanwhile."""
        if self._load is None or self._load.name != name:
            return Evidence(False, {"error": f"no workload is called {name}"})
        self._load = None
        answers = [peer.ask("committed", after=max(0, self._before)) for peer in running]
        for peer in running:
            self.teach(peer)
        committed = max((_whole(answer, "committed") for answer in answers), default=0)
        return Evidence(committed > 0, {"committed": committed})


def _whole(answer: dict[str, Json], key: str) -> int:
    value = answer.get(key)
    return value if isinstance(value, int) else 0
