"""``chaos doctor`` says what this host can do, for a person and for a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import chaos

pytestmark = pytest.mark.live


def test_every_ability_is_a_line_and_an_entry(tmp_path: Path) -> None:
    told, listed = chaos(tmp_path, "doctor"), chaos(tmp_path, "doctor", "--json")
    assert (told.returncode, listed.returncode) == (0, 0)
    document = json.loads(listed.stdout)
    names = [one["name"] for one in document["abilities"]]
    assert len(names) >= 5
    assert document["swept"] == []
    lines = told.stdout.splitlines()
    assert all(any(name in line for line in lines) for name in names)
    missing = [one for one in document["abilities"] if not one["available"]]
    assert all(one["remedy"] for one in missing)
    assert "\x1b" not in told.stdout
