"""Classes that are ready to map, so that a server starts in less time and work (AppCDS).

One is made for each installation by a server that leads an ensemble of itself and ends, and
is kept in the user's cache folder. Every failure means no archive, and says why; a server
starts without one, only slower.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import Sid
from chaos.ensemble import PeerSetup
from chaos.errors import ChaosError
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.server import Server, command, write_files
from chaos.zookeeper.words import ask, parse_srvr

_JAVA_MIN: Final = 13  # JEP 350: archives are written when a program ends
_READY_S: Final = 30
_END_S: Final = 60
_LOOK_S: Final = 0.05
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Archive:
    """``path`` to give to :func:`chaos.zookeeper.server.command`, or ``why`` there is none."""

    path: Path | None
    why: str = ""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CACHE_HOME/quorum-chaos``, or the same below ``~/.cache``."""
    cache = environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "quorum-chaos"


def archive(installation: Installation, folder: Path) -> Archive:
    """The archive in ``folder``, made first where there is none; that takes a few seconds.

    Two runs may do so at once: each makes its own, and the later one replaces the other.
    """
    path = folder / f"zookeeper-{installation.version}-{_fingerprint(installation)}.jsa"
    if path.is_file():
        return Archive(path)
    if installation.java_major < _JAVA_MIN:
        why = f"Java {installation.java_version} writes no archive of classes; {_JAVA_MIN} does"
        return Archive(None, why)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="making-") as place:
            made = _make(installation, Path(place))
            made.replace(path)
    except (OSError, subprocess.SubprocessError, ChaosError) as error:
        return Archive(None, f"no archive of classes in {folder}: {error}")
    return Archive(path)


def _fingerprint(installation: Installation) -> str:
    """Java refuses an archive that was made with other jars, by their sizes and times."""
    told = [str(installation.java.resolve()), installation.java_version]
    for path in installation.classpath:
        stat = path.stat()
        told.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
    return sha256("\n".join(told).encode()).hexdigest()[:12]


def _make(installation: Installation, place: Path) -> Path:
    ports = _free_ports(3)
    write_files(place, Server(PeerSetup(Sid(1)), _alone(ports)))
    made = place / "classes.jsa"
    java, *rest = command(installation, place)
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  the Java that was found
            [java, f"-XX:ArchiveClassesAtExit={made}", *rest],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await_leader(process, ports[2], place / "log")
        process.send_signal(signal.SIGTERM)
        process.wait(_END_S)
    finally:
        process.kill()
        process.wait()
    if not made.is_file():
        raise ChaosError(f"the server wrote none; {_last_line(place / 'log')}")
    return made


def _alone(ports: tuple[int, ...]) -> Configuration:
    quorum, election, client = (Address(_LOOPBACK, port) for port in ports)
    return Configuration(
        MappingProxyType({Sid(1): Member(Sid(1), ((quorum, election),), client=client)})
    )


def _free_ports(count: int) -> tuple[int, ...]:
    """Ports that were free a moment ago; a server that finds one taken ends, and tells."""
    holders = [socket.create_server((_LOOPBACK, 0)) for _ in range(count)]
    ports = tuple(int(holder.getsockname()[1]) for holder in holders)
    for holder in holders:
        holder.close()
    return ports


def _await_leader(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline_ns = time.monotonic_ns() + _READY_S * 10**9
    while time.monotonic_ns() < deadline_ns:
        if process.poll() is not None:
            raise ChaosError(f"the server ended with {process.returncode}; {_last_line(log)}")
        if parse_srvr(ask(_LOOPBACK, port, "srvr", 1.0)).mode == "leader":
            return
        time.sleep(_LOOK_S)
    raise ChaosError(f"the server did not lead within {_READY_S} s; {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"its log ends with: {lines[-1]}" if lines else "its log is empty"
