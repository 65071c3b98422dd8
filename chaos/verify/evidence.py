"""Did each fault bite? What cannot be confirmed makes a run inconclusive, never green.

===============  ================================================================
action           what confirms it
===============  ================================================================
Pause            kernel state T for some time; no line in the peer's journal until its Resume
Kill, Terminate  the exit status of the process that was reaped
Launch           the birth of the peer's next incarnation
Block            packets, frames or connections stopped, counted by its Unblock
Slow, Lose, ...  messages delayed, lost, written twice, overtaken, changed, narrowed or cut,
                 counted by its Clear
Load             transactions committed, or writes acknowledged, counted by its Unload
TurnRound        another round, by the input in the journal, and a message that carries it
SetEpochs, ...   the input and the write in the journal; or files of a peer that is down, which
                 held something else, and were not wiped before it started
Configure        the input and the write of the configuration in the journal, or the version
                 that a foreign server has in force
SkewTimers       the peer's own answer, and a timer that ran by it for some time
Attack           connections that stood, and the bytes said on them, counted by its CallOff
SpoilDisk        writes that lagged, counted by its MendDisk; or the end of a peer that could
                 not write, by its exit status
Burn             how busy the cores of its targets were, by the kernel, told by its Cool
Hold             a peer that held while its step's fault took effect, and did nothing meanwhile
===============  ================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, get_args

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Acted, Appeared, Began, Exited
from chaos.history.history import History
from chaos.verify.deeds import deed, facts_of
from chaos.verify.ends import NO_ROOM
from chaos.verify.fold import JOURNAL
from chaos.verify.gating import gated, observed
from chaos.verify.traces import AT_ONCE, Proof, ends, inside
from chaos.verify.verdict import Kind, Outcome, Verdict

_STOPPED = ("packets", "frames", "connections", "delayed", "lost")
_COUNTS = (*_STOPPED, *act.HARMED, "committed", "acknowledged")
_TOLD = ("late_us", "bytes", "pieces", "answered", "closed", "refused")  # of no account alone
_ENDINGS: Final[dict[type[act.Action], Callable[[str], act.Action]]] = {
    act.Block: act.Unblock,
    **dict.fromkeys(get_args(act.Messages), act.Clear),
    act.Load: act.Unload,
    act.Attack: act.CallOff,
    act.SpoilDisk: act.MendDisk,
}
_SIGKILL, _SIGTERM = 9, 15
TOUCHED_NOTHING = "it touched nothing"  # it was in force, and nobody came by


def fault_evidence(history: History) -> tuple[Verdict, ...]:
    """One verdict for each step that did something: HOLDS or UNKNOWN."""
    steps: dict[str, list[tuple[int, Acted]]] = {}
    for index, event in history.every(Acted):
        if event.step:
            steps.setdefault(event.step, []).append((index, event))
    return tuple(
        verdict
        for step, acted in steps.items()
        if (verdict := _of_step(step, acted, history)) is not None
    )


def _of_step(step: str, acted: list[tuple[int, Acted]], history: History) -> Verdict | None:
    """The verdict on one step, ``None`` if all it did was to end another's fault."""
    proofs = [(one, _proof(index, one, history)) for index, one in acted]
    judged = [proof for _, proof in proofs if proof is not None]
    if not judged:
        return None
    evidence = tuple(dict.fromkeys(i for proof in judged for i in proof.evidence))
    missing = [
        f"{deed(one.action)}: {proof.missing}"
        for one, proof in proofs
        if proof is not None and proof.missing
    ]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return Verdict(
            step, Kind.EVIDENCE, Outcome.UNKNOWN, missing[0] + more, evidence, len(judged)
        )
    shown = [_shown(one, proof) for one, proof in proofs if proof]
    words = "; ".join(dict.fromkeys([*shown, *observed(step, history)]))
    return Verdict(step, Kind.EVIDENCE, Outcome.HOLDS, f"confirmed: {words}", evidence, len(judged))


def _shown(acted: Acted, proof: Proof) -> str:
    """What was done, and what shows it."""
    return deed(acted.action) + (f" ({proof.shown})" if proof.shown else "")


def _proof(index: int, acted: Acted, history: History) -> Proof | None:
    """The proof of one action; ``None`` for those that only end another."""
    if ends(acted.action) and not isinstance(acted.action, act.Launch):
        return _ended(index, acted)
    if acted.evidence.bit is False:
        return Proof(f"it did not happen: {facts_of(acted)}", (index,))
    match acted.action:
        case act.Kill() | act.Terminate() | act.Launch() | act.Pause():
            return _process(index, acted, history)
        case _ if isinstance(acted.action, _Lasting):
            return _by_its_end(index, acted.action, history)
        case act.Hold():
            return gated(index, acted.action, history)
        case _:
            return inside(index, acted, history)


