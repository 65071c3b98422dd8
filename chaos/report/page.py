"""The pages of a run, and of all runs of a command: HTML files that need nothing else.

They read without their style sheet, too: Jenkins serves artefacts under ``default-src 'none';
style-src 'self'``, which strips inline styles and leaves elements and attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaos.campaign.record import RunRecord
from chaos.history.history import History
from chaos.report.cases import Case
from chaos.report.model import INSETS_MAX, page_of
from chaos.report.suite import suite_of
from chaos.report.words import duration
from chaos.store import RunResult
from chaos.texts import visible

BYTES_MAX: Final = 5_000_000


def render(
    result: RunResult, history: History, bytes_max: int = BYTES_MAX, *, phases: bool = True
) -> str:
    """The page of one stored run.

    Figures are binned and tables capped. What is still larger than ``bytes_max`` in UTF-8 is
    drawn again with fewer elections enlarged, at last with none, and says so.
    """
    template = _environment().get_template("page.html.j2")
    text = ""
    for insets in (INSETS_MAX, 2, 1, 0):
        text = template.render(page=page_of(result, history, insets, phases=phases))
        if len(text.encode()) <= bytes_max:
            break
    return text


def render_suite(cases: Sequence[Case], href: Callable[[RunRecord], str]) -> str:
    """The page of all runs of one command; ``href`` says where the page of a run is."""
    template = _environment().get_template("suite.html.j2")
    return template.render(suite=suite_of(cases, href))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("chaos.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {"duration": duration}
    return environment


def _plain(value: object) -> object:
    """Markup as it is; of any other text, what would reorder or hide it is spelled out."""
    return value if hasattr(value, "__html__") else visible(str(value))
