"""Writes at a steady rate through real servers, each accounted for.

Every write creates a node of its own, so that afterwards it can be told which of them are
there: what was acknowledged must be, what is unknown may be.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.errors import UnsupportedError
from chaos.zookeeper.sessions import Outcome, Result, Zoo, client, end, exists, outcome, said

AWAITED_MAX: Final = 200  # answers that may be out; what comes due beyond that is not sent
_LOOK_S: Final = 0.1
_DRAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many writes ended how.

    ``refused`` went to a leader that writes for no client, as our own peers are; ``held`` were
    due while no server could take them.
    """

    sent: int = 0
    acknowledged: int = 0
    unknown: int = 0
    failed: int = 0
    refused: int = 0
    held: int = 0


class Workload:
    """One workload, from its start to its end, in a thread of its own.

    Each write becomes a line of ``record``: its path, when it was sent and answered, its
    outcome, its zxid where one was told, else why not.
    """

    def __init__(self, name: str, per_s: int, payload: int, record: Path) -> None:
        if per_s <= 0 or "/" in name:
            raise UnsupportedError(f'workload "{name}": a rate above 0 and a name without "/"')
        self.root = f"/chaos-{name}"
        self._period_ns = 10**9 // per_s
        self._payload = b"x" * payload
        self._record = record.open("w", encoding="utf-8")
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._awaited = 0
        self._thread = threading.Thread(target=self._run, name=f"workload {name}", daemon=True)
        self._zoo: Zoo | None = None

    def start(self, hosts: Sequence[str]) -> None:
        """Begin. Writes go to whichever of ``hosts`` takes the client.

        Raises:
            UnsupportedError: kazoo is not installed.
        """
        self._zoo = client(hosts)
        self._thread.start()

    def counts(self) -> Counts:
        """What there was until now."""
        with self._lock:
            return Counts(**self._counted)

    def stop(self) -> Counts:
        """Send no more, wait a while for answers, and close the session.

        What is not answered by then is unknown.
        """
        self._over.set()
        self._thread.join()
        deadline_ns = time.monotonic_ns() + int(_DRAIN_S * 1e9)
        while self._out() and time.monotonic_ns() < deadline_ns:
            time.sleep(_LOOK_S / 10)
        assert self._zoo is not None
        end(self._zoo)  # answers what is still out, with an error
        with self._lock:
            self._counted["unknown"] += self._awaited
            self._awaited = 0
            self._record.close()
            return Counts(**self._counted)

    def _out(self) -> int:
        with self._lock:
            return self._awaited

    # ---- the thread

    def _run(self) -> None:
        zoo = self._zoo
        assert zoo is not None
        connected = zoo.start_async()
        while not connected.wait(_LOOK_S):
            if self._over.is_set():
                return
        while not self._over.is_set() and not self._rooted(zoo):
            self._over.wait(_LOOK_S)
        due_ns, number = time.monotonic_ns(), 0
        while not self._over.wait(max(0, due_ns - time.monotonic_ns()) / 1e9):
            number += self._write(zoo, number)
            due_ns = max(due_ns + self._period_ns, time.monotonic_ns() - self._period_ns)

    def _rooted(self, zoo: Zoo) -> bool:
        try:
            zoo.create_async(self.root, b"", include_data=False).get(timeout=1.0)
        except Exception as error:  # noqa: BLE001  kazoo's errors have no useful root of their own
            return exists(error)
        return True

    def _write(self, zoo: Zoo, number: int) -> int:
        if not zoo.connected or self._out() >= AWAITED_MAX:
            with self._lock:
                self._counted["held"] += 1
            return 0
        path = f"{self.root}/{number:08d}"
        with self._lock:
            self._counted["sent"] += 1
            self._awaited += 1
        sent_ns = time.monotonic_ns()
        zoo.create_async(path, self._payload, include_data=True).rawlink(
            self._answered(path, sent_ns)
        )
        return 1

    def _answered(self, path: str, sent_ns: int) -> Callable[[Result], None]:
        def note(result: Result) -> None:
            done_ns = time.monotonic_ns()
            ended = outcome(result.exception)
            line: dict[str, int | str] = {
                "path": path,
                "sent_ns": sent_ns,
                "done_ns": done_ns,
                "outcome": ended,
            }
            if result.exception is not None:
                line["why"] = said(result.exception)
            elif (zxid := _zxid(result.get(block=False))) is not None:
                line["zxid"] = zxid
            self._count(ended, line)

        return note

    def _count(self, ended: Outcome, line: dict[str, int | str]) -> None:
        with self._lock:
            if not self._record.closed:
                self._awaited -= 1
                self._counted[ended] += 1
                self._record.write(json.dumps(line) + "\n")
                self._record.flush()


def _zxid(answer: object) -> int | None:
    match answer:
        case (str(), stat):
            zxid = getattr(stat, "czxid", None)
            return zxid if isinstance(zxid, int) else None
        case _:
            return None
