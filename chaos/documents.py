"""JSON that somebody else may have written: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
from typing import Any


def document_of(text: str | bytes) -> Any:  # noqa: ANN401 - the caller looks at what came
    """What ``text`` holds.

    Raises:
        ValueError: it is no JSON, or nested deeper than anything that chaos writes.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
