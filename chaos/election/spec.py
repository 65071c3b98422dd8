"""What a peer is born with.

Source: ZooKeeper 3.8 ``QuorumPeer`` after ``loadDataBase`` and ``runFromConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.packets import Txn
from chaos.election.timings import Timings


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """Everything from which a :class:`QuorumPeer` is made, and made again when judging.

    ``config`` is the text of the committed configuration, ``last_seen`` that of a newer
    one that was proposed and not yet activated. Epochs and zxid are what the disk holds:
    ``tree`` (a SNAP's stream, empty for the smallest one) as of ``zxid``, and behind it ``log``.
    """

    sid: Sid
    config: str
    last_seen: str | None = None
    accepted_epoch: PeerEpoch = PeerEpoch(0)
    current_epoch: PeerEpoch = PeerEpoch(0)
    zxid: Zxid = Zxid(0)
    timings: Timings = Timings()
    reconfig_enabled: bool = True
    tree: bytes = b""
    log: tuple[Txn, ...] = ()

    @property
    def last_zxid(self) -> Zxid:
        """Where the log ends."""
        return self.log[-1].zxid if self.log else self.zxid
