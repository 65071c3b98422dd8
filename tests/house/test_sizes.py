"""Functions stop at 50 lines, modules at 400."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400
MODULES = sorted(
    str(path.relative_to(ROOT)) for top in ("chaos", "tests") for path in (ROOT / top).rglob("*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_and_its_functions_stay_small(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    long = [f"{name}: {len(text.splitlines())} lines"]
    if len(text.splitlines()) <= MODULE_LINES_MAX:
        long.clear()
    assert long + _long_functions(name, ast.parse(text)) == []


def _long_functions(name: str, tree: ast.Module) -> list[str]:
    return [
        f"{name}:{node.lineno}: {node.name} has {_lines(node)} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _lines(node) > FUNCTION_LINES_MAX
    ]


def _lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_the_rule_sees_a_function_that_is_too_long() -> None:
    body = "\n".join("    pass" for _ in range(FUNCTION_LINES_MAX))
    assert _long_functions("m", ast.parse(f"def f():\n{body}\n")) == ["m:1: f has 51 lines"]
