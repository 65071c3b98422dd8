"""``chaos --version`` answers at once: nothing is imported that it does not need."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from {module} import {function} as main
sys.argv = ["chaos", "--version"]
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
HEAVY = ("jinja2", "scipy", "numpy", "chaos.report", "chaos.sim", "chaos.peer")


def test_asking_for_the_version_loads_no_report() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = scripts["scripts"]["chaos"].partition(":")
    program = PROGRAM.format(module=module, function=function)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].count(".") == 2
    loaded = done.stderr.split()
    assert [m for m in loaded if m.startswith(HEAVY)] == []


def test_who_interrupts_it_while_it_is_being_read_gets_an_answer() -> None:
    program = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from chaos.cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "chaos: interrupted before anything began\n"
