"""The page of a run: one HTML file that needs nothing else.

It reads without its style sheet, too: Jenkins serves artefacts under ``default-src 'none';
style-src 'self'``, which strips inline styles and leaves elements and attributes.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from chaos.history.history import History
from chaos.report.model import page_of
from chaos.report.words import duration, moment, visible
from chaos.store import RunResult


def render(result: RunResult, history: History) -> str:
    """The page of one stored run, at most a few megabytes however long the run was."""
    template = _environment().get_template("page.html.j2")
    return template.render(page=page_of(result, history), zero_ns=history.zero_ns)


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
    environment.filters |= {"duration": duration, "moment": moment}
    return environment


def _plain(value: object) -> object:
    """Markup as it is; of any other text, what would reorder or hide it is spelled out."""
    return value if isinstance(value, Markup) else visible(str(value))
