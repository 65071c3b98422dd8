"""Real servers for the tests that need them.

Where ZooKeeper or kazoo is missing, those fail and do not pass by: a suite that skipped them
would prove nothing. ``CHAOS_WITHOUT_ZOOKEEPER=1`` says that this is meant.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.ensemble import EnsembleSetup
from chaos.errors import UnsupportedError
from chaos.zookeeper.archive import Archive, archive
from chaos.zookeeper.installation import Installation, abilities, find
from tests.zookeeper.servers import Servers

WITHOUT = "CHAOS_WITHOUT_ZOOKEEPER"


@pytest.fixture(scope="session")
def installation() -> Installation:
    if os.environ.get(WITHOUT) == "1":
        pytest.skip(f"{WITHOUT}=1")
    try:
        found = find()
    except UnsupportedError as error:
        pytest.fail(f"{error}; or set {WITHOUT}=1 to go without")
    missing = [ability for ability in abilities() if not ability.available]
    assert missing == [], f"set {WITHOUT}=1 to go without"
    return found


@pytest.fixture(scope="session")
def classes(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return archive(installation, tmp_path_factory.mktemp("classes"))


@pytest.fixture
def ensemble(
    installation: Installation, classes: Archive, tmp_path: Path
) -> Iterator[Callable[[EnsembleSetup], Servers]]:
    made: list[Servers] = []

    def make(setup: EnsembleSetup) -> Servers:
        made.append(Servers(installation, tmp_path / str(len(made)), setup, classes.path))
        return made[-1]

    yield make
    for servers in made:
        servers.close()
