"""After a run: its system is closed in time, and that nothing of it is left is looked for.

Faults are ended before. A block lives in the run's own network, or in the memory of a peer, and a
stopped process is a process: where no process and no network of the run is left, no port is
blocked, nothing is stopped, and nothing is without a parent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from chaos.errors import InfrastructureError
from chaos.history.events import Event
from chaos.ledger import Identity, Ledger
from chaos.plan.model import Cleanup
from chaos.sandbox.libc import ended_within, state_of
from chaos.systems.base import System

_MS: Final = 1_000_000
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Member:
    """A process of a run. ``pidfd`` means this very process, whoever has its pid later."""

    identity: Identity
    what: str
    pidfd: int


@dataclass(slots=True)
class Census:
    """Every process of a run, and the network namespaces that are the run's own."""

    members: list[Member] = field(default_factory=list)
    networks: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, pids: Mapping[int, str]) -> Census:
        """Those that a system names, and all that descend from them."""
        found = cls()
        known = dict(pids)
        for pid, what in pids.items():
            known |= {one: f"below {what}" for one in _below(pid) if one not in known}
        ours = _network(os.getpid())
        for pid, what in known.items():
            found._add(pid, what)
            network = _network(pid)
            if network is not None and network != ours:
                found.networks.add(network)
        return found

    def left(self, until_ns: int, now: Callable[[], int]) -> Iterator[str]:
        """What is still there at ``until_ns``; what goes before is waited for."""
        for one in self.members:
            if not ended_within(one.pidfd, max(0, until_ns - now()) // _MS):
                pid = one.identity.pid
                how = "stopped" if state_of(pid) == "T" else "not ended"
                yield f"process {pid} ({one.what}) is {how}"
        known = {one.identity.pid for one in self.members}
        for pid in _pids() if self.networks else ():
            if pid not in known and _network(pid) in self.networks:
                yield f"process {pid} is in the run's network"

    def close(self) -> None:
        """Let go of the descriptors."""
        for one in self.members:
            os.close(one.pidfd)
        self.members.clear()

    def _add(self, pid: int, what: str) -> None:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        identity = Identity.of(pid)
        if identity is None:
            os.close(pidfd)
        else:
            self.members.append(Member(identity, what, pidfd))


@dataclass(frozen=True, slots=True)
class Closed:
    """``residue`` is what a run left on the host, empty if nothing; ``facts`` tell of it."""

    residue: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def close(
    system: System, told: Callable[[Event], None], ledger: Ledger | None, asked: Cleanup
) -> Closed:
    """Close the system, and see that it took no longer and left no more than the plan allows.

    Its ledger stays where something is left, for whoever recovers it.
    """
    began_ns = system.now_ns
    census = Census.of(system.pids()) if asked.verify else Census()
    many = len(census.members)
    try:
        found = _closed(system, told, asked)
        found += census.left(began_ns + asked.deadline_ns, lambda: system.now_ns)
    finally:
        census.close()
    took_ns = system.now_ns - began_ns
    if not found and ledger is not None:
        ledger.close()
    if not found and took_ns > asked.deadline_ns:
        limit = f"{asked.deadline_ns / 1e9:g} s"
        found = [f"nothing is left, but clean-up took {took_ns / 1e9:.3f} s, and had {limit}"]
    facts = {} if not many else {"clean-up": _sentence(many, took_ns, found)}
    return Closed("; ".join(found), facts)


def _closed(system: System, told: Callable[[Event], None], asked: Cleanup) -> list[str]:
    system.end_within(asked.deadline_ns)
    try:
        for event in system.close():
            told(event)
    except InfrastructureError as error:
        return [str(error)]
    return []


def _sentence(many: int, took_ns: int, found: list[str]) -> str:
    if found:
        return f"{many} processes looked for: {'; '.join(found)}"
    return f"{many} processes ended within {took_ns / 1e9:.3f} s, which was looked for"


def _below(pid: int) -> list[int]:
    try:
        return [one.pid for one in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pids() -> Iterator[int]:
    return (int(one.name) for one in _PROC.iterdir() if one.name.isdecimal())


def _network(pid: int) -> int | None:
    """The network namespace of a process; ``None`` of one that is gone, or not ours to ask."""
    try:
        return (_PROC / str(pid) / "ns" / "net").stat().st_ino
    except OSError:
        return None
