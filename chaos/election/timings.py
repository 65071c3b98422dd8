"""The time limits of a peer.

Source: ZooKeeper 3.8 ``zoo.cfg`` keys and ``FastLeaderElection`` constants.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds, except the two limits, which count ticks."""

    tick_ms: int = 200
    init_limit: int = 10
    sync_limit: int = 5
    finalize_ms: int = 200
    notification_ms_min: int = 200
    notification_ms_max: int = 60_000
    connect_ms: int = 5_000
    leader_connect_retry_ms: int = 100
    leader_connect_first_ms: int = 10  # the first of these pauses; in ZooKeeper like the others
    leader_connect_attempts: int = 5
    epoch_wait_ms: int = -1  # leader.maxTimeToWaitForEpoch (ZOOKEEPER-3109); -1 is off

    def leader_connect_delay_ms(self, attempt: int) -> int:
        """How long a learner waits after its ``attempt``-th connection (from 1) was refused.

        A leader that decides a moment later than its learners opens its port a moment later:
        so the second attempt comes soon, and what that saves is waited before the last one.
        As many attempts as in ZooKeeper then span as much time.
        """
        pause, last = self.leader_connect_retry_ms, self.leader_connect_attempts - 1
        soon = min(self.leader_connect_first_ms, pause)
        if attempt == last:
            return pause if last == 1 else 2 * pause - soon
        return soon if attempt == 1 else pause

    @property
    def init_ms(self) -> int:
        """How long discovery and synchronisation may take, each."""
        return self.init_limit * self.tick_ms

    @property
    def sync_ms(self) -> int:
        """How long an established link may stay silent."""
        return self.sync_limit * self.tick_ms
