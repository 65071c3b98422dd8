"""What a peer holds across elections: its disk, its configurations, its current vote.

Source: ZooKeeper 3.8 ``QuorumPeer``: ``getAcceptedEpoch``, ``getCurrentEpoch``,
``setQuorumVerifier``, ``setLastSeenQuorumVerifier``, ``processReconfig``; ``ZKDatabase``.
"""

from __future__ import annotations

from dataclasses import replace

from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Append,
    Committed,
    Effect,
    Persist,
    PersistConfig,
    Restore,
    Truncate,
    Work,
)
from chaos.election.ids import UNSET, PeerEpoch, Round, Sid, Zxid
from chaos.election.log import Log
from chaos.election.notification import ServerState
from chaos.election.packets import Txn
from chaos.election.spec import PeerSpec
from chaos.election.vote import Vote
from chaos.election.voting import Views


class Standing:
    """The lasting state of one peer. Every change of it that a disk keeps is an effect.

    ``zxid`` is where its log ends, or the beginning of the epoch that it has led since;
    ``committed`` how far it knows that log to be committed, which no disk keeps.
    ``work`` is what it is to propose whenever it leads. ``cannot_cut`` tells of a TRUNC to
    before its log's beginning: it has to be sent everything.
    """

    def __init__(self, spec: PeerSpec, views: type[Views] = Views) -> None:
        """``views`` says how votes are counted."""
        self.sid = spec.sid
        self.timings = spec.timings
        self.reconfig_enabled = spec.reconfig_enabled
        self.accepted_epoch = spec.accepted_epoch
        self.current_epoch = spec.current_epoch
        self.log = Log(spec.zxid, spec.tree, spec.log)
        self.zxid = spec.last_zxid
        self.committed = spec.zxid
        self.work = Work(0)
        self.cannot_cut = False
        last_seen = None if spec.last_seen is None else parse_configuration(spec.last_seen)
        self.views_of = views
        self.views = views(parse_configuration(spec.config), last_seen)
        self.vote = Vote(spec.sid, spec.last_zxid, Round(-1), spec.current_epoch)

    @property
    def participates(self) -> bool:
        """Whether it is no observer: members that vote, and servers that are no members."""
        return self.sid not in self.views.committed.observers

    @property
    def learner_state(self) -> ServerState:
        """What it becomes under a leader."""
        return ServerState.FOLLOWING if self.participates else ServerState.OBSERVING

    def initial_vote(self) -> Vote:
        """Its own first vote in an election; a server without a say proposes nothing."""
        leader = self.sid if self.sid in self.views.committed.voters else Sid(UNSET)
        if not self.participates:
            return Vote(leader, Zxid(UNSET), Round(0), PeerEpoch(UNSET))
        return Vote(leader, self.zxid, Round(0), self.current_epoch)

    def accept_epoch(self, epoch: PeerEpoch) -> list[Effect]:
        """Promise to follow no leader of a lower epoch."""
        self.accepted_epoch = epoch
        return [Persist("acceptedEpoch", epoch)]

    def enter_epoch(self, epoch: PeerEpoch) -> list[Effect]:
        """Take part in ``epoch``."""
        self.current_epoch = epoch
        return [Persist("currentEpoch", epoch)]

    def log_to(self, zxid: Zxid) -> list[Effect]:
        """The tester's doing: the log is empty, and begins and ends at ``zxid``."""
        if zxid == self.zxid:
            return []
        self.log = Log(zxid, self.log.tree, ())
        self.zxid = self.committed = zxid
        return [Persist("zxid", zxid)]

    def commit_to(self, zxid: Zxid) -> list[Effect]:
        """The log is committed up to ``zxid``."""
        if zxid <= self.committed:
            return []
        self.committed = zxid
        return [Committed(zxid)]

    def append(self, txns: tuple[Txn, ...]) -> list[Effect]:
        """Log ``txns``."""
        if not txns:
            return []
        self.log.txns += txns
        self.zxid = self.log.last
        return [Append(txns)]

    def rewrite(self, after: Zxid, txns: tuple[Txn, ...]) -> list[Effect]:
        """Let ``txns`` be all that is beyond ``after``.

        What is the same stays where it is: others may count on my having it.
        """
        mine = self.log.between(after, self.log.last)
        same = 0
        while same < min(len(mine), len(txns)) and mine[same] == txns[same]:
            same += 1
        if same == len(mine):
            return self.append(txns[same:])
        self.log.cut(mine[same - 1].zxid if same else after)
        self.zxid = self.log.last
        return [Truncate(self.zxid), *self.append(txns[same:])]

    def fall_back(self) -> list[Effect]:
        """``zxid`` is no later than the log: an epoch that I led is not to be told of."""
        if self.zxid == self.log.last:
            return []
        self.zxid = self.log.last
        return [Truncate(self.zxid)]

    def restore(self, zxid: Zxid, tree: bytes, txns: tuple[Txn, ...]) -> list[Effect]:
        """Hold what a SNAP holds, and ``txns`` behind it."""
        self.log = Log(zxid, tree, txns)
        self.zxid = self.log.last
        self.committed = zxid
        return [Restore(zxid, tree, txns)]

    def establish(self, epoch: PeerEpoch) -> None:
        """``updateElectionVote``: later joiners hear of the established epoch."""
        self.vote = replace(self.vote, peer_epoch=epoch)

    def see(self, config: Configuration) -> list[Effect]:
        """``setLastSeenQuorumVerifier``: a proposed configuration counts beside the old."""
        seen = self.views.last_seen or self.views.committed
        if not self.reconfig_enabled or seen.version == config.version:
            return []
        self.views = self.views_of(self.views.committed, config)
        return [PersistConfig(config.text(), active=False)]

    def commit(self, config: Configuration) -> list[Effect]:
        """``setQuorumVerifier``: a newer configuration takes force; an older is ignored."""
        if not self.reconfig_enabled or config.version <= self.views.committed.version:
            return []
        seen = self.views.last_seen
        newest = config if seen is None or seen.version < config.version else seen
        self.views = self.views_of(config, newest)
        return [PersistConfig(config.text(), active=True)]


def is_major(
    old: Configuration, new: Configuration, me: Sid, leader: Sid, designated: Sid | None = None
) -> bool:
    """Whether a reconfiguration ends the quorum connection: my role or the leader changed.

    A voter that is removed stays a participant without a vote, and stays where it is. Under
    a commit's ``designated`` leader nobody has to move but from another one.
    """
    if (me in old.observers) != (me in new.observers):
        return True
    if designated is not None:
        return designated != leader
    if leader not in old.voters or leader not in new.voters:
        return True
    return old.members[leader].quorum != new.members[leader].quorum
