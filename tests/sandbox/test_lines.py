"""JSON lines over a stream arrive whole however the bytes are cut."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from chaos.sandbox.lines import JsonObject, Lines


def test_lines_are_put_together_from_single_bytes() -> None:
    sent: list[JsonObject] = [{"a": 1}, {"b": ["x", None]}]
    ours, theirs = socket.socketpair()
    reader = Lines(ours, timeout_s=5)
    data = "".join(json.dumps(one) + "\n" for one in sent).encode()
    for at in range(len(data)):
        theirs.send(data[at : at + 1])
    theirs.close()
    assert [reader.receive(), reader.receive()] == sent
    assert reader.receive() is None
    reader.close()


def test_a_long_line_passes_whole() -> None:
    ours, theirs = socket.socketpair()
    writer, reader = Lines(theirs, timeout_s=5), Lines(ours, timeout_s=5)
    message: JsonObject = {"cuts": [[n, n] for n in range(100_000)]}
    thread = threading.Thread(target=writer.send, args=(message,))
    thread.start()
    assert reader.receive() == message
    thread.join()
    writer.close()
    reader.close()


def test_what_is_no_object_is_refused() -> None:
    ours, theirs = socket.socketpair()
    reader = Lines(ours, timeout_s=5)
    with theirs:
        theirs.send(b"[1]\n")
        with pytest.raises(ValueError, match="JSON object"):
            reader.receive()
    reader.close()
