"""The journal's lines are events that the codec reads, in one write before anything leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.actions import Port
from chaos.election.effects import Start
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.history.codec import Reader
from chaos.history.events import Event, Left, Lost, Rejected, Stepped, Wrote
from chaos.peer.journal import Journal, Offer
from chaos.peer.loop import Loop
from chaos.wire.lane import Harm


def read(path: Path) -> list[Event]:
    return list(Reader().events(path.read_text().splitlines(keepends=True)))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    loop = Loop()
    loop.close()
    loop.now_ns = 77
    return Journal(str(tmp_path / "deep" / "journal-2.jsonl"), Sid(5), 2, loop)


def test_lines_are_read_back_in_order_with_their_numbers(journal: Journal, tmp_path: Path) -> None:
    offer = Offer(step=0, index=3, frame=b"")
    assert journal.stepped(Start(), []) == 0
    journal.wrote(offer, Sid(-1), ("127.0.0.1:3888>127.0.0.2:40000", 6), again=False)
    there = "[::1]:3888>[fe80:1111:2222:3333:4444:5555:6:7]:40000", 0
    journal.wrote(offer, Sid(6), there, again=True)
    journal.wrote(offer, Sid(6), ("a>b", 1), Harm(copied_by="again"), again=False)
    journal.wrote(offer, Sid(6), ("a>b", 2), Harm(corrupted_by="torn", byte=3), again=True)
    journal.lost(offer, Sid(7), "lost on its way", "noise")
    journal.rejected(Port.QUORUM, "127.0.0.9:1", "nonsense")
    journal.left("SIGTERM")
    journal.close()
    assert read(tmp_path / "deep" / "journal-2.jsonl") == [
        Stepped(77, Sid(5), 2, 0, Start(), ()),
        Wrote(77, Sid(5), 2, 1, 0, 3, Sid(-1), "127.0.0.1:3888>127.0.0.2:40000", 6),
        Wrote(
            77,
            Sid(5),
            2,
            2,
            0,
            3,
            Sid(6),
            "[::1]:3888>[fe80:1111:2222:3333:4444:5555:6:7]:40000",
            0,
            again=True,
        ),
        Wrote(77, Sid(5), 2, 3, 0, 3, Sid(6), "a>b", 1, copied_by="again"),
        Wrote(77, Sid(5), 2, 4, 0, 3, Sid(6), "a>b", 2, again=True, corrupted_by="torn", byte=3),
        Lost(77, Sid(5), 2, 5, 0, 3, Sid(7), "lost on its way", "noise"),
        Rejected(77, Sid(5), 2, 6, "quorum", "127.0.0.9:1", "nonsense"),
        Left(77, Sid(5), 2, 7, "SIGTERM"),
    ]


def test_nothing_is_on_disk_before_the_flush_and_all_of_it_after(
    journal: Journal, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "journal-2.jsonl"
    journal.began(PeerSpec(Sid(5), "server.5=127.0.0.1:2888:3888\nversion=0"))
    assert path.read_bytes() == b""
    journal.flush()
    assert len(read(path)) == 1
    journal.close()


def test_an_incarnation_is_not_written_twice(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with pytest.raises(InfrastructureError, match="give the next number"):
        Journal(str(tmp_path / "deep" / "journal-2.jsonl"), Sid(5), 2, Loop())
