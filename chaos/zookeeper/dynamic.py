"""The configuration that a server has in force, as its folder tells.

Source: ZooKeeper 3.8 ``QuorumPeer.setQuorumVerifier``: what takes force is written to
``zoo.cfg.dynamic.<version>`` at once, without its version; what is only proposed has another
name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from chaos.election.config import Configuration, parse_configuration
from chaos.errors import ConfigError

_NAME: Final = re.compile(r"zoo\.cfg\.dynamic\.([0-9a-f]+)")


def in_force(folder: Path, above: int) -> Configuration | None:
    """The newest configuration in a server's folder, if its version is above ``above``."""
    found = [
        (int(name.group(1), 16), name.group()) for name in map(_named, _entries(folder)) if name
    ]
    version, name = max(found, default=(above, ""))
    if version <= above:
        return None
    try:
        text = (folder / name).read_text(encoding="utf-8")
        return parse_configuration(f"{text.strip()}\nversion={version:x}")
    except (OSError, ConfigError):
        return None  # just being written


def _entries(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []


def _named(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name)
