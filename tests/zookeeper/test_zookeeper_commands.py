"""Real servers by the command line, as somebody types it who has just read the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.zookeeper.installation import Installation
from tests.cli.command import ROOT, chaos

pytestmark = pytest.mark.live


@pytest.mark.parametrize("system", ["zookeeper", "mixed"])
def test_a_run_needs_no_folder_to_be_named(
    installation: Installation, tmp_path: Path, system: str
) -> None:
    del installation
    plan = str(ROOT / "plans" / "first-election.yaml")
    ran = chaos(tmp_path, "run", plan, "--system", system, "--quiet")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "reports" / "latest" / "report.html").is_file()


def test_a_server_that_cannot_start_ends_the_run_at_once(
    installation: Installation, tmp_path: Path
) -> None:
    del installation
    java = tmp_path / "jre" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        "#!/bin/sh\n"
        'case "$1" in -version) echo \'openjdk version "11.0.2"\' >&2; exit 0;; esac\n'
        "echo 'Error: no such heap' >&2; exit 1\n",
        encoding="utf-8",
    )
    java.chmod(0o755)
    plan = str(ROOT / "plans" / "first-election.yaml")
    env = {"JAVA_HOME": str(tmp_path / "jre")}
    ran = chaos(tmp_path, "run", plan, "--system", "zookeeper", env=env)
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert "server 1 has ended; its log says: Error: no such heap" in ran.stderr
