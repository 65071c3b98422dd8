"""What all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="write the scenario files' outputs anew"
    )
    parser.addoption(
        "--every-plan", action="store_true", help="run every plan on real servers, not a choice"
    )
