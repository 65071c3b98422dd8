"""``chaos judge``: stored runs are judged again, and what is judged otherwise is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from chaos.cli.console import put, voice
from chaos.cli.tally import change_json
from chaos.cli.verdicts import change_words, headed, tell
from chaos.errors import HistoryError, PlanError
from chaos.runner import codes
from chaos.runner.known import sentence
from chaos.runner.rejudge import Rejudged, rejudge
from chaos.runner.surroundings import tool_version
from chaos.store import known_json, verdict_json
from chaos.texts import visible

FORMAT: Final = 1


def judge_runs(folders: tuple[Path, ...], *, as_json: bool) -> int:
    """Judge every run, even after one that cannot be; 2 if there was such, else the worst."""
    console = voice()
    found: list[Rejudged] = []
    errors: list[str] = []
    for folder in folders:
        try:
            again = rejudge(folder)
        except (HistoryError, PlanError) as error:
            errors.append(str(error))
            sys.stderr.write(f"chaos: {visible(str(error))}\n")
            continue
        found.append(again)
        if not as_json:
            _show(console, again)
    code = codes.USAGE if errors else codes.worst(one.exit_code for one in found)
    if as_json:
        document = {
            "version": FORMAT,
            "exit_code": code,
            "chaos": tool_version(),
            "runs": [_told(one) for one in found],
            "errors": errors,
        }
        put(json.dumps(document, indent=1) + "\n")
    return code


def _show(console: Console, again: Rejudged) -> None:
    began = again.run.began
    by = began.facts.get("chaos", "?")
    head = f"{again.run.folder}: {began.plan} on {began.system}, seed {began.seed}"
    versions = f"run by chaos {by}, judged by {tool_version()}"
    console.print(Text(f"{head}; {versions}"), soft_wrap=True)
    if again.run.result is None:
        console.print(Text("the run was cut short: it was never judged", style="yellow"))
    tell(console, again.verdicts)
    for known in again.known:
        console.print(Text(sentence(known)), soft_wrap=True)
    for change in again.changes:
        console.print(Text(change_words(change), style="bold yellow"), soft_wrap=True)
    sign, style = headed(again.exit_code)
    console.print(Text(f"{sign} {again.headline}", style=style), soft_wrap=True)


def _told(again: Rejudged) -> dict[str, object]:
    run, stored = again.run, again.run.result
    return {
        "folder": str(run.folder),
        "plan": run.began.plan,
        "seed": run.began.seed,
        "system": run.began.system,
        "exit_code": again.exit_code,
        "headline": again.headline,
        "was": None
        if stored is None
        else {"exit_code": stored.exit_code, "headline": stored.headline},
        "changed": [change_json(one) for one in again.changes],
        "verdicts": [verdict_json(one) for one in again.verdicts],
        "known_issues": [known_json(one) for one in again.known],
    }
