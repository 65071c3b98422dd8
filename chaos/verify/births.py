"""Restarts: what a peer finds on its disk is what it left there, or the tester's doing."""

from __future__ import annotations

from chaos.actions import Launch, SetEpochs, SetZxid
from chaos.history.events import Began
from chaos.verify.docket import Docket, Law
from chaos.verify.standing import Disk, Forgot, Standing
from chaos.verify.tester import Meddling


def birth(
    index: int, began: Began, past: Standing | None, tester: Meddling, docket: Docket
) -> Standing:
    """A process stands: does its disk hold what the one before it left there?"""
    disk = Disk.of(began.spec, index, began.at_ns)
    standing = Standing(began, disk, docket, tester)
    if past is None:
        if began.spec.current_epoch > began.spec.accepted_epoch:
            disk.touched = {"acceptedEpoch", "currentEpoch"}  # the plan made it so
        return standing
    old = past.disk
    disk.touched = set(old.touched)
    for _, action in tester.since(began.sid, (old.index, old.at_ns), index):
        disk.touched |= set(disk.values) if isinstance(action, Launch) else _files(action)
    now, known = disk.values["acceptedEpoch"], old.values["acceptedEpoch"]
    if "acceptedEpoch" in disk.touched and now < known:
        standing.forgot.append(Forgot(began.sid, now, known, index))
    loose = old.held or began.sid in tester.spoilt
    for name in ("acceptedEpoch", "currentEpoch"):
        if name not in disk.touched:
            _kept(name, old, (index, began, disk), docket, loose=loose)
    if "currentEpoch" not in disk.touched:
        past.never_led(disk.values["currentEpoch"], loose=loose)
    # A log comes to disk before its epoch: a kill in between leaves it ahead, until the next.
    disk.ahead = old.ahead or began.spec.current_epoch < old.values["currentEpoch"]
    standing.born(index)
    return standing


def _files(action: SetEpochs | SetZxid) -> set[str]:
    if isinstance(action, SetZxid):
        return {"zxid"}
    return {"currentEpoch"} if action.accepted is None else {"acceptedEpoch", "currentEpoch"}


def _kept(
    name: str, old: Disk, birth: tuple[int, Began, Disk], docket: Docket, *, loose: bool
) -> None:
    """H1, H2 across a restart: it is as the last step found it, or as that step wrote it.

    Of who was at a gate, or whose disk a fault spoilt, only that it does not fall is asked, below
    what was there before the step that it was at.
    """
    index, began, disk = birth
    now, least = disk.values[name], old.least(name, loose=loose)
    right = {old.before[name], old.values[name], *(n for known, n in old.wrote if known == name)}
    wrong = f"peer {began.sid} came back with {name} {now}"
    if now in right or (loose and now >= least):
        docket.case(Law.EPOCHS, "", index, old.index)
    elif now > max(right):
        why = f"{wrong}; its journal tells of {max(right)} at most"
        docket.doubt(Law.EPOCHS, why, index, old.index)
    else:
        held = least if now < least else old.values[name]
        docket.case(Law.EPOCHS, f"{wrong}; its disk held {held}", index, old.index)
