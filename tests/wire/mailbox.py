"""Whether what our core offered to the election links is what the server wrote on them.

A queue holds one message, and a new link may begin with the last message of an older one
(``QuorumCnxManager``). So an offer that was never written needs a reason, and so does a
frame that was never offered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from chaos.election.ids import Sid
from chaos.election.notification import Notification
from tests.wire.lives import Frame, Life

MS: Final = 1_000_000
WRITTEN_NS: Final = 100 * MS  # an offer to a link that stands is written within this
YOUNG_NS: Final = 1500 * MS  # but a JVM that started less than this ago still loads its classes
YOUNG_WRITTEN_NS: Final = 400 * MS  # and takes this long


class WrongError(Exception):
    """Our core says something else than the server; the message says what."""


class Post(StrEnum):
    """Why an offer was not written, or a frame not offered."""

    UNLINKED = "an offer waited for a link and a newer one took its place, or none came"
    LOST = "an offer was lost with its link"
    REPEATED = "a new link began with the last message of the old one"


@dataclass(frozen=True, slots=True)
class Offer:
    """A notification that our core gave to the queue of one peer."""

    at_ns: int
    notification: Notification
    pause_ns: int = 0  # it may be later by that


@dataclass(frozen=True, slots=True)
class _Box:
    """One peer's queue, and all that was written on links to it."""

    frames: tuple[Frame, ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    offers: tuple[Offer, ...] = ()
    restarts: tuple[int, ...] = ()
    begin_ns: int = 0

    def fit(self, now_ns: int, end_ns: int) -> Counter[str] | None:
        """The reasons by which offers and the frames before ``now_ns`` agree, fewest first.

        An offer may be the frame that is written next, later than ``now_ns``.
        """
        count, due = len(self.offers), sum(frame.at_ns < now_ns for frame in self.frames)
        best: dict[tuple[int, int], Counter[str]] = {(0, 0): Counter()}
        for i in range(count + 1):
            for j in range(len(self.frames) + 1):
                reasons = best.get((i, j))
                if reasons is None:
                    continue
                for to, reason in self._steps(i, j, now_ns, end_ns):
                    found = reasons + Counter([reason] if reason else [])
                    if to not in best or found.total() < best[to].total():
                        best[to] = found
        ends = [best[count, j] for j in range(due, len(self.frames) + 1) if (count, j) in best]
        return min(ends, key=Counter.total, default=None)

    def _steps(
        self, i: int, j: int, now_ns: int, end_ns: int
    ) -> Iterator[tuple[tuple[int, int], str]]:
        frame = self.frames[j] if j < len(self.frames) else None
        if frame is not None and self._repeats(j):
            yield (i, j + 1), Post.REPEATED
        if i == len(self.offers):
            return
        offer = self.offers[i]
        if frame is not None and self._is_written(offer, frame):
            yield (i + 1, j + 1), ""
        reason = self._unwritten(i, now_ns, end_ns)
        if reason is not None:
            yield (i + 1, j), reason

    def _is_written(self, offer: Offer, frame: Frame) -> bool:
        """Whether ``frame`` may be ``offer``."""
        if offer.notification != frame.notification or offer.at_ns > frame.at_ns:
            return False
        return self._stood(offer.at_ns, frame.at_ns) <= self._patience(offer)

    def _patience(self, offer: Offer) -> int:
        young = offer.at_ns < self.begin_ns + YOUNG_NS
        return offer.pause_ns + (YOUNG_WRITTEN_NS if young else WRITTEN_NS)

    def _repeats(self, j: int) -> bool:
        frame, last = self.frames[j], self.frames[j - 1]
        if not (j and frame.first and frame.notification == last.notification):
            return False
        return not any(last.at_ns < at <= frame.at_ns for at in self.restarts)

    def _stood(self, begin_ns: int, end_ns: int) -> int:
        """For how long a link stood in that time."""
        return sum(max(0, min(end_ns, end) - max(begin_ns, begin)) for begin, end in self.links)

    def _unwritten(self, i: int, now_ns: int, end_ns: int) -> str | None:
        """Why offer ``i`` needs no frame; empty if there is time left for one."""
        offer = self.offers[i]
        after = self.offers[i + 1].at_ns if i + 1 < len(self.offers) else None
        if after is None and now_ns < min(offer.at_ns + self._patience(offer), end_ns):
            return ""
        until = now_ns if after is None else after
        stood = self._stood(offer.at_ns, until)
        if not stood:
            return Post.UNLINKED
        patience = self._patience(offer)
        if any(offer.at_ns <= end <= offer.at_ns + patience for _, end in self.links):
            return Post.LOST
        return None

    def written_ns(self, offer: Offer) -> int | None:
        """When the offer was written, if a link stood that had nothing else to write."""
        if not any(begin <= offer.at_ns < end for begin, end in self.links):
            return None
        for j, frame in enumerate(self.frames):
            late = frame.at_ns - offer.at_ns
            if 0 <= late <= self._patience(offer) and not self._repeats(j):
                return frame.at_ns if frame.notification == offer.notification else None
        return None


@dataclass(slots=True)
class Mailbox:
    """The queues of one server."""

    boxes: dict[Sid, _Box] = field(default_factory=dict)
    end_ns: int = 0

    @staticmethod
    def of(life: Life) -> Mailbox:
        """What the server of ``life`` wrote, and nothing offered yet."""
        sids = {*life.frames, *life.links}
        boxes = {
            sid: _Box(
                tuple(life.frames.get(sid, ())),
                tuple(life.links.get(sid, ())),
                begin_ns=life.begin_ns,
            )
            for sid in sids
        }
        return Mailbox(boxes, life.end_ns)

    def copy(self) -> Mailbox:
        """The same, to go on differently."""
        return Mailbox(dict(self.boxes), self.end_ns)

    def offer(
        self, to: tuple[Sid, ...], notification: Notification, now_ns: int, pause_ns: int = 0
    ) -> int:
        """Give it to the queues; when the first of them was seen to write it, or 0."""
        written: list[int] = []
        offer = Offer(now_ns, notification, pause_ns)
        for sid in to:
            box = self.boxes.get(sid, _Box())
            self.boxes[sid] = replace(box, offers=(*box.offers, offer))
            at_ns = box.written_ns(offer)
            if at_ns is not None:
                written.append(at_ns)
        return min(written, default=0)

    def restart(self, now_ns: int) -> None:
        """The election layer is built anew: queues and last messages are gone."""
        for sid, box in self.boxes.items():
            self.boxes[sid] = replace(box, restarts=(*box.restarts, now_ns))

    def settle(self, now_ns: int) -> Counter[str]:
        """Compare what was written before ``now_ns``; the reasons that were needed.

        Raises:
            WrongError: they disagree.
        """
        used: Counter[str] = Counter()
        for sid, box in self.boxes.items():
            reasons = box.fit(now_ns, self.end_ns)
            if reasons is None:
                said = [f.notification for f in box.frames if f.at_ns < now_ns][-2:]
                ours = [(o.at_ns, o.notification) for o in box.offers][-2:]
                raise WrongError(f"to {sid} it wrote .. {said}, our core offered .. {ours}")
            used += reasons
        return used
