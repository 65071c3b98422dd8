"""JSON that somebody else may have written: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
from typing import Any


def document_of(text: str | bytes) -> object:
    """What ``text`` holds.

    Raises:
        ValueError: it is no JSON, or nested deeper than anything that chaos writes.
    """
    try:
        found: object = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return found


def object_of(text: str | bytes) -> dict[str, Any]:
    """The same of a text that holds an object.

    Raises:
        ValueError: as :func:`document_of`.
        TypeError: it holds something else.
    """
    found = document_of(text)
    if not isinstance(found, dict):
        raise TypeError(f"it is a {type(found).__name__}, not an object")
    return found
