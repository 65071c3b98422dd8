"""Restarts: what a peer finds on its disk is what it left there, or the tester's doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.actions import Launch, SetEpochs, SetZxid
from chaos.election.effects import SkewEpochs, SkewZxid
from chaos.election.ids import Sid, epoch_of
from chaos.history.events import Acted, Appeared, Began, Stepped
from chaos.history.history import History
from chaos.verify.docket import Docket, Law
from chaos.verify.standing import Disk, Forgot, Standing

Change = tuple[int, Launch | SetEpochs | SetZxid]  # with the index of its event


@dataclass(frozen=True, slots=True)
class Meddling:
    """What the tester did to disks.

    ``changes`` are those of disks; ``first`` is the first event by which it changed any log
    or epoch, beyond the last event if it never did.
    """

    changes: Mapping[Sid, list[Change]]
    first: int


def meddling(history: History) -> Meddling:
    """Look for it in the whole history; a plan may begin with logs ahead of their epochs."""
    changes: dict[Sid, list[Change]] = {}
    first = len(history.events)
    for index, event in enumerate(history.events):
        match event:
            case Acted(action=Launch(wipe=True) | SetEpochs() | SetZxid() as action):
                changes.setdefault(action.sid, []).append((index, action))
                meddled = not isinstance(action, Launch)
            case Stepped(happened=SkewEpochs() | SkewZxid()):
                meddled = True
            case Began(inc=0, spec=spec):
                meddled = epoch_of(spec.last_zxid) > spec.current_epoch
            case Appeared(inc=0, zxid=zxid, current_epoch=current):
                meddled = epoch_of(zxid) > current
            case _:
                meddled = False
        if meddled:
            first = min(first, index)
    return Meddling(changes, first)


def birth(index: int, began: Began, old: Disk | None, tester: Meddling, docket: Docket) -> Standing:
    """A process stands: does its disk hold what the one before it left there?"""
    disk = Disk.of(began.spec, index)
    standing = Standing(began, disk, docket, tester.first)
    if old is None:
        if began.spec.current_epoch > began.spec.accepted_epoch:
            disk.touched = {"acceptedEpoch", "currentEpoch"}  # the plan made it so
        return standing
    disk.touched = set(old.touched)
    for at, action in tester.changes.get(began.sid, []):
        if old.index < at < index:
            disk.touched |= set(disk.values) if isinstance(action, Launch) else _files(action)
    now, known = disk.values["acceptedEpoch"], old.values["acceptedEpoch"]
    if "acceptedEpoch" in disk.touched and now < known:
        standing.forgot.append(Forgot(began.sid, now, known, index))
    for name in ("acceptedEpoch", "currentEpoch"):
        if name not in disk.touched:
            _kept(name, old, (index, began, disk), docket)
    # A log comes to disk before its epoch: a kill in between leaves it ahead, until the next.
    disk.ahead = old.ahead or began.spec.current_epoch < old.values["currentEpoch"]
    standing.born(index)
    return standing


def _files(action: SetEpochs | SetZxid) -> set[str]:
    if isinstance(action, SetZxid):
        return {"zxid"}
    return {"currentEpoch"} if action.accepted is None else {"acceptedEpoch", "currentEpoch"}


def _kept(name: str, old: Disk, birth: tuple[int, Began, Disk], docket: Docket) -> None:
    """H1, H2 across a restart. The write of the last step may not have come to pass."""
    index, began, disk = birth
    now, least = disk.values[name], min(old.values[name], old.before[name])
    wrong = ""
    if now < least:
        wrong = f"peer {began.sid} came back with {name} {now}; its disk held {least}"
    docket.case(Law.EPOCHS, wrong, index, old.index)
