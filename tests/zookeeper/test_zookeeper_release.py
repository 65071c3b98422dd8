"""A server out of an unpacked release, whose log is written by what the release ships."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.election.effects import Serving
from chaos.election.ids import PeerEpoch, Sid
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.zookeeper.installation import Binding, Installation, find
from tests.zookeeper.servers import Servers

pytestmark = pytest.mark.live

DEBIAN = Path("/usr/share/java")
LOG4J = (DEBIAN / "slf4j-log4j12.jar", DEBIAN / "log4j-1.2.jar")
SIMPLE = (DEBIAN / "slf4j-simple.jar",)


def unpacked(home: Path, version: str, *logs: Path) -> Path:
    """What Debian has, under the names and in the places of a release."""
    lib = home / "lib"
    lib.mkdir(parents=True)
    server = DEBIAN / "zookeeper.jar"
    with zipfile.ZipFile(server) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF").decode().replace("\r\n ", "")
    (needed,) = re.findall(r"^Class-Path: (.*?)\r?$", manifest, re.MULTILINE)
    (lib / f"zookeeper-{version}.jar").symlink_to(server)
    for path in (*map(Path, needed.split()), *logs):
        (lib / path.name).symlink_to(path)
    return home


@pytest.fixture
def servers(
    tmp_path: Path,
) -> Iterator[Callable[[Installation], Servers]]:
    made: list[Servers] = []

    def make(chosen: Installation) -> Servers:
        setup = EnsembleSetup((PeerSetup(Sid(1)),))
        made.append(Servers(chosen, tmp_path / "servers", setup, archive=None))
        return made[-1]

    yield make
    for found in made:
        found.close()


def test_a_log_by_a_release_is_read_as_any_other(
    installation: Installation, servers: Callable[[Installation], Servers], tmp_path: Path
) -> None:
    old = all(path.exists() for path in LOG4J)
    logs, binding = (LOG4J, Binding.LOG4J) if old else (SIMPLE, Binding.SIMPLE)
    chosen = find(unpacked(tmp_path / "home", installation.version, *logs))
    assert (chosen.version, chosen.binding) == (installation.version, binding)
    found = servers(chosen)
    found.start(Sid(1))
    assert found.serving() == Sid(1)
    assert Serving(PeerEpoch(1)) in found.effects(Sid(1))
