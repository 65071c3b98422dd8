"""Our peers under a ZooKeeper leader."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.election.config import parse_configuration
from chaos.election.effects import Append, PersistConfig, Restore, Truncate
from chaos.election.ids import Sid
from chaos.election.packets import (
    CommitAndActivate,
    Diff,
    Inform,
    InformAndActivate,
    Proposal,
    Snap,
    Trunc,
)
from chaos.ensemble import Runs
from chaos.history.events import Began
from chaos.zookeeper.installation import Installation
from tests.zookeeper.stage import Stage, ensemble, peer, staged

pytestmark = pytest.mark.live

OURS, THEIRS = Runs.CHAOS, Runs.ZOOKEEPER
UNDER = ensemble(peer(1, OURS), peer(2, THEIRS), peer(3, THEIRS))
OVER = ensemble(peer(1, THEIRS), peer(2, THEIRS), peer(3, OURS))
WRITES = act.Load("writes", 100, 50)
ONE, TWO, THREE, FOUR = Sid(1), Sid(2), Sid(3), Sid(4)


def written(stage: Stage, sid: Sid, count: int) -> None:
    """Wait until ``count`` more transactions are in one of our logs."""
    since = stage.now

    def logged() -> int:
        return sum(len(append.txns) for append in stage.effects(sid, Append, since))

    stage.until(lambda: logged() >= count, f"{count} transactions at {sid}")


def quiet(stage: Stage, *sids: Sid) -> None:
    """Wait until the servers agree, and our peers are where they are."""
    zxid = stage.system.agree()
    for sid in sids:
        stage.until(partial(stage.ends_at, sid, zxid), f"{sid} is at {zxid:x}")


def test_it_follows_by_diff_by_snap_and_from_its_disk(
    installation: Installation, tmp_path: Path
) -> None:
    with staged(installation, UNDER, tmp_path) as stage:
        assert stage.settled() == THREE
        stage.do(WRITES)
        written(stage, ONE, 30)
        stage.do(act.Kill(ONE))
        count = len(stage.read(TWO, Proposal))
        stage.until(lambda: len(stage.read(TWO, Proposal)) > count + 30, "writes without it")
        behind = stage.now
        stage.do(act.Launch(ONE))
        stage.settled(THREE)
        written(stage, ONE, 10)
        stage.do(act.Unload("writes"))
        quiet(stage, ONE)
        end = stage.end_of(ONE)
        stage.do(act.Kill(ONE))
        again = stage.now
        stage.do(act.Launch(ONE))
        stage.settled(THREE)
        stage.do(act.Kill(ONE))
        anew = stage.now
        stage.do(act.Launch(ONE, wipe=True))
        stage.settled(THREE)
        quiet(stage, ONE)
    births = [one.spec.last_zxid for one in stage.events if isinstance(one, Began)]
    assert births == [0, births[1], end, 0]
    assert stage.read(ONE, Diff, behind)[0].zxid > births[1]
    assert [diff.zxid for diff in stage.read(ONE, Diff, again)] == [end]
    assert [snap.zxid for snap in stage.read(ONE, Snap, behind)] == [end]
    assert [one.zxid for one in stage.effects(ONE, Restore, anew)] == [end]


def test_what_nobody_else_has_is_cut_off(installation: Installation, tmp_path: Path) -> None:
    with staged(installation, OVER, tmp_path) as stage:
        assert stage.settled() == THREE
        stage.propose(THREE, 100)
        written(stage, THREE, 30)
        both = (act.Cut(THREE, ONE), act.Cut(ONE, THREE), act.Cut(THREE, TWO), act.Cut(TWO, THREE))
        stage.do(act.Block("alone", both, act.How.SILENT))
        written(stage, THREE, 30)
        longest = stage.end_of(THREE)
        stage.settled_among(ONE, TWO)
        since = stage.now
        stage.do(act.Unblock("alone"))
        stage.settled()
    # A leader with transactions of its own epoch would send SNAP.
    (cut,) = [packet.zxid for packet in stage.read(THREE, Trunc, since)]
    assert cut < longest
    assert [effect.zxid for effect in stage.effects(THREE, Truncate, since)] == [cut]
    assert stage.end_of(THREE) == cut


def member(stage: Stage, sid: Sid, role: str = "participant") -> str:
    host = stage.host(sid)
    return f"server.{sid}={host}:2888:3888:{role};0.0.0.0:2181"


def versions(stage: Stage, sid: Sid, since: int = 0) -> list[int]:
    """The configurations that took force at one of our peers."""
    return [
        parse_configuration(effect.config).version
        for effect in stage.effects(sid, PersistConfig, since)
        if effect.active
    ]


def in_force(stage: Stage, sid: Sid, version: int) -> bool:
    return version in versions(stage, sid)


def reconfigure(stage: Stage, **change: str) -> int:
    """By a client of the ZooKeeper servers; the new version."""
    return parse_configuration(str(stage.ask("reconfigure", **change)["config"])).version


def test_a_reconfiguration_takes_force(installation: Installation, tmp_path: Path) -> None:
    setup = ensemble(peer(1, OURS), peer(2, THEIRS), peer(3, THEIRS), peer(4, OURS, votes=False))
    with staged(installation, setup, tmp_path) as stage:
        stage.settled(THREE)
        for change in (
            {"joining": member(stage, TWO)},  # nothing but the version
            {"joining": member(stage, FOUR)},  # an observer becomes a voter
            {"leaving": "1"},
            {"joining": member(stage, ONE, "observer")},
        ):
            version = reconfigure(stage, **change)
            for sid in (ONE, FOUR):
                stage.until(partial(in_force, stage, sid, version), f"{sid}: {change}")
            stage.settled(THREE)
        config = stage.view.newest
        assert (sorted(config.voters), sorted(config.observers)) == ([TWO, THREE, FOUR], [ONE])
        stage.do(WRITES)
        written(stage, ONE, 10)
        stage.do(act.Unload("writes"))
        quiet(stage, ONE, FOUR)
    assert stage.read(FOUR, InformAndActivate)
    assert stage.read(ONE, CommitAndActivate)
    assert len(stage.read(ONE, Inform)) > 10


def test_one_that_missed_a_reconfiguration_hears_of_it(
    installation: Installation, tmp_path: Path
) -> None:
    with staged(installation, UNDER, tmp_path) as stage:
        stage.settled(THREE)
        stage.do(act.Kill(ONE))
        version = reconfigure(stage, joining=member(stage, TWO))
        since = stage.now
        stage.do(act.Launch(ONE))
        stage.settled(THREE)
    assert versions(stage, ONE, since)[-1] == version
