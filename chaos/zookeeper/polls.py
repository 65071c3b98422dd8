"""``srvr``, asked of every server again and again, each answer a line of a file."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.election.config import Address
from chaos.election.ids import Sid, Zxid
from chaos.errors import HistoryError
from chaos.zookeeper.words import ask, parse_srvr


@dataclass(frozen=True, slots=True)
class Poll:
    """One answer: it was given after ``since_ns`` and by ``at_ns``.

    ``mode`` and ``zxid`` are those of a server that serves; else ``why`` tells why not.
    """

    sid: Sid
    since_ns: int
    at_ns: int
    mode: str
    zxid: Zxid | None
    why: str


class Polls:
    """Polls in threads, one for each server, so that none waits for a stopped one."""

    def __init__(self, record: Path, every_ms: int, timeout_ms: int) -> None:
        self._record = record.open("a", encoding="utf-8")
        self._every_s = every_ms / 1000
        self._timeout_s = timeout_ms / 1000
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, servers: Mapping[Sid, Address]) -> None:
        """Begin."""
        for sid, address in servers.items():
            thread = threading.Thread(target=self._run, args=(sid, address), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End, once every question that is out is answered or given up."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._record.close()

    def _run(self, sid: Sid, address: Address) -> None:
        while not self._over.wait(self._every_s):
            since_ns = time.monotonic_ns()
            found = parse_srvr(ask(address.host, address.port, "srvr", self._timeout_s))
            poll = Poll(sid, since_ns, time.monotonic_ns(), found.mode, found.zxid, found.why)
            with self._lock:
                self._record.write(f"{poll_line(poll)}\n")
                self._record.flush()


def poll_line(poll: Poll) -> str:
    """The poll as one line of JSON."""
    return json.dumps(
        {
            "sid": poll.sid,
            "since_ns": poll.since_ns,
            "at_ns": poll.at_ns,
            "mode": poll.mode,
            "zxid": poll.zxid,
            "why": poll.why,
        }
    )


def read_poll(line: str) -> Poll:
    """The same backwards.

    Raises:
        HistoryError: no such line.
    """
    try:
        match json.loads(line):
            case {
                "sid": int(sid),
                "since_ns": int(since_ns),
                "at_ns": int(at_ns),
                "mode": str(mode),
                "zxid": int() | None as zxid,
                "why": str(why),
            }:
                number = None if zxid is None else Zxid(zxid)
                return Poll(Sid(sid), since_ns, at_ns, mode, number, why)
    except ValueError:
        pass
    raise HistoryError(f"{line[:80]!r} is no poll of a server")