def _ended(index: int, acted: Acted) -> Proof | None:
    """A peer that stays stopped or skewed was not healed; counters are judged elsewhere."""
    counted = act.Unblock | act.Clear | act.Unload | act.CallOff | act.MendDisk | act.Cool
    counts = isinstance(acted.action, counted)
    if acted.evidence.bit is False and not counts:
        return Proof(f"it did not happen: {facts_of(acted)}", (index,))
    return None


# ---- processes


def _paused(index: int, acted: Acted, sid: Sid, history: History) -> Proof:
    if acted.evidence.facts.get("state") != "T":
        return Proof(f"the kernel did not report it stopped: {facts_of(acted)}", (index,))
    journal = () if sid in history.foreign else JOURNAL
    for at in range(index + 1, len(history.events)):
        event = history.events[at]
        stood_ns = event.at_ns - acted.done_ns
        resumed = isinstance(event, Acted) and event.action == act.Resume(sid)
        if resumed or (isinstance(event, Exited) and event.sid == sid):
            if stood_ns <= 0:
                return Proof(AT_ONCE, (index, at))
            how = "" if resumed else "until its end, "
            return Proof("", (index, at), f"stopped {how}for {stood_ns / 1e9:.3f} s")
        if isinstance(event, journal) and event.sid == sid and event.at_ns > acted.done_ns:
            return Proof("its journal goes on while it is stopped", (index, at))
    return Proof("", (index,), "stopped to the last")


def _process(index: int, acted: Acted, history: History) -> Proof:
    action = acted.action
    if isinstance(action, act.Pause):
        return _paused(index, acted, action.sid, history)
    assert isinstance(action, act.Kill | act.Terminate | act.Launch)
    for at in range(index + 1, len(history.events)):
        event = history.events[at]
        if isinstance(action, act.Launch):
            if isinstance(event, Began | Appeared) and event.sid == action.sid:
                return Proof("", (index, at), f"pid {event.pid}")
        elif isinstance(event, Exited) and event.sid == action.sid:
            right = (-_SIGKILL,) if isinstance(action, act.Kill) else (0, -_SIGTERM, 128 + _SIGTERM)
            if event.status in right:
                return Proof("", (index, at), f"status {event.status}")
            return Proof(f"the process ended with status {event.status}", (index, at))
    what = "no new start" if isinstance(action, act.Launch) else "no exit of the process"
    return Proof(f"{what} was seen", (index,))


# ---- blocks, message faults, workloads and attacks

_Counted = act.Block | act.Messages | act.Load | act.Attack | act.SpoilDisk
_Lasting = _Counted | act.Burn


def _counted(index: int, action: _Counted, history: History) -> Proof:
    ending = _ENDINGS[type(action)]
    for at in range(index + 1, len(history.events)):
        event = history.events[at]
        if not isinstance(event, Acted) or event.action != ending(action.name):
            continue
        counted = {key: _count(event.evidence.facts, key) for key in _COUNTS}
        told = [f"{key} {count}" for key, count in counted.items() if count > 0]
        if told:
            more = {key: _count(event.evidence.facts, key) for key in _TOLD}
            told += [f"{key} {count}" for key, count in more.items() if count > 0]
            return Proof("", (index, at), ", ".join(told))
        return Proof(f"{TOUCHED_NOTHING}: {facts_of(event)}", (index, at))
    return Proof("it was never taken away, so nothing was counted", (index,))


def _by_its_end(index: int, action: _Lasting, history: History) -> Proof:
    """What was counted or measured when it was taken away, or happened until then."""
    match action:
        case act.SpoilDisk(lag_ns=0):
            return _full(index, action, history)
        case act.Burn(name=name):
            return _heated(index, name, history)
        case _:
            return _counted(index, action, history)


def _full(index: int, action: act.SpoilDisk, history: History) -> Proof:
    """Some target had to write, could not, and ended by that."""
    ended: dict[int, int] = {}
    for at in range(index + 1, len(history.events)):
        match history.events[at]:
            case Exited(sid=sid, status=status) if status == NO_ROOM and sid in action.sids:
                ended[at] = int(sid)
            case Acted(action=act.MendDisk(name=name)) if name == action.name:
                break
            case _:
                pass
    if not ended:
        return Proof("nothing was to be written while there was no room", (index,))
    who = ", ".join(str(sid) for sid in ended.values())
    return Proof("", (index, *ended), f"ENOSPC at {who}, which ended by that")


def _heated(index: int, name: str, history: History) -> Proof:
    """The cores were as busy as was asked for."""
    for at in range(index + 1, len(history.events)):
        event = history.events[at]
        if isinstance(event, Acted) and event.action == act.Cool(name):
            told = facts_of(event)
            if event.evidence.bit is True:
                return Proof("", (index, at), told)
            return Proof(f"the core was not as busy as it should be: {told}", (index, at))
    return Proof("it was never taken away, so nothing was measured", (index,))


def _count(facts: Mapping[str, int | str], key: str) -> int:
    value = facts.get(key, 0)
    return value if isinstance(value, int) else 0
