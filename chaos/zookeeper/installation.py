"""Where Java and ZooKeeper's jars are on this host, and what versions they have.

Two layouts are known: Debian's package ``zookeeper``, whose jar's manifest pulls what it
needs, and an unpacked release of Apache's, which has a folder ``lib``.
"""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Final

from chaos.errors import UnsupportedError

HOME: Final = "ZOOKEEPER_HOME"  # names an unpacked release, as ZooKeeper's own scripts have it
_REMEDY: Final = "apt-get install zookeeper openjdk-17-jre-headless"
_DEBIAN: Final = Path("/usr/share/java")
_JVMS: Final = (Path("/usr/lib/jvm"), Path("/usr/java"), Path("/opt/java"))
_SERVER: Final = re.compile(r"zookeeper-(\d+\.\d+\.\d+(?:-(?!tests|sources|javadoc)\w+)*)\.jar")
_JAVA_VERSION: Final = re.compile(r'version "([^"]+)"')
_TOLD: Final = (
    ("META-INF/maven/org.apache.zookeeper/zookeeper/pom.properties", re.compile(r"version=(\S+)")),
    ("META-INF/MANIFEST.MF", re.compile(r"Implementation-Version: *(\S+)")),
)
_JAVA_S: Final = 20


class Binding(StrEnum):
    """What writes the log behind slf4j, by the name of its jar."""

    SIMPLE = "slf4j-simple"
    LOGBACK = "logback-classic"
    RELOAD4J = "slf4j-reload4j"
    LOG4J = "slf4j-log4j12"


@dataclass(frozen=True, slots=True)
class Installation:
    """A ZooKeeper that can be started. ``version`` is ``unknown`` where no file tells it."""

    java: Path
    classpath: tuple[Path, ...]
    version: str
    java_version: str
    binding: Binding = Binding.SIMPLE

    @property
    def java_major(self) -> int:
        """17 of ``17.0.2``, 8 of ``1.8.0_402``, 0 of what is no version."""
        found = re.match(r"(?:1\.)?(\d+)", self.java_version)
        return int(found.group(1)) if found else 0


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that a run with ZooKeeper uses, for ``chaos doctor``."""

    name: str
    available: bool
    detail: str
    remedy: str = ""


def find(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Installation:
    """Find Java and ZooKeeper: in ``home``, in ``$ZOOKEEPER_HOME``, or as Debian has it.

    Raises:
        UnsupportedError: one of them is missing; the text says where it was looked for.
    """
    java, java_version = _java(environ)
    if home is None and environ.get(HOME):
        home = Path(environ[HOME])
    jars = _debian() if home is None else _release(home)
    return Installation(java, jars.classpath, jars.version, java_version, jars.binding)


def abilities(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> list[Ability]:
    """What of all this is there; starts ``java -version`` once."""
    return [_server_ability(home, environ), _client_ability()]


def _server_ability(home: Path | None, environ: Mapping[str, str]) -> Ability:
    name = "ZooKeeper servers"
    try:
        found = find(home, environ)
    except UnsupportedError as error:
        return Ability(name, available=False, detail=str(error), remedy=_REMEDY)
    detail = f"ZooKeeper {found.version}, Java {found.java_version} ({found.java})"
    return Ability(name, available=True, detail=detail)


def _client_ability() -> Ability:
    name = "ZooKeeper clients"
    if find_spec("kazoo") is None:
        detail = "kazoo is not installed: no workload, no reconfiguration of real servers"
        return Ability(name, available=False, detail=detail, remedy="pip install kazoo")
    return Ability(name, available=True, detail="kazoo")


# ---- Java


def _java(environ: Mapping[str, str]) -> tuple[Path, str]:
    tried: list[str] = []
    for path in _javas(environ):
        if not os.access(path, os.X_OK):
            tried.append(f"{path} is no program")
            continue
        version = _version_of(path)
        if version is not None:
            return path, version
        tried.append(f"{path} -version told no version")
    looked = "; ".join(tried) or f"neither JAVA_HOME, nor PATH, nor {_JVMS[0]} has one"
    raise UnsupportedError(f"no Java to run ZooKeeper with: {looked}; {_REMEDY}")


def _javas(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java"
    on_path = which("java", path=environ.get("PATH", ""))
    if on_path is not None:
        yield Path(on_path)
    for folder in _JVMS:
        yield from sorted(folder.glob("*/bin/java"), reverse=True)


def _version_of(java: Path) -> str | None:
    try:
        ended = subprocess.run(  # noqa: S603  the Java that the person who runs us has chosen
            [java, "-version"], capture_output=True, text=True, timeout=_JAVA_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _JAVA_VERSION.search(ended.stderr + ended.stdout)
    return found.group(1) if found else None


# ---- jars


@dataclass(frozen=True, slots=True)
class _Jars:
    classpath: tuple[Path, ...]
    version: str
    binding: Binding


def _debian() -> _Jars:
    server, simple = _DEBIAN / "zookeeper.jar", _DEBIAN / "slf4j-simple.jar"
    missing = [str(path) for path in (server, simple) if not path.is_file()]
    if missing:
        raise UnsupportedError(
            f"no ZooKeeper: {' and '.join(missing)} missing; {_REMEDY}, "
            f"or name an unpacked release with --zookeeper-home or ${HOME}"
        )
    return _Jars((server, simple), _server_version(server), Binding.SIMPLE)


def _release(home: Path) -> _Jars:
    jars = [*sorted(home.glob("*.jar")), *sorted((home / "lib").glob("*.jar"))]
    servers = [jar for jar in jars if _SERVER.fullmatch(jar.name)]
    if not servers:
        raise UnsupportedError(
            f"{home} is no unpacked release of ZooKeeper: neither it nor its folder lib has "
            "zookeeper-<version>.jar; unpack apache-zookeeper-<version>-bin.tar.gz there"
        )
    for binding in (Binding.LOGBACK, Binding.RELOAD4J, Binding.LOG4J, Binding.SIMPLE):
        if any(jar.name.startswith(binding) for jar in jars):
            return _Jars(tuple(jars), _server_version(servers[0]), binding)
    raise UnsupportedError(
        f"{home} has nothing that writes ZooKeeper's log: put logback-classic, "
        "slf4j-reload4j or slf4j-simple into its folder lib"
    )


def _server_version(jar: Path) -> str:
    """By the name of the file behind all links, else by what the jar itself tells."""
    named = _SERVER.fullmatch(jar.resolve().name)
    if named is not None:
        return named.group(1)
    for member, pattern in _TOLD:
        try:
            with zipfile.ZipFile(jar) as archive:
                text = archive.read(member).decode("utf-8", "replace")
        except (OSError, KeyError, zipfile.BadZipFile):
            continue
        told = pattern.search(text)
        if told is not None:
            return told.group(1)
    return "unknown"
