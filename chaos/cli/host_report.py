"""``chaos doctor``: what this host can do."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from chaos.campaign.compare import SCIPY, lacks_scipy
from chaos.cli.console import put, voice
from chaos.ledger import recover
from chaos.runner import codes
from chaos.sandbox.host import Ability, abilities
from chaos.zookeeper import installation


def report_host(*, as_json: bool) -> int:
    """Say it, after ending what dead runs left behind; 0, whatever the host can do."""
    swept = recover()
    found: list[Ability | installation.Ability] = [
        *abilities(),
        *installation.abilities(),
        _comparing(),
    ]
    if as_json:
        document = {"abilities": [asdict(one) for one in found], "swept": swept}
        put(json.dumps(document, indent=1) + "\n")
        return codes.PASSED
    console = voice()
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for title in ("", "what", "here", "what would help"):
        table.add_column(title, overflow="fold")
    for one in found:
        sign = Text("✓", style="green") if one.available else Text("✗", style="bold red")
        table.add_row(sign, Text(one.name), Text(one.detail), Text(one.remedy))
    console.print(table)
    if not all(one.available for one in found):
        console.print(Text("✗ does not stop a run; it says in its report what it did without"))
    for line in swept:
        console.print(Text(f"swept: {line}"))
    return codes.PASSED


def _comparing() -> Ability:
    name = "sets of runs can be compared"
    if lacks_scipy():
        return Ability(name, False, "SciPy is not installed: no chaos compare, no baselines", SCIPY)
    return Ability(name, True, "SciPy")
