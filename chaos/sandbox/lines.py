"""JSON objects, one a line, over a stream socket: how the harness talks to its agent."""

from __future__ import annotations

import json
import socket

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]

_READ_BYTES = 1 << 16


class Lines:
    """One end of such a connection. ``timeout_s`` bounds each wait; ``None`` waits for ever."""

    def __init__(self, connection: socket.socket, timeout_s: float | None = None) -> None:
        self._socket = connection
        self._socket.settimeout(timeout_s)
        self._buffer = bytearray()

    def fileno(self) -> int:
        """For select and poll."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection; the other end sees the end of the stream."""
        self._socket.close()

    def send(self, message: JsonObject) -> None:
        """Send one object.

        Raises:
            OSError: the other end is gone, or does not read.
        """
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> JsonObject | None:
        """Wait for one object; ``None`` when the other end closed.

        Raises:
            OSError: nothing came in time.
            ValueError: the line is no JSON object.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        found: Json = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError(f"expected a JSON object, got {line[:80]!r}")  # noqa: TRY004
        return found
