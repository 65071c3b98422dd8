"""``chaos run``: every plan, every repeat, one after another."""

from __future__ import annotations

import json
import random
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from chaos.cli.show import showing
from chaos.errors import PlanError, UnsupportedError
from chaos.history.history import History
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.show import Show
from chaos.store import PLAN, RunFolder, RunResult, result_json
from chaos.systems.base import System

_SEED_MAX: Final = 2**31


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    plans: tuple[Path, ...]
    system: str | None
    seed: int | None
    repeat: int
    settings: Mapping[str, str]
    network: str
    out: Path
    as_json: bool
    quiet: bool


class Terminated(BaseException):
    """SIGTERM came: end the run as Ctrl-C does."""


def run_plans(request: Request) -> int:
    """Run everything; the most serious exit code."""
    console = Console(stderr=request.as_json, highlight=False)
    plans = [read_plan(path, request.settings) for path in request.plans]
    documents: list[Mapping[str, object]] = []
    found: list[int] = []
    try:
        with _sigterm(), showing(console, quiet=request.quiet or request.as_json) as show:
            for plan in plans:
                for result, folder in _repeats(plan, request, show):
                    found.append(result.exit_code)
                    documents.append({"folder": str(folder), **result_json(result)})
                    if request.quiet and not request.as_json:
                        console.print(_line(result), soft_wrap=True, markup=False)
    except (KeyboardInterrupt, Terminated) as error:
        sys.stderr.write(
            "chaos: interrupted; every peer is ended, what was seen is in the run's folder\n"
        )
        term = isinstance(error, Terminated)
        return codes.TERMINATED if term else codes.INTERRUPTED
    finally:
        if request.as_json:
            sys.stdout.write(json.dumps({"version": 1, "runs": documents}, indent=1) + "\n")
    return codes.worst(found)


def _repeats(plan: Plan, request: Request, show: Show) -> Iterator[tuple[RunResult, Path]]:
    first = request.seed if request.seed is not None else plan.seed
    if first is None:
        first = random.SystemRandom().randrange(_SEED_MAX)
    for number in range(request.repeat):
        yield _one(plan, first + number, request, show)


def _one(plan: Plan, seed: int, request: Request, show: Show) -> tuple[RunResult, Path]:
    folder = RunFolder.create(request.out, plan.name, seed)
    (folder.path / PLAN).write_text(plan.text, encoding="utf-8")
    system = _system(plan, seed, folder.path, request)
    missing = sorted(kind.__name__ for kind in plan.needs - system.supports)
    if missing:
        raise UnsupportedError(f"{plan.file}: {system.name} cannot do {', '.join(missing)}")
    command = _reproduce(plan, seed, system.name, request)
    result, history = perform(plan, system, folder, seed, show, command)
    page = _draw(folder.path, result, history)
    show.ended(result, page)
    return result, folder.path


def _system(plan: Plan, seed: int, folder: Path, request: Request) -> System:
    """The literal table of drivers."""
    name = request.system or plan.system or "processes"
    match name:
        case "processes":
            from chaos.systems.processes import Processes

            return Processes(plan.ensemble, seed, folder, request.network)
        case "simulated":
            from chaos.systems.simulated import Simulated

            return Simulated(plan.ensemble, seed)
        case _:
            raise UnsupportedError(
                f'{plan.file}: there is no system "{name}" yet; processes and simulated are there'
            )


def _draw(folder: Path, result: RunResult, history: History) -> str:
    """Write the page. A report that cannot be drawn never changes a verdict."""
    from chaos.report.page import render

    path = folder / "report.html"
    try:
        path.write_text(render(result, history), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands
        sys.stderr.write(f"chaos: the report could not be drawn: {error!r}\n")
        return ""
    return str(path)


def read_plan(path: Path, settings: Mapping[str, str]) -> Plan:
    """Load one plan file.

    Raises:
        PlanError: it cannot be read, or is no plan.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            f"{path}: {error.strerror}; name a plan file, as plans/leader-pause.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: a plan is UTF-8 text: {error}") from error
    return load_plan(text, str(path), settings)


def _reproduce(plan: Plan, seed: int, system: str, request: Request) -> str:
    """The command that does this very run again."""
    words = ["chaos", "run", plan.file, "--system", system, "--seed", str(seed)]
    if system == "processes" and request.network != "auto":
        words += ["--network", request.network]
    for key, value in request.settings.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def _line(result: RunResult) -> str:
    sign = "✓" if result.exit_code == codes.PASSED else "✗"
    return f"{sign} {result.plan} seed {result.seed}: {result.headline}"


@contextmanager
def _sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that a run is cleaned up as after Ctrl-C."""

    def handler(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Terminated

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
