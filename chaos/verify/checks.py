"""The tables of checks."""

from __future__ import annotations

from chaos.verify import safety
from chaos.verify.conformance import Conformance
from chaos.verify.verdict import Check

CONFORMANCE = Conformance()

# Run on every history: they cost one shared fold and one replay.
ALWAYS: tuple[Check, ...] = (
    safety.AT_MOST_ONE_LEADER_PER_EPOCH,
    safety.LEADER_HAS_QUORUM_SUPPORT,
    safety.VOTE_ORDER_RESPECTED,
    safety.EPOCH_MONOTONE,
    safety.LOGICAL_CLOCK_MONOTONE,
    safety.OBSERVERS_NEVER_VOTE,
    safety.BOTH_QUORUMS,
    safety.ESTABLISHED_BY_QUORUM,
    safety.NO_ACKED_WRITE_LOST,
    CONFORMANCE,
)

# What a plan may name under ``invariants``.
INVARIANTS: dict[str, Check] = {check.name: check for check in ALWAYS}
