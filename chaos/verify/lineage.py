"""Which log holds which transaction: logs, and the leaders whose logs they go on from.

Two properties of the protocol make more of what was seen. The zxids of an epoch are made by
its one leader. And a log that ends at a zxid of an epoch is, up to there, what the leader of
that epoch held: whoever logs a proposal was synchronised with its leader before.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from chaos.election.ids import UNSET, Sid, epoch_of
from chaos.election.packets import Txn
from chaos.verify.docket import Docket
from chaos.verify.rules import Electorate

Term = tuple[int, Sid]  # an epoch, and who led it


@dataclass(frozen=True, slots=True)
class Held:
    """A log: ``txns`` behind ``begins``; up to there it is what ``source`` held.

    Without a source, nobody saw what lies before ``begins``, unless that is nothing.
    """

    begins: int
    txns: tuple[Txn, ...] = ()
    source: Term | None = None

    def at(self, zxid: int) -> Txn | None:
        """The transaction of that zxid, among those behind ``begins``."""
        place = bisect_left(self.txns, zxid, key=lambda txn: txn.zxid)
        found = self.txns[place] if place < len(self.txns) else None
        return found if found is not None and found.zxid == zxid else None


@dataclass(slots=True)
class Tenure:
    """What is known of one leader in one epoch.

    ``held`` is its log at NEWLEADER, ``None`` while not seen. ``proposed`` are transactions of
    its epoch, ``shown`` older ones that it sent to learners as its own; both by zxid.
    """

    held: Held | None = None
    proposed: dict[int, Txn] = field(default_factory=dict)
    shown: dict[int, Txn] = field(default_factory=dict)


@dataclass(slots=True)
class Lineage:
    """All leaders of a history."""

    terms: dict[Term, Tenure] = field(default_factory=dict)

    def tenure(self, term: Term) -> Tenure:
        """What is known of ``term``, to be added to."""
        return self.terms.setdefault(term, Tenure())

    def ends_at(self, zxid: int) -> Held:
        """A log of which only the end is known."""
        epoch = epoch_of(zxid)
        leaders = [sid for known, sid in self.terms if known == epoch]
        leader = leaders[0] if len(leaders) == 1 else Sid(UNSET)
        return Held(zxid, (), (epoch, leader))

    def leads(self, term: Term, txn: Txn) -> bool | None:
        """Whether the leader of ``term`` held ``txn`` at NEWLEADER; ``None``: it is not known."""
        tenure = self.terms.get(term)
        if tenure is None:
            return None
        if txn.zxid in tenure.shown:
            return same(tenure.shown[txn.zxid], txn)
        return None if tenure.held is None else self._has(tenure.held, txn, term[0])

    def _has(self, held: Held, txn: Txn, below: int) -> bool | None:
        """Whether a log of before epoch ``below`` holds it."""
        if txn.zxid > held.begins:
            found = held.at(txn.zxid)
            return found is not None and same(found, txn)
        if held.source is None or held.source[0] >= below:
            return None
        epoch = epoch_of(txn.zxid)
        if epoch < held.source[0]:
            return self.leads(held.source, txn)
        tenure = self.terms.get(held.source, Tenure())
        proposed = tenure.proposed.get(txn.zxid)
        if proposed is not None:
            return same(proposed, txn)
        others = [sid for known, sid in self.terms if known == epoch and sid != held.source[1]]
        return None if others else True  # nobody else made zxids of that epoch

    def unseen(self, term: Term, txn: Txn) -> int:
        """Before which zxid a log is out of sight, where :meth:`leads` does not know."""
        tenure = self.terms.get(term)
        while tenure is not None and tenure.held is not None:
            held = tenure.held
            deeper = held.source is not None and held.source[0] < term[0]
            if held.source is None or not deeper or held.source not in self.terms:
                return held.begins
            term, tenure = held.source, self.terms[held.source]
        return txn.zxid


@dataclass(frozen=True, slots=True)
class Reign:
    """An established leader; ``who`` names it as reports do."""

    epoch: int
    sid: Sid
    index: int
    who: str = ""

    @property
    def term(self) -> Term:
        """Its epoch and it."""
        return self.epoch, self.sid


@dataclass(frozen=True, slots=True)
class Acked:
    """``txn`` was committed in ``epoch``, at event ``index``."""

    txn: Txn
    epoch: int
    index: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """``txn`` as its leader made and logged it, and whose acks make it committed."""

    txn: Txn
    electorate: Electorate
    index: int


@dataclass(slots=True)
class Logs:
    """What journals say, and what was seen of others.

    ``undone`` are steps that perhaps nobody performed: a journal has them before.
    """

    docket: Docket = field(default_factory=Docket)
    reigns: list[Reign] = field(default_factory=list)
    lineage: Lineage = field(default_factory=Lineage)
    acked: dict[Txn, Acked] = field(default_factory=dict)
    proposals: dict[tuple[Term, int], Proposal] = field(default_factory=dict)  # by zxid
    said: dict[tuple[Term, int], dict[Sid, int]] = field(default_factory=dict)  # acks, by whom
    undone: set[int] = field(default_factory=set)

    def acks_of_quorums(self) -> None:
        """What a quorum acked is committed, whether its leader lived to know it or not."""
        for (term, zxid), one in self.proposals.items():
            acks = {term[1]: one.index, **self.said.get((term, zxid), {})}
            sure = {sid: index for sid, index in acks.items() if index not in self.undone}
            if one.electorate.quorum(frozenset(sure)):
                self.commits(one.txn, term[0], max(sure.values()))

    def commits(self, txn: Txn, epoch: int, index: int) -> None:
        """``txn`` is known to be committed in ``epoch``, by event ``index``; the first counts."""
        if index in self.undone:
            return
        known = self.acked.get(txn)
        if known is None or epoch < known.epoch:
            self.acked[txn] = Acked(txn, epoch, index)


def same(one: Txn, other: Txn) -> bool:
    """Whether they are one transaction. A digest may follow a record, or may have been left out."""
    head = (one.zxid, one.session, one.cxid, one.time_ms, one.kind)
    if head != (other.zxid, other.session, other.cxid, other.time_ms, other.kind):
        return False
    return one.body.startswith(other.body) or other.body.startswith(one.body)
