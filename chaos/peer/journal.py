"""A peer's journal: what it saw and is about to do, on disk before it does it.

Lines gather in memory while one wake-up is handled; :meth:`Journal.flush` hands them to the
kernel in one write, and the loop calls it before any byte that they describe leaves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.actions import Port
from chaos.election.effects import Effect, Input
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.history.codec import Writer
from chaos.history.events import (
    Began,
    Held,
    Left,
    LinkClosed,
    LinkOpened,
    Lost,
    PeerEvent,
    Rejected,
    Stepped,
)
from chaos.peer.loop import Loop
from chaos.wire.lane import UNHARMED, Harm


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A notification on its way out: effect ``index`` of step ``step``, encoded once for all."""

    step: int
    index: int
    frame: bytes


class Journal:
    """The journal of one start of one peer. The loop's ``now_ns`` is the time of each line.

    Raises:
        InfrastructureError: on creation, when it exists already or cannot be made.
    """

    def __init__(self, path: str, sid: Sid, inc: int, loop: Loop) -> None:
        self.seq = 0  # of the next line
        self._loop = loop
        self._sid = sid
        self._inc = inc
        self._writer = Writer()
        self._lines: list[str] = []
        self._who = f'"sid":{int(sid)},"inc":{inc},"seq":'
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = _made(path, flags)
        except FileExistsError as error:
            raise InfrastructureError(
                f"{path} exists: incarnation {inc} of peer {sid} was started before; "
                "give the next number"
            ) from error
        except OSError as error:
            raise InfrastructureError(f"cannot write a journal: {error}") from error

    def began(self, spec: PeerSpec) -> None:
        """The process stands."""
        self._add(Began(*self._head(), os.getpid(), spec))

    def stepped(self, happened: Input, effects: Sequence[Effect]) -> int:
        """Something happened; returns the line's number, which names the step."""
        return self._add(Stepped(*self._head(), happened, tuple(effects)))

    def wrote(
        self, offer: Offer, to: Sid, there: tuple[str, int], harm: Harm = UNHARMED, *, again: bool
    ) -> None:
        """A message became the frame ``there``: the name of its link, and the frame's number.

        The codec's line, made by hand: there is one for each.
        """
        link, frame = there
        self._lines.append(
            f'{{"k":"Wrote","at_ns":{self._loop.now_ns},{self._who}{self.seq},'
            f'"step":{offer.step},"index":{offer.index},"to":{to},'
            f'"link":"{link}","frame":{frame}{_tail(harm, again=again)}}}\n'
        )
        self.seq += 1

    def lost(self, offer: Offer, to: Sid, why: str, fault: str = "") -> None:
        """A message will not be written."""
        self._add(Lost(*self._head(), offer.step, offer.index, to, why, fault))

    def link_opened(self, other: Sid, link: str, *, dialed: bool) -> int:
        """An election link stands; returns the line's number."""
        return self._add(LinkOpened(*self._head(), other, link, dialed))

    def link_closed(self, other: Sid, link: str, why: str) -> int:
        """An election link, or an attempt at one, ended; returns the line's number."""
        return self._add(LinkClosed(*self._head(), other, link, why))

    def rejected(self, port: Port, source: str, why: str) -> None:
        """Bytes made no sense, or a connection was not wanted."""
        self._add(Rejected(*self._head(), port.value, source, why))

    def held(self, name: str, line: int, index: int) -> None:
        """The peer holds before effect ``index`` of ``line``."""
        self._loop.read_clock()
        self._add(Held(*self._head(), name, line, index))

    def left(self, why: str) -> None:
        """The peer ends by itself."""
        self._add(Left(*self._head(), why))

    def flush(self) -> None:
        """Hand all lines to the kernel: our own death loses none of them.

        Raises:
            OSError: the disk refuses.
        """
        if not self._lines:
            return
        data = memoryview("".join(self._lines).encode())
        self._lines.clear()
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        """Write what is left and let go of the file."""
        try:
            self.flush()
        finally:
            os.close(self._fd)

    # ----

    def _head(self) -> tuple[int, Sid, int, int]:
        return self._loop.now_ns, self._sid, self._inc, self.seq

    def _add(self, event: PeerEvent) -> int:
        self._lines.append(self._writer.lines(event))
        self.seq += 1
        return self.seq - 1


def _tail(harm: Harm = UNHARMED, *, again: bool) -> str:
    """What only some frames have."""
    tail = ',"again":true' if again else ""
    if harm.copied_by:
        tail += f',"copied_by":{json.dumps(harm.copied_by)}'
    if harm.corrupted_by:
        tail += f',"corrupted_by":{json.dumps(harm.corrupted_by)},"byte":{harm.byte}'
    return tail


def _made(path: str, flags: int) -> int:
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:  # the harness makes the folder, a peer by hand may have to
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o644)
