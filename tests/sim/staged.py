"""What the rows of ZooKeeper's own tests ask of a simulated ensemble beyond ordinary faults."""

from __future__ import annotations

from chaos.actions import Kill, Launch
from chaos.election.effects import Decided, Effect, Entered, Input
from chaos.election.ids import Sid, zxid_of
from chaos.election.notification import ServerState
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind, configuration_of
from chaos.history.events import Stepped
from chaos.sim.process import Process
from chaos.systems.simulated import Simulated
from tests.sim.drive import Run


def sids(*numbers: int) -> tuple[Sid, ...]:
    return tuple(Sid(number) for number in numbers)


def config(voters: tuple[int, ...], observers: tuple[int, ...] = (), version: int = 0) -> str:
    """The text that the simulated network's addresses give; ``version`` counts epochs."""
    peers = tuple(PeerSetup(sid) for sid in sids(*voters))
    peers += tuple(PeerSetup(sid, votes=False) for sid in sids(*observers))
    return text_of(EnsembleSetup(peers), version)


def weighed(weights: dict[int, int], groups: tuple[tuple[int, ...], ...], version: int) -> str:
    return text_of(hierarchy(weights, groups), version)


def hierarchy(weights: dict[int, int], groups: tuple[tuple[int, ...], ...]) -> EnsembleSetup:
    """Voters in ``groups``, numbered from 1."""
    peers = tuple(
        PeerSetup(sid, weight=weights[sid], group=group)
        for group, members in enumerate(groups, 1)
        for sid in sids(*members)
    )
    return EnsembleSetup(peers, QuorumKind.HIERARCHICAL)


def text_of(setup: EnsembleSetup, version: int) -> str:
    return configuration_of(setup, lambda sid: f"10.0.0.{sid}", zxid_of(version)).text()


def process(run: Run, sid: Sid) -> Process:
    """The process of a peer that is up, to give it inputs that no peer would send."""
    assert isinstance(run.system, Simulated)
    found = run.system._world.process(sid)
    assert found is not None
    return found


def back(run: Run, sid: Sid) -> None:
    """Start a peer that is down, and wait until it is up."""
    assert run.do(Launch(sid)).bit
    assert run.until(lambda: run.view.peers[sid].alive, 1)


def reborn(run: Run, sid: Sid, committed: str, proposed: str | None = None) -> None:
    """Kill a peer, and start it with these configurations on its disk."""
    assert isinstance(run.system, Simulated)
    run.do(Kill(sid))
    disk = run.system._world.hosts[sid].disk
    disk.config, disk.proposed = committed, proposed
    assert run.do(Launch(sid)).bit


def steps(run: Run, sid: Sid, since_ns: int = 0) -> list[Stepped]:
    return [
        e for e in run.events if isinstance(e, Stepped) and e.sid == sid and e.at_ns >= since_ns
    ]


def effects(run: Run, sid: Sid, since_ns: int = 0) -> list[Effect]:
    return [effect for step in steps(run, sid, since_ns) for effect in step.effects]


def states(run: Run, sid: Sid, since_ns: int = 0) -> list[ServerState]:
    """The states of a peer, one after another."""
    found: list[ServerState] = []
    for effect in effects(run, sid, since_ns):
        if isinstance(effect, Entered) and effect.state not in found[-1:]:
            found.append(effect.state)
    return found


def chosen(run: Run, sid: Sid, since_ns: int = 0) -> list[Sid]:
    """Whom a peer decided for, election by election."""
    return [e.vote.leader for e in effects(run, sid, since_ns) if isinstance(e, Decided)]


def inputs(run: Run, sid: Sid, kind: type[Input]) -> list[Stepped]:
    return [step for step in steps(run, sid) if isinstance(step.happened, kind)]
