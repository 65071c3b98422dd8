"""What counts as a ZooKeeper, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import UnsupportedError
from chaos.zookeeper.installation import Binding, Installation, abilities, find
from tests.zookeeper.releases import java, release

BINDINGS = {
    "3.8 and newer": ("lib/logback-classic-1.2.13.jar", Binding.LOGBACK),
    "3.7": ("lib/slf4j-reload4j-1.7.35.jar", Binding.RELOAD4J),
    "3.6 and older": ("lib/slf4j-log4j12-1.7.25.jar", Binding.LOG4J),
    "made by hand": ("lib/slf4j-simple-1.7.36.jar", Binding.SIMPLE),
}


@pytest.mark.parametrize(("jar", "binding"), BINDINGS.values(), ids=BINDINGS.keys())
def test_a_release_tells_its_version_and_what_writes_its_log(
    tmp_path: Path, jar: str, binding: Binding
) -> None:
    environ = {"JAVA_HOME": str(java(tmp_path / "jvm", "17.0.2"))}
    jars = ("lib/zookeeper-3.9.3.jar", "lib/zookeeper-jute-3.9.3.jar", jar)
    home = release(tmp_path / "zk", *jars)
    found = find(home, environ)
    assert (found.version, found.binding) == ("3.9.3", binding)
    assert {str(path.relative_to(home)) for path in found.classpath} == set(jars)


def test_an_old_release_has_its_jar_beside_lib(tmp_path: Path) -> None:
    environ = {
        "JAVA_HOME": str(java(tmp_path / "jvm", "1.8.0_402")),
        "ZOOKEEPER_HOME": str(
            release(tmp_path / "zk", "zookeeper-3.4.14.jar", "lib/slf4j-log4j12-1.7.25.jar")
        ),
    }
    found = find(None, environ)
    assert (found.version, found.java_version, found.java_major) == ("3.4.14", "1.8.0_402", 8)


MISSING = {
    "no server": (("lib/zookeeper-jute-3.9.3.jar",), "no unpacked release"),
    "sources are no server": (("lib/zookeeper-3.9.3-sources.jar",), "no unpacked release"),
    "no log": (("lib/zookeeper-3.9.3.jar",), "logback-classic"),
}


@pytest.mark.parametrize(("jars", "says"), MISSING.values(), ids=MISSING.keys())
def test_what_is_missing_is_named(tmp_path: Path, jars: tuple[str, ...], says: str) -> None:
    environ = {"JAVA_HOME": str(java(tmp_path / "jvm", "21"))}
    with pytest.raises(UnsupportedError, match=says):
        find(release(tmp_path / "zk", *jars), environ)


def test_a_java_that_is_no_java_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bin" / "java"
    bad.parent.mkdir()
    bad.write_text("#!/bin/sh\nexit 3\n")
    bad.chmod(0o755)
    environ = {"JAVA_HOME": str(tmp_path), "PATH": ""}
    home = release(tmp_path / "zk", "lib/zookeeper-3.9.3.jar", "lib/logback-classic-1.3.jar")
    try:
        found = find(home, environ)  # a Java of /usr/lib/jvm may be there as well
    except UnsupportedError as error:
        assert str(bad) in str(error)  # noqa: PT017  either way is right
    else:
        assert found.java != bad


def test_a_missing_server_is_an_ability_with_a_remedy(tmp_path: Path) -> None:
    environ = {"JAVA_HOME": str(java(tmp_path / "jvm", "21"))}
    servers, _ = abilities(tmp_path, environ)
    assert not servers.available
    assert servers.remedy.startswith("apt-get install zookeeper")


@pytest.mark.parametrize(("version", "major"), [("17.0.2", 17), ("1.8.0_402", 8), ("21", 21)])
def test_a_java_has_a_major_version(version: str, major: int) -> None:
    assert Installation(Path("java"), (), "3.8.0", version).java_major == major
