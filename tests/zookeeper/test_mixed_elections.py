"""Elections of a mixed ensemble, again and again: the right leader, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chaos.actions import Kill
from chaos.election.effects import Proposed, Send, Serving
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.ensemble import configuration_of
from chaos.history.events import Acted, Seen, Stepped
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.plan.load import load_plan
from chaos.zookeeper.installation import Installation
from tests.zookeeper.mixed_runs import run
from tests.zookeeper.tour import again_and_again, grouped, split

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
ELECTIONS = int(os.environ.get("CHAOS_MIXED_ELECTIONS", "5"))
RUNS = int(os.environ.get("CHAOS_MIXED_RUNS", "3"))
Rank = tuple[int, int, int]  # peer epoch, zxid, sid: how votes are compared


@dataclass
class Election:
    """The best that each server can have been by its votes, and who served in the end."""

    stood: dict[Sid, Rank] = field(default_factory=dict)
    won: dict[int, Sid] = field(default_factory=dict)  # by epoch


def elections(history: History, view: EnsembleView) -> Iterator[Election]:
    """What was said between two kills of a leader."""
    found = Election()
    for event in history.events:
        view.observe(event)
        match event:
            case Acted(action=Kill()):
                yield found
                found = Election()
            case Stepped() | Seen():
                leads = view.peers[event.sid].state is ServerState.LEADING
                _take(event, found, leads=leads)
            case _:
                pass
    yield found


def _take(event: Stepped | Seen, found: Election, *, leads: bool) -> None:
    sid = event.sid
    for effect in event.effects:
        match effect:
            # Who finds a better vote in its queue as it begins to look never says its own, which
            # is below that one then.
            case Proposed(vote=said) | Send(notification=said):
                if said.state == ServerState.LOOKING and not found.won:
                    rank = (said.peer_epoch, said.zxid, said.leader)
                    if said.leader == sid:
                        found.stood[sid] = rank
                    found.stood.setdefault(sid, rank)
            case Serving(epoch=epoch) if leads:
                found.won[epoch] = sid
            case _:
                pass


def test_the_next_leader_is_the_best_of_a_quorum(
    installation: Installation, tmp_path: Path
) -> None:
    """By what each said of itself: a quorum of five is three, and others may come too late."""
    found = run(installation, again_and_again(split(5, 2, 1), ELECTIONS), tmp_path)
    assert found.result.exit_code == 0, found.story
    assert found.same_end() == ""
    plan = load_plan(found.result.plan_text, "plan.yaml")
    config = configuration_of(plan.ensemble, lambda sid: f"peer-{sid}")
    judged, best = 0, 0
    for election in elections(found.history, EnsembleView(plan.ensemble.sids, config)):
        assert len(election.won) == 1, election
        (winner,) = election.won.values()
        mine = election.stood[winner]
        assert sum(rank <= mine for rank in election.stood.values()) >= 3, election
        best += mine == max(election.stood.values())
        judged += 1
    assert judged == ELECTIONS + 1
    sys.stdout.write(f"{judged} elections; the best of all that stood won {best} of them\n")


def test_groups_and_weights_count_in_a_mixed_ensemble(
    installation: Installation, tmp_path: Path
) -> None:
    found = run(installation, grouped(), tmp_path)
    assert found.result.exit_code == 0, found.story
    assert found.same_end() == ""


def test_runs_in_a_row_end_well_and_leave_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    del installation  # it has to be there
    plan = tmp_path / "plan.yaml"
    plan.write_text(again_and_again(split(3, 2, 1), 1), encoding="utf-8")
    command = [sys.executable, "-m", "chaos.cli", "run", str(plan), "--system", "mixed"]
    done = subprocess.run(
        [*command, "--repeat", str(RUNS), "--out", str(tmp_path / "out"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [one["exit_code"] for one in runs] == [0] * RUNS, done.stdout
    assert not _left(tmp_path)


def _left(folder: Path) -> list[str]:
    """Processes that were started from this folder and are still there."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            found.append(place.name)
    return found
