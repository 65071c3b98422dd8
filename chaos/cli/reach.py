"""What of a plan cannot be done because a peer is a server of somebody else's.

Told before a process starts, where the plan alone shows it. Whom a step meets that picks by
lot, or that asks for the leader, shows only when it begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, Runs
from chaos.faults.base import Fault
from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.host import CpuStress
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.messages import Corrupt, Delay, Duplicate, Reorder, Slice, Throttle
from chaos.faults.skews import SkewLogicalClock, SkewTimers
from chaos.faults.targets import (
    Between,
    Group,
    Name,
    OneLink,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
)
from chaos.plan.model import Change, FaultStep, Plan

_TAKES = "it takes a configuration from its leader, and one of ours proposes none"
_OURS: Final[dict[type[Fault], str]] = {
    DiskFull: "its disk fails in a peer of ours only",
    SlowDisk: "its disk fails in a peer of ours only",
    CpuStress: "its threads cannot be held to one core from outside",
}
_INSIDE = (SkewLogicalClock, SkewTimers)
_OF_MESSAGES = (Delay, Duplicate, Reorder, Throttle, Corrupt, Slice)
_WHOLE = "its messages go as they are: only a peer of ours harms what it sends"


def beyond_reach(plan: Plan, foreign: Collection[Sid]) -> str:
    """The first step that asks ``foreign`` servers for what they cannot do; empty if none."""
    alone = set(foreign) >= set(plan.ensemble.sids)
    none = {Runs.CHAOS: alone, Runs.ZOOKEEPER: not foreign}
    programs = frozenset(runs for runs in Runs if not none[runs])
    for step, verb in plan.faults:
        what = f"cannot do step {step} ({verb.kind})"
        if (missing := _nobody(verb.target, programs)) is not None:
            return f"{what}: it asks for peers that run {missing}, and there are none"
        why = _impossible(verb.fault, alone=alone)
        met = sorted(_met(verb, plan.ensemble, frozenset(foreign))) if why else []
        if met:
            advice = "" if alone else "; let it be done to {of: …, runs: chaos}"
            return f"{what} to server {met[0]}: {why}{advice}"
    if foreign and not alone:
        for one in plan.every_step:
            if isinstance(one.verb, Change):
                return f"cannot do step {one.id} (change): {_TAKES}"
    return ""


def _met(verb: FaultStep, setup: EnsembleSetup, foreign: frozenset[Sid]) -> frozenset[Sid]:
    """Those of ``foreign`` that a step surely asks; a fault of all links asks their far ends."""
    if isinstance(verb.fault, _OF_MESSAGES) and not isinstance(verb.target, Between | OneLink):
        return foreign
    return _surely(verb.target, setup, foreign)


def _impossible(fault: Fault, *, alone: bool) -> str:
    """Why ``fault`` cannot be done to a ZooKeeper server; empty if it can."""
    match fault:
        case BumpConfigVersion(activate=False):
            return "its leader commits a configuration, it is given none in advance"
        case BumpConfigVersion() if not alone:
            return _TAKES
        case _ if isinstance(fault, _OF_MESSAGES):
            return "it holds no message back" if isinstance(fault, Delay) else _WHOLE
        case _ if type(fault) in _OURS:
            return _OURS[type(fault)]
        case _ if isinstance(fault, _INSIDE):
            return "it lets nobody change its memory"
        case _:
            return ""


def _nobody(selector: Selector, programs: frozenset[Runs]) -> Runs | None:
    """The program that a selector asks for although nobody runs it."""
    match selector:
        case Pick(runs=Runs() as runs) if runs not in programs:
            return runs
        case Pick(of=of):
            return _nobody(of, programs)
        case Several(parts=parts):
            found = (_nobody(part, programs) for part in parts)
            return next((runs for runs in found if runs is not None), None)
        case OneLink(among=among):
            return _nobody(among, programs)
        case Between(source=source, towards=towards):
            return _nobody(source, programs) or _nobody(towards, programs)
        case _:
            return None


def _surely(selector: Selector, setup: EnsembleSetup, foreign: frozenset[Sid]) -> frozenset[Sid]:
    """Those of ``foreign`` that a selector means whatever happens."""
    match selector:
        case Sids(sids=sids):
            return foreign & frozenset(sids)
        case Group(word=word):
            return _by_word(word, setup, foreign)
        case Several(parts=parts):
            return frozenset[Sid]().union(*(_surely(part, setup, foreign) for part in parts))
        case Pick(of=of, n=None, runs=None, zone="", group=None, weight_at_least=None, but=but):
            return _surely(of, setup, foreign) - frozenset(_perhaps(but, setup))
        case Between(source=source):
            return _surely(source, setup, foreign)
        case Pick() | Name() | OneLink():
            return frozenset()


def _by_word(word: Word, setup: EnsembleSetup, foreign: frozenset[Sid]) -> frozenset[Sid]:
    votes = {peer.sid: peer.votes for peer in setup.peers}
    match word:
        case Word.ALL:
            return foreign
        case Word.VOTERS:
            return frozenset(sid for sid in foreign if votes[sid])
        case Word.OBSERVERS:
            return frozenset(sid for sid in foreign if not votes[sid])
        case Word.FOLLOWERS:
            voters = frozenset(sid for sid in foreign if votes[sid])
            return voters if len(voters) > 1 else frozenset()  # one of them may lead
        case _:
            return frozenset()


def _perhaps(but: tuple[Selector, ...], setup: EnsembleSetup) -> Iterator[Sid]:
    """Everybody that an exception may mean."""
    for part in but:
        yield from part.sids if isinstance(part, Sids) else setup.sids
