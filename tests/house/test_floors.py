"""The dependency order is a test, not a paragraph."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chaos"
IMPURE = frozenset(
    {
        "asyncio",
        "concurrent",
        "datetime",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
    }
)
PURE = (
    "errors.py",
    "actions.py",
    "ensemble.py",
    "statistics",
    "election",
    "wire",
    "history",
    "faults",
    "verify",
    "plan",
    "zoo",
)


def _modules(tops: tuple[str, ...]) -> list[str]:
    found: set[Path] = set()
    for top in tops:
        place = PACKAGE / top
        found |= {place} if place.is_file() else set(place.rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("name", _modules(PURE))
def test_a_pure_module_imports_nothing_impure(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    assert IMPURE.isdisjoint(_imported(tree))


def test_every_pure_floor_is_looked_at() -> None:
    assert {name.split("/")[1] for name in _modules(PURE)} == set(PURE)


def test_imports_inside_functions_count_too() -> None:
    tree = ast.parse("def f():\n    from os import path\n    import time.x\n")
    assert set(_imported(tree)) == {"os", "time"}


@pytest.mark.parametrize("name", [n for n in _modules((".",)) if n.endswith("__init__.py")])
def test_an_init_holds_a_docstring_only(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_the_import_contracts_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out
