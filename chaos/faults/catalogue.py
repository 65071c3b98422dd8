"""Every fault by the word that a plan uses for it."""

from __future__ import annotations

from typing import Final

from chaos.faults.base import Fault
from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.host import CpuStress
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.messages import Corrupt, Delay, Duplicate, Loss, Reorder, Slice, Throttle
from chaos.faults.network import BlockPort, Isolate, OneWay, Partition
from chaos.faults.outsiders import Flood, HalfOpen, Malformed
from chaos.faults.processes import Kill, Pause, Terminate
from chaos.faults.skews import SkewLogicalClock, SkewPeerEpoch, SkewTimers, SkewZxid

FAULTS: Final[dict[str, type[Fault]]] = {
    "pause": Pause,
    "kill": Kill,
    "terminate": Terminate,
    "block_port": BlockPort,
    "partition": Partition,
    "isolate": Isolate,
    "one_way": OneWay,
    "delay": Delay,
    "loss": Loss,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "throttle": Throttle,
    "corrupt": Corrupt,
    "slice": Slice,
    "skew_logical_clock": SkewLogicalClock,
    "skew_peer_epoch": SkewPeerEpoch,
    "skew_zxid": SkewZxid,
    "skew_timers": SkewTimers,
    "bump_config_version": BumpConfigVersion,
    "flood": Flood,
    "malformed": Malformed,
    "half_open": HalfOpen,
    "disk_full": DiskFull,
    "slow_disk": SlowDisk,
    "cpu_stress": CpuStress,
}
