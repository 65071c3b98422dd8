"""What a simulated peer keeps across its starts. A step is kept whole: no crash tears it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chaos.election.config import parse_configuration
from chaos.election.effects import Append, Restore, Truncate
from chaos.election.ids import PeerEpoch, Zxid
from chaos.election.log import Log
from chaos.election.spec import PeerSpec


@dataclass(slots=True)
class Spoil:
    """A fault of a disk: each write lags by ``lag_ns``, or fails where that is 0."""

    lag_ns: int
    delayed: int = 0


class Disk:
    """Epochs, log and configurations of one peer: what ``birth`` says until written over."""

    def __init__(self, birth: PeerSpec) -> None:
        self._birth = birth
        self.home = parse_configuration(birth.config).members[birth.sid]  # where it lives
        self._numbers: dict[str, int] = {}
        self._log = Log(birth.zxid, birth.tree, birth.log)
        self.config = birth.config
        self.proposed = birth.last_seen
        self.spoils: dict[str, Spoil] = {}

    @property
    def full(self) -> bool:
        """Whether nothing can be written."""
        return any(not spoil.lag_ns for spoil in self.spoils.values())

    def lag_ns(self) -> int:
        """How much longer the write at hand takes; counts it."""
        for spoil in self.spoils.values():
            spoil.delayed += 1
        return sum(spoil.lag_ns for spoil in self.spoils.values())

    def write(self, name: str, value: int) -> None:
        """Keep ``acceptedEpoch`` or ``currentEpoch``; a ``zxid`` empties the log."""
        if name == "zxid":
            self._log = Log(Zxid(value), self._log.tree, ())
        else:
            self._numbers[name] = value

    def write_log(self, effect: Append | Truncate | Restore) -> None:
        """Change the log."""
        match effect:
            case Append(txns=txns):
                self._log.txns += txns
            case Truncate(zxid=zxid):
                self._log.cut(zxid)
            case Restore(zxid=zxid, tree=tree, txns=txns):
                self._log = Log(zxid, tree, txns)

    def write_config(self, text: str, *, active: bool) -> None:
        """Keep a configuration; a committed one ends a proposed one that is no newer."""
        if not active:
            self.proposed = text
            return
        self.config = text
        proposed = self.proposed
        if proposed is not None and _version(proposed) <= _version(text):
            self.proposed = None

    def wipe(self) -> None:
        """Forget everything that was written."""
        self._numbers.clear()
        self._log = Log(self._birth.zxid, self._birth.tree, self._birth.log)
        self.config = self._birth.config
        self.proposed = self._birth.last_seen

    def spec(self) -> PeerSpec:
        """What the next start is made from."""
        birth, numbers = self._birth, self._numbers
        return replace(
            birth,
            config=self.config,
            last_seen=self.proposed,
            accepted_epoch=PeerEpoch(numbers.get("acceptedEpoch", birth.accepted_epoch)),
            current_epoch=PeerEpoch(numbers.get("currentEpoch", birth.current_epoch)),
            zxid=self._log.begins,
            tree=self._log.tree,
            log=tuple(self._log.txns),
        )


def _version(text: str) -> int:
    return parse_configuration(text).version
