"""``chaos bundle`` and ``chaos report``."""

from __future__ import annotations

from pathlib import Path

from chaos.bundle import SUFFIX, bundle_of, pack
from chaos.cli.console import put
from chaos.cli.one_run import PAGE, draw
from chaos.errors import HistoryError
from chaos.history.events import RunEnded
from chaos.runner import codes
from chaos.runner.stored import open_run


def bundle_run(folder: Path, output: Path | None) -> int:
    """Pack the run, and print where."""
    if folder.is_file():
        raise HistoryError(f"{folder} is no folder of a run; a bundle is one already")
    if folder.is_symlink():
        folder = folder.parent / folder.readlink()
    file = bundle_of(folder) if output is None else output
    pack(folder, file)
    put(f"{file}\n")
    return codes.PASSED


def report_run(stored: Path, output: Path | None) -> int:
    """Draw the page, and print where."""
    run = open_run(stored)
    if run.result is None:
        raise HistoryError(f"{stored} was cut short: there is nothing to draw; try chaos judge")
    if not isinstance(run.history.events[-1], RunEnded):
        raise HistoryError(f"{stored}: the history lacks its end; chaos judge says what it shows")
    file = _page(run.folder) if output is None else output
    put(f"{draw(file, run.result, run.history)}\n")
    return codes.PASSED


def _page(stored: Path) -> Path:
    """In the run's folder, or beside its bundle."""
    if stored.is_file():
        return stored.with_name(f"{stored.name.removesuffix(SUFFIX)}.html")
    return stored / PAGE
