"""What was done, in the words of a verdict: ``SIGSTOP of peer 3``, ``the block``."""

from __future__ import annotations

from typing import Final

from chaos import actions as act
from chaos.history.events import Acted

_OF_PEERS: Final[dict[type[act.Action], str]] = {
    act.Kill: "SIGKILL of",
    act.Terminate: "SIGTERM of",
    act.Launch: "start of",
    act.Pause: "SIGSTOP of",
    act.Resume: "SIGCONT of",
    act.TurnRound: "the round of",
    act.SetEpochs: "the epochs of",
    act.SetZxid: "the last zxid of",
    act.SkewTimers: "the timers of",
    act.Configure: "the configuration of",
    act.Ask: "the question about",
}
_BY_NAME: Final[dict[type[act.Action], str]] = {
    act.Block: "the block",
    act.Unblock: "the end of the block",
    act.Slow: "the delay",
    act.Lose: "the loss",
    act.Duplicate: "the duplication",
    act.Reorder: "the reordering",
    act.Corrupt: "the corruption",
    act.Throttle: "the throttle",
    act.Slice: "the slicing",
    act.Clear: "the end of the message fault",
    act.Load: "the workload",
    act.Unload: "the end of the workload",
    act.Hold: "the gate",
    act.LetGo: "the end of the gate",
    act.Attack: "the attack",
    act.CallOff: "the end of the attack",
    act.SpoilDisk: "the disk fault",
    act.MendDisk: "the end of the disk fault",
    act.Burn: "the load",
    act.Cool: "the end of the load",
}


def deed(action: act.Action) -> str:
    """An action as a noun. Those that go by a name are called by their kind: the step has it."""
    kind = type(action)
    if kind in _BY_NAME:
        return _BY_NAME[kind]
    sid = getattr(action, "sid", None)
    assert kind in _OF_PEERS, f"{kind.__name__} has no words"
    return f"{_OF_PEERS[kind]} peer {sid}"


def facts_of(acted: Acted) -> str:
    """The driver's own evidence in words."""
    facts = ", ".join(f"{key} {value}" for key, value in sorted(acted.evidence.facts.items()))
    return facts or "no facts"
