"""ZooKeeper's four-letter words: one question, one answer, and the connection is closed.

A stopped server accepts the connection all the same and never answers.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.election.config import Configuration, parse_configuration
from chaos.election.ids import Zxid
from chaos.errors import ConfigError

NOT_SERVING: Final = "This ZooKeeper instance is not currently serving requests"
_ZXID: Final = re.compile(r"^Zxid: 0x([0-9a-f]+)", re.MULTILINE)
_MODE: Final = re.compile(r"^Mode: (\S+)", re.MULTILINE)
_MEMBERSHIP: Final = re.compile(r"^(?:server|group|weight)\.\d+=.*|^version=.*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; where nothing did, ``why`` says what happened instead."""

    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Srvr:
    """``srvr`` in two words. A server that serves nobody has neither, but a reason."""

    mode: str = ""
    zxid: Zxid | None = None
    why: str = ""


def ask(host: str, port: int, word: str, timeout_s: float) -> Answer:
    """Ask ``word``; an answer that takes longer than ``timeout_s`` in all is none."""
    deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
    parts: list[bytes] = []
    try:
        with socket.create_connection((host, port), timeout_s) as link:
            link.sendall(word.encode("ascii"))
            while part := _read(link, deadline_ns):
                parts.append(part)
    except OSError as error:
        return Answer("", str(error) or type(error).__name__)
    text = b"".join(parts).decode("utf-8", "replace")
    return Answer(text, "" if text else "closed without an answer")


def _read(link: socket.socket, deadline_ns: int) -> bytes:
    left_ns = deadline_ns - time.monotonic_ns()
    if left_ns <= 0:
        raise TimeoutError("timed out")
    link.settimeout(left_ns / 1e9)
    return link.recv(65536)


def parse_srvr(answer: Answer) -> Srvr:
    """``leader``, ``follower``, ``observer``, ``standalone`` or ``read-only``, and the zxid."""
    if answer.why:
        return Srvr(why=answer.why)
    mode, zxid = _MODE.search(answer.text), _ZXID.search(answer.text)
    if mode is None:
        return Srvr(why=answer.text.strip().partition("\n")[0])
    return Srvr(mode.group(1), Zxid(int(zxid.group(1), 16)) if zxid else None)


def parse_mntr(text: str) -> Mapping[str, str]:
    """``mntr``'s lines: a key, a tab, a value."""
    pairs = (line.partition("\t") for line in text.splitlines())
    return {key: value for key, tab, value in pairs if tab}


def parse_conf(text: str) -> Configuration | None:
    """The configuration at the end of ``conf``; ``None`` while the server serves nobody."""
    lines = _MEMBERSHIP.findall(text)
    try:
        return parse_configuration("\n".join(lines)) if lines else None
    except ConfigError:
        return None
