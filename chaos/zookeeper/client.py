"""The process beside real servers that talks to them: ``python -m chaos.zookeeper.client``.

It runs where the servers can be reached; the harness need not. It polls the servers into a
file, and answers requests on a Unix socket: one JSON object a line, one line back, with
``ok`` and, where that is false, ``why``. It says ``ready`` on standard output once it
listens, and ends when it is terminated.

==============  ==========================================  ===============================
``do``          takes                                       answers
==============  ==========================================  ===============================
``check``       ``sid``                                     ``session``, ``children``, ``took_ns``
``children``    ``path``, perhaps ``sid``                   ``children``
``reconfigure`` ``joining``, ``leaving`` or ``members``     ``config``
``load``        ``name``, ``per_s``, ``payload``            ``record``: the file of its writes
``counts``      ``name``                                    ``sent``, ``acknowledged``, …
``unload``      ``name``                                    the same, at the end
==============  ==========================================  ===============================

Every request may have ``timeout_ms``.
"""

from __future__ import annotations

import argparse
import json
import os
import socketserver
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.errors import ChaosError
from chaos.zookeeper.polls import Polls
from chaos.zookeeper.sessions import Change, check, children, reconfigure
from chaos.zookeeper.workload import Counts, Workload

Json = None | bool | int | str | list[str]
Request = Mapping[str, object]
Reply = dict[str, Json]

READY: Final = "ready"
_TIMEOUT_MS: Final = 10_000
_ABSENT: Final = object()


class Desk:
    """Answers requests about ``servers``; workloads record their writes in ``folder``."""

    def __init__(self, servers: Mapping[Sid, Address], folder: Path) -> None:
        self._servers = servers
        self._folder = folder
        self._workloads: dict[str, Workload] = {}
        self._answers: Mapping[str, Callable[[Request], Reply]] = {
            "check": self._check,
            "children": self._children,
            "reconfigure": self._reconfigure,
            "load": self._load,
            "counts": self._counts,
            "unload": self._unload,
        }

    def answer(self, line: str) -> Reply:
        """The reply to one line. Nothing that a line says ends the process."""
        try:
            request = _request(line)
            return {"ok": True, **self._answer_to(_text(request, "do"))(request)}
        except (ChaosError, ValueError, OSError) as error:
            return {"ok": False, "why": str(error)}

    def _answer_to(self, do: str) -> Callable[[Request], Reply]:
        if do not in self._answers:
            raise ChaosError(f'nothing is done for "{do}"; use {", ".join(self._answers)}')
        return self._answers[do]

    def _hosts(self, request: Request) -> list[str]:
        if "sid" not in request:
            return [str(address) for address in self._servers.values()]
        sid = Sid(_number(request, "sid"))
        if sid not in self._servers:
            raise ChaosError(f"server {sid} is none of {sorted(self._servers)}")
        return [str(self._servers[sid])]

    def _check(self, request: Request) -> Reply:
        _number(request, "sid")
        (host,) = self._hosts(request)
        found = check(host, _timeout_s(request))
        if found.why:
            raise ChaosError(found.why)
        return {
            "session": found.session,
            "children": list(found.children),
            "took_ns": found.took_ns,
        }

    def _children(self, request: Request) -> Reply:
        path = _text(request, "path")
        return {"children": list(children(self._hosts(request), path, _timeout_s(request)))}

    def _reconfigure(self, request: Request) -> Reply:
        change = Change(
            _perhaps(request, "joining"), _perhaps(request, "leaving"), _perhaps(request, "members")
        )
        return {"config": reconfigure(self._hosts(request), change, _timeout_s(request))}

    def _load(self, request: Request) -> Reply:
        name = _text(request, "name")
        if name in self._workloads:
            raise ChaosError(f'workload "{name}" runs already')
        record = self._folder / f"writes-{name}.jsonl"
        rate, payload = _number(request, "per_s"), _number(request, "payload")
        workload = Workload(name, rate, payload, record)
        workload.start(self._hosts(request))
        self._workloads[name] = workload
        return {"record": str(record), "path": workload.root}

    def _counts(self, request: Request) -> Reply:
        return _counted(self._workload(_text(request, "name")).counts())

    def _unload(self, request: Request) -> Reply:
        name = _text(request, "name")
        counts = self._workload(name).stop()
        del self._workloads[name]
        return _counted(counts)

    def _workload(self, name: str) -> Workload:
        if name not in self._workloads:
            raise ChaosError(f'no workload "{name}" runs')
        return self._workloads[name]


def _counted(counts: Counts) -> Reply:
    return dict(asdict(counts))


def _request(line: str) -> Request:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ChaosError("a request is a JSON object")
    return found


def _text(request: Request, key: str) -> str:
    value = request.get(key, _ABSENT)
    if not isinstance(value, str):
        raise ChaosError(f'a request needs "{key}", a text')
    return value


def _number(request: Request, key: str) -> int:
    value = request.get(key, _ABSENT)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ChaosError(f'a request needs "{key}", a whole number')
    return value


def _perhaps(request: Request, key: str) -> str | None:
    return _text(request, key) if request.get(key) is not None else None


def _timeout_s(request: Request) -> float:
    return (_number(request, "timeout_ms") if "timeout_ms" in request else _TIMEOUT_MS) / 1000


# ---- the process


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, desk: Desk) -> None:
        self.desk = desk
        super().__init__(os.fspath(path), _Caller)


class _Caller(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        for line in self.rfile:
            reply = self.server.desk.answer(line.decode("utf-8", "replace"))
            self.wfile.write(json.dumps(reply).encode() + b"\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until terminated; 2 when that cannot even begin."""
    options = _options().parse_args(arguments)
    servers = dict(options.servers)
    socket: Path = options.socket
    polls = Polls(options.polls, options.every_ms, options.timeout_ms)
    try:
        with _Server(socket, Desk(servers, options.polls.parent)) as server:
            polls.start(servers)
            sys.stdout.write(f"{READY}\n")
            sys.stdout.flush()
            server.serve_forever()
    except OSError as error:
        sys.stderr.write(f"{socket}: {error}; a Unix socket's path has at most 107 bytes\n")
        return 2
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chaos.zookeeper.client", description="Talks to servers.")
    parser.add_argument("socket", type=Path, help="where to listen for requests")
    parser.add_argument("polls", type=Path, help="file for answers to srvr")
    parser.add_argument("servers", nargs="+", type=_server, metavar="SID=HOST:PORT")
    parser.add_argument("--every-ms", type=int, default=100, help="between two polls of a server")
    parser.add_argument("--timeout-ms", type=int, default=1000, help="for an answer to a poll")
    return parser


def _server(text: str) -> tuple[Sid, Address]:
    sid, equals, place = text.partition("=")
    host, colon, port = place.rpartition(":")
    if not (equals and colon and sid.isdecimal() and port.isdecimal()):
        raise argparse.ArgumentTypeError(f'"{text}" is no SID=HOST:PORT')
    return Sid(int(sid)), Address(host.strip("[]"), int(port))


if __name__ == "__main__":
    raise SystemExit(main())
