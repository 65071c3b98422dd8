"""The door of ``chaos``: who interrupts it while its modules are read gets an answer, too."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

_INTERRUPTED: Final = 130  # as chaos.runner.codes, which is read later


def main() -> NoReturn:
    """Read the command line's modules, and run it."""
    try:
        from chaos.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("chaos: interrupted before anything began\n")
        sys.exit(_INTERRUPTED)
    run()
