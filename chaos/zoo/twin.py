"""Links beside their unbroken twin: the same happens to both, and their answers are compared.

A journal does not tell when a peer dials, so what conformance is to the core this is to the
rules of links: they are pure, and the first answer that differs is a difference of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from chaos.election.cnx import CnxEffect, CnxManager
from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.election.rules import Links, Rules

M = TypeVar("M")


class Twinned(CnxManager[M]):
    """Answers as ``odd`` does, and tells ``differ`` where ``CnxManager`` would not."""

    def __init__(self, odd: CnxManager[M], differ: Callable[[str], None]) -> None:
        super().__init__(odd.me, odd.addresses)
        self._odd = odd
        self._differ = differ
        odd.addresses = self.addresses

    def _compare(self, what: str, odd: object, due: object) -> None:
        if odd != due:
            self._differ(f"peer {self.me}, {what}: {odd} where the rules say {due}"[:400])

    def send(self, to: Sid, message: M) -> list[CnxEffect[M]]:
        """Both are offered ``message``."""
        odd, due = self._odd.send(to, message), super().send(to, message)
        self._compare(f"sending to {to}", odd, due)
        return odd

    def connect_all(self) -> list[CnxEffect[M]]:
        """Both are asked."""
        odd, due = self._odd.connect_all(), super().connect_all()
        self._compare("connecting all", odd, due)
        return odd

    def has_link(self, sid: Sid) -> bool:
        """As ``odd`` has it."""
        return self._odd.has_link(sid)

    def have_delivered(self) -> bool:
        """Both are asked."""
        odd, due = self._odd.have_delivered(), super().have_delivered()
        self._compare("asked whether it delivered", odd, due)
        return odd

    def next_message(self, conn: int) -> tuple[M, bool] | None:
        """Both are asked."""
        odd, due = self._odd.next_message(conn), super().next_message(conn)
        self._compare("writing the next message", odd, due)
        return odd

    def dialed(self, to: Sid, conn: int) -> list[CnxEffect[M]]:
        """Both are told."""
        odd, due = self._odd.dialed(to, conn), super().dialed(to, conn)
        self._compare(f"having dialled {to}", odd, due)
        return odd

    def dial_failed(self, to: Sid) -> None:
        """Both are told."""
        self._odd.dial_failed(to)
        super().dial_failed(to)

    def accepted(self, conn: int, sid: int, address: Address | None) -> list[CnxEffect[M]]:
        """Both are told."""
        odd, due = self._odd.accepted(conn, sid, address), super().accepted(conn, sid, address)
        self._compare(f"having accepted {sid}", odd, due)
        return odd

    def lost(self, conn: int) -> None:
        """Both are told."""
        self._odd.lost(conn)
        super().lost(conn)

    def restart(self, addresses: Mapping[Sid, Address]) -> list[CnxEffect[M]]:
        """Both begin anew."""
        odd, due = self._odd.restart(addresses), super().restart(addresses)
        self._odd.addresses = self.addresses
        self._compare("restarting", odd, due)
        return odd


def watched(rules: Rules, differ: Callable[[str], None]) -> Rules:
    """``rules``, with each peer's links beside their twin."""
    made: Links = rules.links

    def links(me: Sid, addresses: Mapping[Sid, Address]) -> CnxManager[M]:
        return Twinned(made(me, addresses), differ)

    return Rules(rules.peer, links)
