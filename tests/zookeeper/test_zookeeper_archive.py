"""Where no archive of classes comes about, it is said why, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.zookeeper.archive import archive, cache_folder
from chaos.zookeeper.installation import find
from tests.zookeeper.releases import java, release

FAILURES = {
    "an old Java": ("1.8.0_402", "Java 1.8.0_402 writes no archive"),
    "a server that ends at once": ("17.0.2", "the server ended with 0; its log ends with: openjdk"),
}


@pytest.mark.parametrize(("version", "why"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_no_archive_and_a_reason(tmp_path: Path, version: str, why: str) -> None:
    home = release(tmp_path / "zk", "lib/zookeeper-3.9.3.jar", "lib/logback-classic-1.3.0.jar")
    installation = find(home, {"JAVA_HOME": str(java(tmp_path / "jvm", version))})
    cache = tmp_path / "cache"
    found = archive(installation, cache)
    assert found.path is None
    assert why in found.why
    assert list(cache.glob("*")) == []


def test_the_cache_is_the_users() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/quorum-chaos")
    assert cache_folder({}) == Path.home() / ".cache" / "quorum-chaos"
