"""Where words for a person go, and how: colours and width as its reader can use them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from chaos.texts import visible

_WIDE: Final = 10_000  # a file or a pipe has no edge to wrap at


class Voice(Console):
    """A console that falls silent when its reader leaves; what it tells of goes on."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """What is shown; words of plans, peers and stored runs steer no terminal."""
        for shown in super().render(renderable, options):
            yield shown if shown.control else Segment(visible(shown.text), shown.style)

    def on_broken_pipe(self) -> None:
        """Say no more. A run is not worth less because ``| head`` has seen enough."""
        self.quiet = True
        deafen(self.file.fileno())


def voice(*, stderr: bool = False) -> Voice:
    """A console on stdout or stderr.

    With NO_COLOR, with TERM=dumb and off a terminal not one escape code comes out of it.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        return Voice(stderr=stderr, highlight=False)
    width = None if stream.isatty() else _WIDE
    return Voice(
        stderr=stderr, highlight=False, width=width, force_terminal=False, color_system=None
    )


def deafen(descriptor: int) -> None:
    """Let what is still written there go nowhere; the flush at exit would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def put(text: str) -> None:
    """Write data to stdout, all of it or as much as its reader wants; it steers no terminal."""
    try:
        sys.stdout.write(visible(text))
        sys.stdout.flush()
    except BrokenPipeError:
        deafen(sys.stdout.fileno())


@contextmanager
def told_if_not(what: str, tell: Callable[[str], object]) -> Iterator[None]:
    """Draw or write something that comes after the verdict, which stands whatever goes wrong.

    ``what`` says what could not be done, as ``the page x.html could not be written``.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands
        tell(f"{what}: {error!r}")
