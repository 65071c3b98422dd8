"""Client sessions with real servers, by kazoo, which is an optional dependency.

kazoo has no types: what is used of it is written down here as protocols.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Final, Protocol

from chaos.errors import ChaosError, InfrastructureError, UnsupportedError

try:
    from kazoo.client import KazooClient
except ImportError:
    KazooClient = None

SESSION_S: Final = 4.0  # servers allow 2 to 20 ticks and correct what is asked for
_RETRY: Final = {"max_tries": -1, "delay": 0.05, "backoff": 1, "max_delay": 0.1}
_ONCE: Final = {"max_tries": 0}
# A request that ended so was sent, or may have been: the servers may have done it.
_UNKNOWN: Final = ("ConnectionLoss", "SessionExpiredError", "OperationTimeoutError")
# Our own peers, where they lead, make no nodes for clients: they answer every write so.
_REFUSED: Final = "UnimplementedError"
_EXISTS: Final = "NodeExistsError"


class Outcome(StrEnum):
    """What became of a write."""

    ACKNOWLEDGED = "acknowledged"
    UNKNOWN = "unknown"
    FAILED = "failed"
    REFUSED = "refused"  # by a leader that writes for no client


class Stat(Protocol):
    """Of a node: the zxids of its making and of its last change."""

    czxid: int
    mzxid: int


class Result(Protocol):
    """An answer that is not there yet. ``exception`` is set with it, or stays ``None``."""

    exception: BaseException | None

    def get(self, block: bool = True, timeout: float | None = None) -> object:  # noqa: FBT001, FBT002  kazoo's
        """Wait for it."""
        ...

    def rawlink(self, callback: Callable[[Result], None]) -> None:
        """Have ``callback`` called once, from another thread."""
        ...


class Zoo(Protocol):
    """What is used of a ``KazooClient``."""

    connected: bool
    client_id: tuple[int, bytes] | None

    def start_async(self) -> Event:
        """Connect; the event tells when that is done."""
        ...

    def stop(self) -> None:
        """Close the session."""
        ...

    def close(self) -> None:
        """Give back what the client holds."""
        ...

    def create_async(self, path: str, value: bytes, *, include_data: bool) -> Result:
        """Make a node; the answer is its path, with ``include_data`` its path and stat."""
        ...

    def get_children_async(self, path: str) -> Result:
        """Ask for the names of a node's children."""
        ...

    def sync_async(self, path: str) -> Result:
        """Ask the server to catch up with its leader first."""
        ...

    def reconfig_async(
        self, joining: str | None, leaving: str | None, new_members: str | None, from_config: int
    ) -> Result:
        """Ask for another membership; the answer is the new text and the node's stat."""
        ...


def client(hosts: Sequence[str], session_s: float = SESSION_S) -> Zoo:
    """A client of ``hosts`` (``host:port``), not connected yet.

    Raises:
        UnsupportedError: kazoo is not installed.
    """
    if KazooClient is None:
        raise UnsupportedError(
            "no client of ZooKeeper: kazoo is not installed; pip install 'quorum-chaos[zookeeper]'"
        )
    zoo: Zoo = KazooClient(
        hosts=",".join(hosts),
        timeout=session_s,
        connection_retry=dict(_RETRY),
        command_retry=dict(_ONCE),
    )
    return zoo


@contextmanager
def session(hosts: Sequence[str], timeout_s: float) -> Iterator[Zoo]:
    """A session with one of ``hosts``, closed at the end.

    Raises:
        InfrastructureError: none came about within ``timeout_s``.
        UnsupportedError: kazoo is not installed.
    """
    zoo = client(hosts)
    try:
        if not zoo.start_async().wait(timeout_s):
            raise InfrastructureError(f"no session with {', '.join(hosts)} within {timeout_s} s")
        yield zoo
    finally:
        end(zoo)


def end(zoo: Zoo) -> str:
    """Close a session, connected or not. What went wrong, if anything did."""
    try:
        zoo.stop()
        zoo.close()
    except Exception as error:  # noqa: BLE001  kazoo's errors have no useful root of their own
        return said(error)
    return ""


def said(error: BaseException) -> str:
    """``ConnectionLoss``, or a class and what it says."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text and text != "()" else type(error).__name__


def outcome(error: BaseException | None) -> Outcome:
    """Whether a write with this error was done, may have been done, or was not."""
    if error is None:
        return Outcome.ACKNOWLEDGED
    if type(error).__name__ == _REFUSED:
        return Outcome.REFUSED
    return Outcome.UNKNOWN if type(error).__name__ in _UNKNOWN else Outcome.FAILED


def exists(error: BaseException | None) -> bool:
    """Whether a create failed because the node was there already."""
    return type(error).__name__ == _EXISTS


# ---- single questions, each with a session of its own


@dataclass(frozen=True, slots=True)
class Checked:
    """A session was opened, ``/`` was read, and it was closed; or ``why`` not."""

    session: int = 0
    children: tuple[str, ...] = ()
    took_ns: int = 0
    why: str = ""


def check(host: str, timeout_s: float) -> Checked:
    """Try a whole session with one server. Every failure is an answer."""
    began_ns = time.monotonic_ns()
    try:
        with session([host], timeout_s) as zoo:
            names = _names(zoo.get_children_async("/").get(timeout=timeout_s))
            number = zoo.client_id[0] if zoo.client_id else 0
    except UnsupportedError:
        raise
    except Exception as error:  # noqa: BLE001  kazoo's errors have no useful root of their own
        return Checked(took_ns=time.monotonic_ns() - began_ns, why=said(error))
    return Checked(number, names, time.monotonic_ns() - began_ns)


def children(hosts: Sequence[str], path: str, timeout_s: float) -> tuple[str, ...]:
    """The names of ``path``'s children, of a server that has caught up with its leader.

    Raises:
        ChaosError: no session, or no answer.
    """
    with session(hosts, timeout_s) as zoo:
        _answer(zoo.sync_async(path), timeout_s)
        return _names(_answer(zoo.get_children_async(path), timeout_s))


@dataclass(frozen=True, slots=True)
class Change:
    """A reconfiguration: servers that join and leave, or all ``members`` anew.

    ``joining`` and ``members`` are ``server.N=…`` separated by commas, ``leaving`` is sids. A
    member that joins as it is changes nothing but the version.
    """

    joining: str | None = None
    leaving: str | None = None
    members: str | None = None


def reconfigure(hosts: Sequence[str], change: Change, timeout_s: float) -> str:
    """Have the leader commit a configuration; the text that it then has.

    Raises:
        ChaosError: no session, no answer, or a refusal, in ZooKeeper's words.
    """
    with session(hosts, timeout_s) as zoo:
        asked = zoo.reconfig_async(change.joining, change.leaving, change.members, -1)
        match _answer(asked, timeout_s):
            case (bytes() as text, _):
                return text.decode("utf-8", "replace")
            case other:
                raise InfrastructureError(f"a reconfiguration was answered with {other!r}")


def _answer(result: Result, timeout_s: float) -> object:
    try:
        return result.get(timeout=timeout_s)
    except Exception as error:
        raise ChaosError(said(error)) from error


def _names(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, list)
    return tuple(sorted(str(name) for name in answer))
