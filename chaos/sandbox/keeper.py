"""A thread that starts a process, and lives as long as that process does.

The kernel sends a parent-death signal when the *thread* that forked ends. A process that is
to die with the whole harness must therefore not be started by a thread that ends earlier, as
workers of a thread pool do. This thread ends when its process does, which it also reaps.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from chaos.errors import InfrastructureError


class Keeper:
    """One process of the harness and the thread that keeps it."""

    def __init__(self, command: Sequence[str], descriptors: Sequence[int], log: Path) -> None:
        """Start ``command`` with ``descriptors`` inherited; what it prints goes to ``log``.

        It has a session of its own: a ^C at the terminal is the harness's to handle.

        Raises:
            InfrastructureError: it cannot be started.
        """
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=self._keep, args=(command, descriptors), name="keeper", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise InfrastructureError(f"cannot start {command[0]}: {self._failure}")

    @property
    def pid(self) -> int:
        """The pid of the process, as the harness sees it."""
        assert self._process is not None
        return self._process.pid

    def ended_within(self, seconds: float) -> bool:
        """Wait up to ``seconds`` until the process has ended and is reaped."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()

    def last_words(self, lines: int = 5) -> str:
        """The end of what the process printed, on one line; empty if it printed nothing."""
        try:
            printed = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return " | ".join(line.strip() for line in printed.splitlines()[-lines:])

    def _keep(self, command: Sequence[str], descriptors: Sequence[int]) -> None:
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603  our own interpreter
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=descriptors,
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._started.set()
        self._process.wait()
