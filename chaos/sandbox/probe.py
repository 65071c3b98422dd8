"""Tries what a world of its own would need, in a process that ends right afterwards.

:mod:`chaos.sandbox.host` starts it and reads the one line of JSON that it prints.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from chaos.actions import How
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox import namespace, routed, sockdiag
from chaos.sandbox.blocks import BACKENDS, Blocks, choose_backend
from chaos.sandbox.capture import Capture
from chaos.sandbox.child import run_child
from chaos.sandbox.lines import JsonObject
from chaos.sandbox.rules import Rules


def main() -> None:
    """Print what could be had as a JSON object: ``error``, or ``namespaces`` and the rest."""
    try:
        made = namespace.enter()
    except InfrastructureError as error:
        _print({"error": str(error)})
        return
    folder = sys.argv[2]  # another tmpfs is mounted there, for this process alone
    os.waitpid(run_child(lambda: _inside(made, folder)), 0)


def _inside(made: str, folder: str) -> int:
    found: JsonObject = {"namespaces": made}
    try:
        found |= namespace.furnish()
    except InfrastructureError as error:
        _print({"error": str(error)})
        return 1
    for name in BACKENDS:
        found[name] = _refusal(name)
    found["sever"] = _severs()
    found["servers"] = _joins(folder)
    found["capture"] = _captures(folder)
    found["lose"] = _loses()
    _print(found)
    return 0


def _refusal(backend: str) -> str:
    """Why ``backend`` does not work here; empty if it does."""
    try:
        choose_backend(backend).backend.close()
    except InfrastructureError as error:
        return str(error)
    return ""


def _severs() -> str:
    """Why an idle connection cannot be ended from outside; empty if it was."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        accepted, _ = listener.accept()
        with accepted:
            try:
                count = sockdiag.sever(lambda _local, _remote: True)
                client.recv(1)
            except ConnectionError:
                return ""
            except OSError as error:
                return str(error)
    return f"{count} sockets were to end, none did"


def _joins(folder: str) -> str:
    """Why two servers cannot have a network namespace each; empty if they were joined."""
    try:
        routed.join([Sid(1), Sid(2)], folder)
    except InfrastructureError as error:
        return str(error)
    return ""


def _captures(folder: str) -> str:
    """Why packets cannot be captured; empty if they can."""
    try:
        Capture(f"{folder}/capture")
    except OSError as error:
        return str(error)
    return ""


def _loses() -> str:
    """Why no share of packets can be lost; empty if it can."""
    try:
        blocks = Blocks(choose_backend().backend)
        blocks.block("lose", Rules(How.SILENT, frozenset({("10.77.0.1", "10.77.0.2")}), ppm=1))
        blocks.unblock("lose")
    except InfrastructureError as error:
        return str(error)
    return ""


def _print(found: JsonObject) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
