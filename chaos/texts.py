"""Texts of strangers, as a terminal, a page or a paper may show them."""

from __future__ import annotations

import re
from typing import Final

_TRICKS: Final = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f"
    "\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    """``text`` with control characters and marks of direction spelled out as ``⟨202E⟩``.

    So what somebody says can neither move the cursor nor look like something else.
    """
    return _TRICKS.sub(lambda found: f"⟨{ord(found.group()):04X}⟩", text)
