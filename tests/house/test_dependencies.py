"""What is declared is imported, and what is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE_OF = {"pyyaml": "yaml"}


def test_every_run_time_dependency_is_imported_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["zookeeper"], *extras["compare"]]
    names = [re.split(r"[<>=;\[ ]", line)[0].lower() for line in lines]
    assert _imported() == {MODULE_OF.get(name, name) for name in names}


def _imported() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "chaos").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"chaos"}
