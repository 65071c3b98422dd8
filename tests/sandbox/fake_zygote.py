"""A zygote whose peers do as they are told: they hold sockets and say what happens to them.

It keeps to the protocol of the real one, so that worlds can be tested without an election.
It must import no more than the standard library: it runs without site-packages.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
from typing import NoReturn


def serve(sock: socket.socket) -> NoReturn:
    """Fork on request until the socket ends; then kill and reap every child."""
    reader, writer = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(reader, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == reader:
                os.read(reader, 4096)
                _reap(sock, children)
                continue
            data, descriptors, _, _ = socket.recv_fds(sock, 1 << 16, 1)
            if not data:
                _end(children)
            birth = json.loads(data)["birth"]
            if "refuse" in birth:
                os.close(descriptors[0])
                sock.send(json.dumps({"error": birth["refuse"]}).encode())
                continue
            children.add(_fork(sock, descriptors[0], birth))


def _fork(sock: socket.socket, descriptor: int, birth: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        os.close(descriptor)
        sock.send(json.dumps({"forked": pid}).encode())
        return pid
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        sock.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if birth.get("netns"):
            with open(str(birth["netns"])) as namespace:  # noqa: PTH123  no pathlib
                ctypes.CDLL(None).setns(namespace.fileno(), 0x40000000)
        control = socket.socket(fileno=descriptor)
        if "dumb" in birth:
            os._exit(3)
        if "broken" in birth:
            control.send(json.dumps({"error": birth["broken"]}).encode())
            os._exit(4)
        hello = {"ready": True, "sid": birth.get("sid", 0), "pid": os.getpid()}
        control.send(json.dumps(hello).encode())
        _obey(control)
    finally:
        os._exit(0)


def _reap(sock: socket.socket, children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        sock.send(json.dumps({"exited": pid, "status": code}).encode())


def _end(children: set[int]) -> NoReturn:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    os._exit(0)


def _obey(control: socket.socket) -> None:
    sockets: dict[str, socket.socket] = {}
    while data := control.recv(1 << 16):
        order = json.loads(data)
        try:
            answer = _do(sockets, order)
        except OSError as error:
            answer = type(error).__name__
        control.send(json.dumps(answer).encode())


def _do(sockets: dict[str, socket.socket], order: dict[str, str]) -> object:
    name = order.get("name", "")
    timeout = float(order.get("timeout", "5"))
    match order["do"]:
        case "listen":
            sockets[name] = socket.create_server((order["host"], int(order["port"])))
        case "accept":
            sockets[order["listener"]].settimeout(timeout)
            sockets[name], _ = sockets[order["listener"]].accept()
        case "dial":
            target = (order["to"], int(order["port"]))
            sockets[name] = socket.create_connection(target, timeout, (order["host"], 0))
        case "send":
            sockets[name].sendall(order["text"].encode())
        case "receive":
            sockets[name].settimeout(timeout)
            return sockets[name].recv(1 << 16).decode()
        case "close":
            sockets.pop(name).close()
        case "read":
            with open(order["path"]) as file:  # noqa: PTH123  no pathlib: peers are light
                return file.read().strip()
        case "processes":
            with os.scandir("/proc") as found:
                return sorted(int(entry.name) for entry in found if entry.name.isdigit())
        case "modules":
            import sys  # noqa: PLC0415

            return sorted(sys.modules)
    return "done"
