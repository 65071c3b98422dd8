"""Restarts: what a peer finds on its disk is what it left there, or the tester's doing."""

from __future__ import annotations

from chaos.actions import Launch, SetEpochs, SetZxid
from chaos.election.ids import Sid, epoch_of
from chaos.history.events import Acted, Began
from chaos.history.history import History
from chaos.verify.docket import Docket, Law
from chaos.verify.standing import Disk, Forgot, Standing

Change = tuple[int, Launch | SetEpochs | SetZxid]  # with the index of its event


def changes(history: History) -> dict[Sid, list[Change]]:
    """What the tester did to the disks of peers that were down."""
    found: dict[Sid, list[Change]] = {}
    for index, event in history.every(Acted):
        match event.action:
            case Launch(wipe=True) | SetEpochs() | SetZxid():
                found.setdefault(event.action.sid, []).append((index, event.action))
            case _:
                pass
    return found


def birth(
    index: int, began: Began, old: Disk | None, changed: list[Change], docket: Docket
) -> Standing:
    """A process stands: does its disk hold what the one before it left there?"""
    disk = Disk.of(began.spec, index)
    standing = Standing(began.spec, began.inc, disk, docket)
    if old is None:
        if not epoch_of(began.spec.zxid) <= began.spec.current_epoch <= began.spec.accepted_epoch:
            disk.touched = set(disk.values)  # the plan made it so
        return standing
    disk.touched = set(old.touched)
    for at, action in changed:
        if old.index < at < index:
            disk.touched |= set(disk.values) if isinstance(action, Launch) else _files(action)
    now, known = disk.values["acceptedEpoch"], old.values["acceptedEpoch"]
    if "acceptedEpoch" in disk.touched and now < known:
        standing.forgot.append(Forgot(began.sid, now, known, index))
    for name in ("acceptedEpoch", "currentEpoch"):
        if name not in disk.touched:
            _kept(name, old, (index, began, disk), docket)
    standing.born(index)
    return standing


def _files(action: SetEpochs | SetZxid) -> set[str]:
    if isinstance(action, SetZxid):
        return {"zxid"}
    given = {"acceptedEpoch": action.accepted, "currentEpoch": action.current}
    return {name for name, value in given.items() if value is not None}


def _kept(name: str, old: Disk, birth: tuple[int, Began, Disk], docket: Docket) -> None:
    """H1, H2 across a restart. The write of the last step may not have come to pass."""
    index, began, disk = birth
    now, least = disk.values[name], min(old.values[name], old.before[name])
    wrong = ""
    if now < least:
        wrong = f"peer {began.sid} came back with {name} {now}; its disk held {least}"
    docket.case(Law.EPOCHS, wrong, index, old.index)
