"""``chaos --version`` answers at once: nothing is imported that it does not need."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from chaos.cli import main
sys.argv = ["chaos", "--version"]
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
HEAVY = ("jinja2", "pyroute2", "scipy", "numpy", "chaos.report", "chaos.runner", "chaos.sim")


def test_asking_for_the_version_loads_no_report() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].count(".") == 2
    loaded = done.stderr.split()
    assert [m for m in loaded if m.startswith(HEAVY)] == []
