"""What a peer process is started with, as one JSON text."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from chaos.election.spec import PeerSpec
from chaos.errors import HistoryError, InfrastructureError
from chaos.history.codec import Json, from_json, to_json


@dataclass(frozen=True, slots=True)
class Birth:
    """One start of one peer.

    ``spec`` is what it is made from where ``folder`` holds no data of an earlier start.
    ``netns`` is the file of a network namespace that it is to enter first, empty for none.
    ``inc`` counts the starts from 0. ``seed`` feeds the message faults. A peer that is to
    ``wait`` listens at once and looks for a leader when its control channel says ``go``.
    """

    spec: PeerSpec
    inc: int
    folder: str
    seed: str
    wait: bool = True
    netns: str = ""

    @property
    def journal(self) -> str:
        """The journal of this start."""
        return os.path.join(self.folder, f"journal-{self.inc}.jsonl")

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "spec": to_json(self.spec),
                "inc": self.inc,
                "folder": self.folder,
                "seed": self.seed,
                "wait": self.wait,
                "netns": self.netns,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Birth:
        """Read what :meth:`to_json` wrote.

        Raises:
            InfrastructureError: ``text`` is no birth.
        """
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise InfrastructureError(f"no birth: {text[:120]!r} ({error})") from error
        return cls.of(raw)

    @classmethod
    def of(cls, raw: Json) -> Birth:
        """Read a birth that came as part of a message.

        Raises:
            InfrastructureError: ``raw`` is no birth.
        """
        match raw:
            case {
                "spec": dict() as spec,
                "inc": int() as inc,
                "folder": str() as folder,
                "seed": str() as seed,
                "wait": bool() as wait,
                "netns": str() as netns,
            }:
                made = _record(spec)
                if isinstance(made, PeerSpec):
                    return cls(made, inc, folder, seed, wait, netns)
        raise InfrastructureError(
            f"no birth: {str(raw)[:120]}; it needs spec, inc, folder, seed, wait and netns"
        )


def _record(raw: Json) -> object:
    try:
        return from_json(raw)
    except HistoryError as error:
        raise InfrastructureError(f"no birth: {error}") from error
