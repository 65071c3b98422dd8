"""Whether what a wait waits for is so, on the ensemble as last seen."""

from __future__ import annotations

from collections.abc import Callable

from chaos.election.ids import Sid
from chaos.faults.targets import Selector
from chaos.history.view import EnsembleView
from chaos.plan.model import Condition, Elapsed, LeaderOutcome, NoLeaderOutcome, RoleOutcome

Resolve = Callable[[Selector], tuple[Sid, ...]]
Met = Callable[[], bool]


def watch(condition: Condition, view: EnsembleView, resolve: Resolve) -> Met:
    """A question to ask again and again. Selectors are resolved once, when the wait begins.

    Raises:
        NoTarget: a selector means nobody now.
    """
    match condition:
        case Elapsed():
            return lambda: False  # only its deadline ends it
        case LeaderOutcome():
            among = None if condition.among is None else resolve(condition.among)
            everybody = condition.seen_by == "all"
            return lambda: _leads(view, among, everybody=everybody)
        case NoLeaderOutcome():
            among = None if condition.among is None else resolve(condition.among)
            return lambda: not _leads(view, among, everybody=False)
        case RoleOutcome():
            sids = resolve(condition.of)
            role = condition.role
            return lambda: _have_role(view, sids, role)


def _leads(view: EnsembleView, among: tuple[Sid, ...] | None, *, everybody: bool) -> bool:
    leader = view.leader
    if leader is None or (among is not None and leader not in among):
        return False
    if not everybody:
        return True
    living = {sid for sid, peer in view.peers.items() if peer.alive}
    serving = {sid for sid in living if view.peers[sid].epoch is not None}
    return living <= view.followers_of(leader) & serving


def _have_role(view: EnsembleView, sids: tuple[Sid, ...], role: str) -> bool:
    roles = view.roles()
    return all(roles[sid] == role for sid in sids)
