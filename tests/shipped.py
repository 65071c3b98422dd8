"""The plans of ``plans/``, and which of them a simulation can run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def plans(pattern: str = "*.yaml") -> list[Path]:
    """Their paths, as a user names them."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "plans").glob(pattern))


def simulated(pattern: str = "*.yaml") -> list[Path]:
    """Those that do not say that they need processes."""
    return [path for path in plans(pattern) if "\nsystem: processes\n" not in read(path)]


def read(path: Path) -> str:
    """The text of one."""
    return (ROOT / path).read_text(encoding="utf-8")
