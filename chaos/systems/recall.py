"""What clients were promised, asked for once more before a run ends.

Who is asked catches up with its leader first, so that whatever was acknowledged before the
question has to be in the answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from chaos.errors import InfrastructureError
from chaos.history.events import Listed, Recalled
from chaos.systems.clients import Reply

ROOT: Final = "/"
OURS: Final = "chaos-"  # begins the nodes that our own leaders make
_WAIT_NS: Final = 10_000_000_000  # for a leader, over all questions of a run
_ASK_MS: Final = 3000
_AGAIN_S: Final = 0.2
_ABSENT: Final = "NoNodeError"


class Asks(Protocol):
    """Who can reach servers: ``chaos.systems.clients.Clients``."""

    def ask(self, do: str, **asked: int | str) -> Reply:
        """One request; what it answers."""
        ...


class Worked(Protocol):
    """Who had clients write: ``chaos.systems.foreign.ForeignHands``."""

    def workloads(self) -> tuple[str, ...]:
        """The workloads that there were; none goes on any more."""
        ...


@dataclass(slots=True)
class Promised:
    """Of one workload: the paths that were acknowledged, and those never answered."""

    acknowledged: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)


def promised(record: Path) -> Promised:
    """Read a record of writes (``chaos/zookeeper/workload.py``); a torn end is left out."""
    found = Promised()
    for line in record.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        match json.loads(line):
            case {"path": str(path), "outcome": "acknowledged"}:
                found.acknowledged.append(path)
            case {"path": str(path), "outcome": "unknown"}:
                found.unknown.add(path)
            case _:
                pass
    return found


class Recall:
    """The questions at the end of one run; records of writes lie in ``folder``.

    All of them together wait ``wait_ns`` for a leader, and then for one more answer.
    """

    def __init__(self, clients: Asks, hands: Worked, folder: Path, wait_ns: int = _WAIT_NS) -> None:
        self._clients = clients
        self._hands = hands
        self._folder = folder
        self._deadline_ns = time.monotonic_ns() + wait_ns

    def ask(self, *, ours: bool) -> Iterator[Recalled | Listed]:
        """About every workload; about the nodes of our own leaders if there can be any."""
        names = self._hands.workloads()
        for name in names:
            yield self._workload(name)
        if names and ours:
            at_ns = time.monotonic_ns()
            found, why = self._children(ROOT)
            kept = tuple(name for name in found if name.startswith(OURS))
            yield Listed(at_ns, ROOT, kept, why)

    def _workload(self, name: str) -> Recalled:
        at_ns, root = time.monotonic_ns(), f"/chaos-{name}"
        try:
            told = promised(self._folder / f"writes-{name}.jsonl")
        except OSError as error:
            return Recalled(at_ns, name, 0, why=f"the record of its writes: {error}")
        found, why = self._children(root)
        if why and not told.acknowledged:
            return Recalled(at_ns, name, 0)
        if why:
            return Recalled(at_ns, name, len(told.acknowledged), why=why)
        there = {f"{root}/{child}" for child in found}
        missing = tuple(path for path in told.acknowledged if path not in there)
        return Recalled(at_ns, name, len(told.acknowledged), missing, len(told.unknown & there))

    def _children(self, path: str) -> tuple[tuple[str, ...], str]:
        """The nodes below ``path``, or why nobody could be asked. A node that is not has none."""
        while True:
            try:
                reply = self._clients.ask("children", path=path, timeout_ms=_ASK_MS)
            except InfrastructureError as error:
                if _ABSENT in str(error):
                    return (), ""
                if time.monotonic_ns() > self._deadline_ns:
                    return (), str(error)
                time.sleep(_AGAIN_S)
                continue
            names = reply.get("children")
            assert isinstance(names, list)
            return tuple(map(str, names)), ""
