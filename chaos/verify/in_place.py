"""Which faults are in place between peers and on them, for the law of progress.

Each kind of action is known here, or nothing is demanded any more once it was done: how long its
effects last cannot be told.
"""

from __future__ import annotations

from typing import Final

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Acted, Held
from chaos.wire.spread import longest_ns

HARMLESS: Final = act.Load | act.Unload | act.Hold  # an armed gate is nothing until a peer holds
_UNDOING: Final = act.Unblock | act.Clear | act.CallOff | act.MendDisk | act.Cool
_MOMENTARY: Final = (
    act.TurnRound
    | act.SetEpochs
    | act.SetZxid
    | act.Configure
    | act.Kill
    | act.Terminate
    | act.Launch
    | act.Pause
    | act.Resume
)


class InPlace:
    """What was done and is not over yet. ``unknown`` names what nobody here can tell the end of."""

    def __init__(self) -> None:
        self.blocks: dict[str, tuple[act.Block, int]] = {}
        self.slow: dict[str, int] = {}
        self.lossy: set[str] = set()
        self.skewed: set[Sid] = set()
        self._attacked: dict[str, tuple[Sid, ...]] = {}
        self.burning: set[str] = set()
        self._spoilt: dict[str, act.SpoilDisk] = {}
        self.unknown = ""
        self._held: dict[Sid, set[str]] = {}  # at which gates
        self._off: dict[tuple[str, Sid], int] = {}  # until when a gate may have held a peer

    @property
    def held(self) -> set[Sid]:
        """Peers that handle nothing, with their sockets open."""
        return {sid for sid, gates in self._held.items() if gates}

    @property
    def attacked(self) -> set[Sid]:
        """Peers that have to do with somebody who is no member, or with a disk that fails."""
        spoilt = (spoil.sids for spoil in self._spoilt.values())
        return {sid for sids in (*self._attacked.values(), *spoilt) for sid in sids}

    def hold(self, event: Held) -> None:
        """A peer holds at a gate; unless the gate is off by then, and the line came later."""
        if event.at_ns > self._off.get((event.name, event.sid), -1):
            self._held.setdefault(event.sid, set()).add(event.name)

    def ended(self, sid: Sid) -> None:
        """A process that ends holds no more."""
        self._held.pop(sid, None)

    def take(self, acted: Acted) -> int:
        """Take an action in; how long after it its effect may go on."""
        action = acted.action
        if isinstance(action, _UNDOING) and "error" in acted.evidence.facts:
            self._lost_sight(acted, "could not be done")
            return 0
        match action:
            case act.Block(name=name):
                self.blocks[name] = (action, acted.at_ns)
            case act.Unblock(name=name):
                since = self.blocks.pop(name, (None, acted.done_ns))[1]
                return acted.done_ns - since  # a retransmission waits as long again at most
            case act.Slow(name=name, latency_ns=latency, jitter_ns=jitter, distribution=shape):
                self.slow[name] = longest_ns(shape, latency, jitter)
            case _ if isinstance(action, act.Messages):
                self.lossy.add(action.name)  # as long as it is there, a message may not get through
            case act.Clear(name=name):
                self.lossy.discard(name)
                return self.slow.pop(name, 0)
            case _ if isinstance(action, act.Around):
                return self._around(action)
            case _:
                self._on_a_peer(acted)
        return 0

    def _around(self, action: act.Around) -> int:
        """What concerns a peer's ports, its disk and its core."""
        match action:
            case act.Attack(name=name, targets=targets):
                self._attacked[name] = targets
            case act.CallOff(name=name):
                self._attacked.pop(name, None)  # it closed all that it had open
            case act.SpoilDisk(name=name):
                self._spoilt[name] = action
            case act.MendDisk(name=name):
                spoil = self._spoilt.pop(name, None)
                return 0 if spoil is None else spoil.lag_ns
            case act.Burn(name=name):
                self.burning.add(name)
            case act.Cool(name=name):
                self.burning.discard(name)
        return 0

    def _on_a_peer(self, acted: Acted) -> None:
        action, failed = acted.action, acted.evidence.bit is False
        match action:
            case act.SkewTimers(sid=sid, rate_ppm=rate):
                healed = rate == 1_000_000 and not failed
                (self.skewed.discard if healed else self.skewed.add)(sid)
            case act.LetGo(name=name, sids=sids, again=again):
                for sid in () if failed else sids:
                    self._held.get(sid, set()).discard(name)
                    if not again:
                        self._off[name, sid] = acted.done_ns
            case act.Resume() | act.Launch() if failed:
                self._lost_sight(acted, "could not be done")
            case _ if not isinstance(action, _MOMENTARY | HARMLESS):
                self._lost_sight(acted, "has effects whose end is not known here")
            case _:
                pass

    def _lost_sight(self, acted: Acted, why: str) -> None:
        step = f" of step {acted.step}" if acted.step else ""
        self.unknown = self.unknown or f"{type(acted.action).__name__}{step} {why}"

    def closed(self) -> tuple[set[tuple[Sid, Sid]], set[Sid]]:
        """The directed pairs that are cut, and the peers of which a port is."""
        pairs: set[tuple[Sid, Sid]] = set()
        ports: set[Sid] = set()
        for block, _ in self.blocks.values():
            for cut in block.cuts:
                if isinstance(cut, act.Cut):
                    pairs.add((cut.source, cut.target))
                else:
                    ports.add(cut.owner)
        return pairs, ports
