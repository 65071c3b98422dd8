"""How a leader brings a learner to its own log: DIFF or SNAP, and what follows it.

Source: ZooKeeper 3.8 ``LearnerHandler.syncFollower`` and ``queueCommittedProposals``. As
there, what follows is PROPOSAL and COMMIT for observers too.

Deliberately other than ZooKeeper: a learner with more than its leader is sent SNAP, never
TRUNC. One that has no log to cut, since it was restored from a SNAP, ends its process over a
TRUNC (exit code 13); a SNAP does for all. The committed log is all that is behind the tree.
"""

from __future__ import annotations

from chaos.election.ids import Zxid, counter_of
from chaos.election.log import Log
from chaos.election.packets import Commit, Diff, Packet, Proposal, Snap, Txn


def synchronisation(log: Log, processed: Zxid, learner: Zxid) -> list[Packet]:
    """What a learner whose log ends at ``learner`` is sent before NEWLEADER.

    ``processed`` is what is committed, or the first zxid of the leader's epoch if nothing of
    that epoch is committed yet.
    """
    if learner == processed:
        return [Diff(learner)]
    committed = log.between(log.begins, processed)
    if not committed:
        return [Snap(processed, log.tree)]
    last = committed[-1].zxid
    # A zxid without a counter is that of an established epoch's beginning: a prefix of mine.
    known = counter_of(learner) == 0 or log.holds(learner)
    if known and log.begins <= learner <= last:
        return [Diff(last), *_pairs(log.between(learner, last))]
    return [Snap(log.begins, log.tree), *_pairs(committed)]


def _pairs(txns: list[Txn]) -> list[Packet]:
    return [packet for txn in txns for packet in (Proposal(txn), Commit(txn.zxid))]
