"""The tables of checks."""

from __future__ import annotations

from chaos.verify import liveness, safety
from chaos.verify.conformance import Conformance
from chaos.verify.forged import Answerable
from chaos.verify.verdict import Check

CONFORMANCE = Conformance()
_LAWS: tuple[Check, ...] = (
    safety.AT_MOST_ONE_LEADER_PER_EPOCH,
    safety.LEADER_HAS_QUORUM_SUPPORT,
    safety.VOTE_ORDER_RESPECTED,
    safety.EPOCH_MONOTONE,
    safety.LOGICAL_CLOCK_MONOTONE,
    safety.OBSERVERS_NEVER_VOTE,
    safety.BOTH_QUORUMS,
    safety.ESTABLISHED_BY_QUORUM,
    safety.NO_ACKED_WRITE_LOST,
    safety.REPLICAS_AGREE,
    safety.VOTES_HAVE_AN_ORIGIN,
    safety.SILENCE_BEFORE_DECISION,
    safety.JOIN_NOT_REFUSED,
    safety.TALLY_HYGIENE,
    safety.STAYS_WITHIN_BOUNDS,
    safety.TIMINGS_RESPECTED,
    safety.FRESH_EPOCH,
    safety.EPOCH_BY_QUORUM,
    safety.LEADER_IS_MOST_RECENT,
    safety.HANDSHAKE_FOLLOWED,
    safety.SYNCED_BEFORE_ACK,
    safety.NO_SPLIT_BRAIN,
    safety.NO_ACKS_FOR_STRANGERS,
    safety.STEPS_DOWN_IN_TIME,
    safety.NO_DISTURBANCE,
    safety.CONFIGURATION_MONOTONE,
    safety.RECONFIGURED_BY_QUORUMS,
    liveness.LEADER_SERVES_IN_TIME,
    liveness.MEMBERS_SERVE_IN_TIME,
    liveness.NO_NEEDLESS_CHANGE,
)

# Run on every history: they cost one shared fold and one replay.
ALWAYS: tuple[Check, ...] = (*map(Answerable, _LAWS), CONFORMANCE)

# What a plan may name under ``invariants``.
INVARIANTS: dict[str, Check] = {check.name: check for check in ALWAYS}
