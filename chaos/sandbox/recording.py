"""A capture as the harness sees it: a file that grows, and at its end what was missed.

Source of the messages: :mod:`chaos.sandbox.capture`, which is the other side.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chaos.errors import InfrastructureError
from chaos.sandbox.lines import Json, JsonObject
from chaos.sandbox.spawner import Spawner

_ANSWER_S: Final = 10
_MESSAGE_BYTES: Final = 1 << 12


class Recording:
    """One capture that has begun. Its ``path`` is a pcap file, written to every few ms."""

    def __init__(self, spawner: Spawner, path: Path) -> None:
        """Begin; packets from now on are seen.

        Raises:
            InfrastructureError: it cannot begin; the message says why.
        """
        self.path = path
        self._seen: Mapping[str, int] | None = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_ANSWER_S)
        self._control = ours
        with theirs:
            request: JsonObject = {"do": "capture", "path": str(path.resolve())}
            try:
                self.process = spawner.start(request, theirs.fileno())
            except InfrastructureError:
                ours.close()
                raise
        begun = self._heard()
        if "capturing" not in begun:
            ours.close()
            raise InfrastructureError(str(begun.get("error", begun)))

    def end(self) -> Mapping[str, int]:
        """Stop, and answer ``packets``, ``dropped`` and ``clock_error_ns``. Safe to call twice.

        The file is whole when this returns. ``dropped`` were seen and not written.

        Raises:
            InfrastructureError: the capture ended before it was asked to.
        """
        if self._seen is None:
            try:
                self._control.send(b"end")
                seen = self._heard()
            except OSError as error:
                raise InfrastructureError(f"the capture to {self.path} is gone: {error}") from error
            finally:
                self._control.close()
            self._seen = {name: n for name, n in seen.items() if isinstance(n, int)}
        return self._seen

    def account(self) -> str:
        """End, and say how it went, in words."""
        try:
            seen = self.end()
        except InfrastructureError as error:
            return str(error)
        return ", ".join(f"{name} {count}" for name, count in seen.items())

    def _heard(self) -> JsonObject:
        data = self._control.recv(_MESSAGE_BYTES)
        found: Json = json.loads(data) if data else None
        if not isinstance(found, dict):
            raise InfrastructureError(f"the capture to {self.path} has ended")
        return found
