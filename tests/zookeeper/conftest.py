"""Real servers for the tests that need them.

Where ZooKeeper or kazoo is missing they are skipped with the reason; in CI they fail then, for
a suite that skipped them there would prove nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.ensemble import EnsembleSetup
from chaos.zookeeper.archive import Archive, archive
from chaos.zookeeper.installation import Installation, abilities, find
from tests.zookeeper.servers import Servers


@pytest.fixture(scope="session")
def installation() -> Installation:
    missing = [one for one in abilities() if not one.available]
    if missing:
        why = "; ".join(f"{one.detail}: {one.remedy}" for one in missing)
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return find()


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
