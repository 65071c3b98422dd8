"""The doctor tries what it claims, and says what would help."""

from __future__ import annotations

import pytest

from chaos.sandbox.host import abilities

pytestmark = pytest.mark.live


def test_every_ability_is_explained() -> None:
    found = abilities()
    assert len({one.name for one in found}) == len(found)
    assert all(one.detail for one in found)
    assert all(bool(one.remedy) is not one.available for one in found)


def test_blocks_need_namespaces() -> None:
    found = {one.name: one.available for one in abilities()}
    assert not found["kernel blocks"] or found["namespaces"]
