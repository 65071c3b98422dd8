"""The rules of an election once more, written apart from the core that they judge.

Nothing here calls ``chaos.election``'s comparison, tally or quorum: a mistake there must not
hide itself. Source: ZooKeeper 3.8 ``totalOrderPredicate``, ``Vote.equals``, ``QuorumMaj``,
``QuorumHierarchical``.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import NamedTuple

from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.vote import Vote


class Ballot(NamedTuple):
    """The four numbers of a vote."""

    leader: int
    zxid: int
    round: int
    epoch: int

    @property
    def rank(self) -> tuple[int, int, int]:
        """What votes are ordered by."""
        return (self.epoch, self.zxid, self.leader)

    def __str__(self) -> str:
        return f"(leader {self.leader}, zxid {self.zxid:#x}, epoch {self.epoch}, r{self.round})"


def ballot_of(said: Notification | Vote) -> Ballot:
    """The numbers of a notification or a vote."""
    return Ballot(said.leader, said.zxid, said.round, said.peer_epoch)


@dataclass(frozen=True, slots=True)
class Electorate:
    """The committed configuration and the last one seen, as one peer holds them."""

    committed: Configuration
    last_seen: Configuration | None = None
    voters: frozenset[Sid] = field(init=False)  # of either
    in_force: tuple[Configuration, ...] = field(init=False)  # each must give its quorum
    split: bool = field(init=False)  # two are in force, and they count differently
    bystanders: frozenset[Sid] = field(init=False)  # members without a say: must not matter

    def __post_init__(self) -> None:
        seen = self.last_seen
        both = (self.committed,) if seen is None else (self.committed, seen)
        newer = both if seen is not None and seen.version > self.committed.version else both[:1]
        object.__setattr__(self, "voters", frozenset().union(*(c.voters for c in both)))
        object.__setattr__(self, "in_force", newer)
        object.__setattr__(self, "split", len({_counting(c) for c in newer}) > 1)
        silent = {s for c in newer for s in c.members if s not in self.voters or weight(c, s) == 0}
        object.__setattr__(self, "bystanders", frozenset(silent))

    def commits(self, config: Configuration) -> Electorate:
        """``config`` takes force; it is last-seen too unless a newer one was."""
        seen = self.last_seen
        return Electorate(config, config if seen is None or seen.version < config.version else seen)

    def sees(self, config: Configuration) -> Electorate:
        """``config`` is proposed."""
        return Electorate(self.committed, config)

    def better(self, new: Ballot, old: Ballot) -> bool:
        """Whether a peer changes its mind from ``old`` to ``new``."""
        return weight(self.committed, new.leader) != 0 and new.rank > old.rank

    def counted(self, sids: Set[int]) -> frozenset[int]:
        """Those of ``sids`` that some configuration in force counts."""
        return frozenset().union(*(config.voters & sids for config in self.in_force))

    def quorum(self, sids: Set[int]) -> bool:
        """Whether ``sids`` are enough in every configuration in force."""
        return all(enough(config, sids) for config in self.in_force)


def _counting(config: Configuration) -> tuple[frozenset[Sid], object, object]:
    """All that decides who is a quorum of ``config``."""
    groups = frozenset(config.groups.values())
    return config.voters, groups, frozenset((sid, weight(config, sid)) for sid in config.voters)


def weight(config: Configuration, sid: int) -> int:
    """The weight of ``sid``: 1 for anybody under a plain majority, 0 for who has none."""
    if not config.groups and not config.weights:
        return 1
    who = Sid(sid)
    return config.weights.get(who, 1) if who in config.voters else 0


def enough(config: Configuration, sids: Set[int]) -> bool:
    """Whether the voters among ``sids`` are a quorum of ``config``."""
    if not config.groups and not config.weights:
        return 2 * len(config.voters & sids) > len(config.voters)
    heavy = won = 0
    for members in config.groups.values():
        total = sum(weight(config, sid) for sid in members)
        here = sum(weight(config, sid) for sid in members if sid in sids)
        heavy += total > 0
        won += 2 * here > total
    return 2 * won > heavy
