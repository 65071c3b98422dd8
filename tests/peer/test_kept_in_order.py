"""A line is in the journal before what it says is on the disk: a kill leaves no disk ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chaos.election.effects import Append, Persist, PersistConfig, Restore, Truncate
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.history.codec import Reader
from chaos.history.events import Stepped
from chaos.peer.birth import Birth
from chaos.peer.process import Process
from chaos.peer.spoils import Spoils
from tests.peer.nest import QUICK, config_of, fresh_net

KEPT = (Append, Persist, PersistConfig, Restore, Truncate)


def test_a_step_is_in_the_journal_when_its_first_write_is_due(tmp_path: Path) -> None:
    """A voter alone leads at once; each write finds the journal as a kill would leave it."""
    spec = PeerSpec(Sid(1), config_of(fresh_net(), [1]), timings=QUICK)
    birth = Birth(spec, 0, str(tmp_path), "seed", wait=False)
    process = Process(birth)
    last: list[bool] = []

    def look(_over: Callable[[], bool], _until_ns: int) -> None:
        lines = Path(birth.journal).read_text().splitlines(keepends=True)
        steps = [one for one in Reader().events(lines) if isinstance(one, Stepped)]
        last.append(bool(steps) and any(isinstance(e, KEPT) for e in steps[-1].effects))
        process.leave("it has written")

    process.spoils = Spoils(look)
    process.spoils.add("slow", 1)
    process.run()
    assert last
    assert all(last)
