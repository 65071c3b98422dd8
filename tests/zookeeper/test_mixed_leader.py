"""ZooKeeper servers under a leader of ours."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.election.effects import Append
from chaos.election.ids import Sid
from chaos.election.packets import Diff, Inform, Proposal, Revalidate, Revalidated, Snap, Txn
from chaos.election.records import CLOSE_SESSION, CREATE, CREATE_SESSION, ERROR
from chaos.ensemble import Runs
from chaos.zookeeper.installation import Installation
from tests.zookeeper.stage import Stage, ensemble, peer, staged

pytestmark = pytest.mark.live

OURS, THEIRS = Runs.CHAOS, Runs.ZOOKEEPER
OVER = ensemble(peer(1, THEIRS), peer(2, THEIRS), peer(3, OURS))
ONE, TWO, THREE, FOUR = Sid(1), Sid(2), Sid(3), Sid(4)


def logged(stage: Stage, kind: int, since: int = 0) -> list[Txn]:
    """The transactions of one kind in our leader's log."""
    appends = stage.effects(THREE, Append, since)
    return [txn for append in appends for txn in append.txns if txn.kind == kind]


def closes(stage: Stage, session: int) -> list[Txn]:
    return [txn for txn in logged(stage, CLOSE_SESSION) if txn.session == session]


def is_closed(stage: Stage, session: int) -> bool:
    return len(closes(stage, session)) == 1


def is_written(stage: Stage, since: int) -> bool:
    return len(logged(stage, CREATE, since)) > 30


def number(line: str) -> int:
    return int(line.split()[1])


def test_sessions_open_read_and_close_and_writes_are_refused(
    installation: Installation, tmp_path: Path
) -> None:
    with staged(installation, OVER, tmp_path) as stage:
        assert stage.settled() == THREE
        for sid in (ONE, TWO):
            found = stage.ask("check", sid=sid)
            assert found["children"] == ["zookeeper"]
            session = found["session"]
            assert isinstance(session, int)
            stage.until(partial(is_closed, stage, session), "it is closed")
            assert session in [txn.session for txn in logged(stage, CREATE_SESSION)]
            assert stage.ask("children", path="/", sid=sid)["children"] == ["zookeeper"]  # by SYNC
        client = stage.client("4000", f"{stage.host(ONE)}:2181", "create", "close")
        assert client.said("create") == ["create UnimplementedError"]
        assert client.said("close") == ["close done"]
        assert logged(stage, ERROR)
        session = number(client.said("session")[0])
        stage.until(partial(is_closed, stage, session), "it is closed")


def test_a_session_whose_client_died_expires(installation: Installation, tmp_path: Path) -> None:
    with staged(installation, OVER, tmp_path) as stage:
        stage.settled(THREE)
        client = stage.client("1500", f"{stage.host(TWO)}:2181")
        session = number(client.said("session")[0])
        # It lives for more than its timeout as long as its client does.
        began = stage.system.now_ns
        stage.until(lambda: stage.system.now_ns - began > 3_000_000_000, "three seconds")
        assert not closes(stage, session)
        client.process.signal(signal.SIGKILL)
        stage.until(partial(is_closed, stage, session), "it expires")
        stage.system.agree()


def test_a_client_moves_to_another_server(installation: Installation, tmp_path: Path) -> None:
    with staged(installation, OVER, tmp_path) as stage:
        stage.settled(THREE)
        hosts = ",".join(f"{stage.host(sid)}:2181" for sid in (ONE, TWO))
        client = stage.client("4000", hosts)
        session = number(client.said("session")[0])
        stage.do(act.Kill(ONE))
        client.said("state CONNECTED", times=2)
        assert not [line for line in client.lines if line == "state LOST"]
    assert session in [one.session for one in stage.read(THREE, Revalidate)]
    assert (session, True) in [(one.session, one.valid) for one in stage.sent(THREE, Revalidated)]
    assert not closes(stage, session)


def test_those_that_come_late_have_all_that_was_written(
    installation: Installation, tmp_path: Path
) -> None:
    with staged(installation, OVER, tmp_path) as stage:
        stage.settled(THREE)
        stage.do(act.Load("writes", 100, 50))
        since = stage.now
        for sid, wipe in ((ONE, False), (TWO, True)):
            stage.do(act.Kill(sid))
            stage.until(partial(is_written, stage, stage.now), "writes without it")
            stage.do(act.Launch(sid, wipe))
            stage.settled(THREE)
        stage.do(act.Unload("writes"))
        stage.system.agree()
        made = {txn.body[4 : 4 + int.from_bytes(txn.body[:4])] for txn in logged(stage, CREATE)}
        names = sorted(path.decode().removeprefix("/") for path in made)
        for sid in (ONE, TWO):
            found = stage.ask("children", path="/", sid=sid)["children"]
            assert isinstance(found, list)
            assert [one for one in found if one in names] == names
    for sid in (ONE, TWO):
        assert stage.read(sid, Diff, since), stage.synced(sid, since)


def test_a_tree_that_it_was_sent_is_what_it_sends(
    installation: Installation, tmp_path: Path
) -> None:
    setup = ensemble(peer(1, OURS), peer(2, THEIRS), peer(3, THEIRS))
    with staged(installation, setup, tmp_path) as stage:
        assert stage.settled() == THREE
        stage.do(act.Load("writes", 100, 50))
        count = len(stage.read(TWO, Proposal))
        stage.until(lambda: len(stage.read(TWO, Proposal)) > count + 30, "writes")
        stage.do(act.Kill(ONE))
        stage.do(act.Launch(ONE, wipe=True))
        stage.settled(THREE)
        stage.do(act.Kill(TWO))
        end = stage.end_of(ONE)
        stage.until(lambda: stage.end_of(ONE) > end + 30, "writes without it")
        stage.do(act.Kill(THREE))
        stage.do(act.Launch(TWO))
        assert stage.settled() == ONE
        since = stage.now
        stage.do(act.Launch(THREE, wipe=True))
        stage.settled(ONE)
        stage.do(act.Unload("writes"))
        stage.system.agree()
        found = [stage.ask("children", path="/chaos-writes", sid=sid) for sid in (TWO, THREE)]
        assert found[0]["children"] == found[1]["children"] != []
    assert stage.read(THREE, Snap, since), stage.synced(THREE, since)


def test_an_observer_hears_of_every_write(installation: Installation, tmp_path: Path) -> None:
    setup = ensemble(peer(1, THEIRS), peer(2, OURS), peer(3, OURS), peer(4, THEIRS, votes=False))
    with staged(installation, setup, tmp_path) as stage:
        stage.settled(THREE)
        stage.do(act.Load("writes", 100, 50))
        stage.until(lambda: len(stage.read(FOUR, Inform)) > 30, "it is informed")
        stage.do(act.Unload("writes"))
        zxid = stage.system.agree()
        assert zxid == stage.end_of(THREE)
        assert not stage.read(FOUR, Proposal)
        assert stage.ask("check", sid=FOUR)["session"]
        stage.do(act.Kill(THREE))
        assert stage.settled_among(ONE, TWO, FOUR) == TWO
