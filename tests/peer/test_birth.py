"""A birth survives its message; nonsense is refused with a reason."""

from __future__ import annotations

import pytest

from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.errors import InfrastructureError
from chaos.peer.birth import Birth

LONG = "server.1=127.0.0.1:2888:3888:participant\nserver.2=127.0.0.2:2888:3888\nversion=5"
SPEC = PeerSpec(
    Sid(1), LONG, LONG, PeerEpoch(3), PeerEpoch(2), Zxid(2**40), Timings(tick_ms=7), False
)


def test_a_birth_is_read_as_it_was_written() -> None:
    birth = Birth(SPEC, 4, "/somewhere", "seed/1", wait=False)
    assert Birth.from_json(birth.to_json()) == birth


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"spec": 1}', '{"spec": {"k": "Vote"}, "inc": 0, "folder": "", "seed": ""}'],
)
def test_nonsense_is_no_birth(text: str) -> None:
    with pytest.raises(InfrastructureError, match="no birth"):
        Birth.from_json(text)


def test_another_record_is_no_birth() -> None:
    text = Birth(SPEC, 0, "", "").to_json().replace('"k": "PeerSpec"', '"k": "Timings"')
    assert "Timings" in text
    with pytest.raises(InfrastructureError):
        Birth.from_json(text)
