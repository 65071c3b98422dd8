"""``chaos zoo``: every bug of the zoo is hunted, and one line says what caught it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from chaos.cli.console import put, voice
from chaos.errors import PlanError
from chaos.hunt.hunt import Caught, Hunted, hunt
from chaos.hunt.table import table, woven
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.plan.problems import meant
from chaos.runner import codes
from chaos.zoo.bug import Bug
from chaos.zoo.cage import ZOO

_HEAD: Final = ("bug", "by", "runs/seconds check: plan")
_WIDTHS: Final = (31, 11)


def hunt_bugs(
    names: Sequence[str], folder: Path, seeds: int, *, as_json: bool, markdown: Path | None = None
) -> int:
    """Hunt the bugs of these names, all if there are none; 1 if conformance missed one.

    ``markdown`` is a file that takes the table between its marks, and keeps the rest.

    Raises:
        PlanError: no bug of that name, or no plans in ``folder``.
    """
    bugs = [_bug(name) for name in names] or list(ZOO.values())
    plans = _plans(folder)
    out = voice(stderr=as_json)
    found: list[Hunted] = []
    say = partial(out.print, markup=False, highlight=False, soft_wrap=True)
    say(_row(*_HEAD))
    code = codes.PASSED
    try:
        for bug in bugs:
            one = hunt(bug, plans, seeds, time.monotonic_ns)
            found.append(one)
            say(_row(bug.name, "properties", _cell(one, one.properties)))
            say(_row("", "conformance", _cell(one, one.conformance)))
    except KeyboardInterrupt:
        code = codes.INTERRUPTED
    _total(found, say)
    if markdown is not None and code != codes.INTERRUPTED:
        text = markdown.read_text(encoding="utf-8") if markdown.exists() else ""
        markdown.write_text(woven(text, table(found)), encoding="utf-8")
    if as_json:
        put(json.dumps({"bugs": [_told(one) for one in found]}, indent=2) + "\n")
    if code == codes.PASSED and any(one.conformance is None for one in found):
        return codes.FAILED
    return code


def _bug(name: str) -> Bug:
    if name in ZOO:
        return ZOO[name]
    raise PlanError(f'--bug "{name}": no bug has this name{meant(name, ZOO)}')


def _plans(folder: Path) -> list[Plan]:
    files = sorted(folder.rglob("*.yaml"))
    if not files:
        raise PlanError(f"{folder} holds no plans; name their folder with --plans DIR")
    return [load_plan(file.read_text(encoding="utf-8"), str(file)) for file in files]


def _row(bug: str, by: str, cell: str) -> str:
    """One line; the last cell is as long as it is."""
    return f"{bug.ljust(_WIDTHS[0])} {by.ljust(_WIDTHS[1])} {cell}"


def _cell(one: Hunted, caught: Caught | None) -> str:
    """The check and the plan, after how many runs and seconds; or the reason of a miss."""
    if caught is None:
        return f"missed in {one.runs} runs: {ZOO[one.bug].missed or 'no reason is known'}"
    return f"{caught.runs}/{caught.after_ns / 1e9:.1f}s {caught.check}: {caught.plan}"


def _total(found: Sequence[Hunted], say: Callable[[str], None]) -> None:
    """Both counts."""
    seen = sum(one.properties is not None for one in found)
    told = sum(one.conformance is not None for one in found)
    say(f"\n{len(found)} bugs: {seen} caught by properties, {told} by conformance")


def _told(one: Hunted) -> dict[str, object]:
    bug = ZOO[one.bug]
    return {
        "bug": one.bug,
        "rule": bug.rule,
        "source": bug.source,
        "shows": bug.shows,
        "runs": one.runs,
        "took_ns": one.took_ns,
        "properties": None if one.properties is None else asdict(one.properties),
        "conformance": None if one.conformance is None else asdict(one.conformance),
        "missed": bug.missed,
    }
