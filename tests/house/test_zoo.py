"""A broken peer is nowhere but where somebody asked for one."""

from __future__ import annotations

import ast
from pathlib import Path

from chaos.cli.drivers import DRIVERS
from chaos.election.ids import Sid
from chaos.election.rules import UNBROKEN
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.systems.simulated import Simulated

ROOT = Path(__file__).parents[2]
MAY = ("chaos/zoo/", "chaos/hunt/", "chaos/cli/zoo.py")
DOOR = "core"


def _passes_rules(path: Path) -> bool:
    """Whether a module gives a world, or what makes one, other rules than by default."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(word.arg == DOOR for call in calls for word in call.keywords)


def test_only_the_hunt_asks_for_other_rules() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "chaos").rglob("*.py"))
        if _passes_rules(path)
    ]
    assert [name for name in found if not name.startswith(MAY)] == []
    assert any(name.startswith("chaos/hunt/") for name in found), "the door has another name now"


def test_no_driver_of_the_command_line_is_broken() -> None:
    setup = EnsembleSetup((PeerSetup(Sid(1)),))
    system = DRIVERS["simulated"]().make(setup, 1, ROOT, "auto")
    assert isinstance(system, Simulated)
    assert system.core is UNBROKEN
