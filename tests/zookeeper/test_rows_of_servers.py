"""Rows of ZooKeeper's own tests that are about its files and its refusals: no plan asks for them.

Its own list of members is in a file, and so is all that it forgets of it when it starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kazoo.exceptions import BadVersionError

from chaos.election.config import Configuration, parse_configuration
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind
from chaos.errors import ChaosError
from chaos.zookeeper.dynamic import in_force as in_folder
from chaos.zookeeper.sessions import Change, reconfigure, session
from chaos.zookeeper.words import ask, parse_conf
from tests.zookeeper.runs import run
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

Ensemble = Callable[[EnsembleSetup], Servers]
ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
FRESH = (PeerSetup(ONE), PeerSetup(TWO), PeerSetup(THREE))
FAST = Timings(tick_ms=100, init_limit=20, sync_limit=5)
SETUP = EnsembleSetup(FRESH, timings=FAST)
NOWHERE = "nobody-has-this-name.invalid"


def in_force(servers: Servers, sid: Sid) -> Configuration:
    found = parse_conf(ask(servers.host(sid), 2181, "conf", 1.0).text)
    assert found is not None
    return found


def members(config: Configuration) -> list[str]:
    return config.text().splitlines()[:-1]


def up(servers: Servers) -> Servers:
    """All serve, with the version that the first leader gave to their configuration."""
    servers.start(*servers.sids)
    servers.serving()
    wait_until(lambda: all(in_force(servers, sid).version > 0 for sid in servers.sids))
    return servers


def takes(servers: Servers, sid: Sid, version: int) -> None:
    wait_until(lambda: in_force(servers, sid).version == version)


# ---- which list counts


def test_row_74_the_list_of_members_wins_over_a_servers_own_type(ensemble: Ensemble) -> None:
    """Two of three serve only if both have a vote."""
    servers = ensemble(SETUP)
    servers.config_file(TWO).write_text(
        servers.config_file(TWO).read_text() + "peerType=observer\n"
    )
    servers.start(ONE, TWO)
    assert servers.serving(ONE, TWO) == TWO
    assert "Peer type from servers list (PARTICIPANT) doesn't match peerType" in servers.log(TWO)
    assert servers.ended() == {}


def test_row_40_a_member_whose_name_means_nothing_keeps_nobody_from_serving(
    ensemble: Ensemble,
) -> None:
    servers = ensemble(SETUP)
    for sid in (ONE, TWO):
        file = servers.config_file(sid)
        file.write_text(file.read_text().replace(f"{servers.host(THREE)}:2888", f"{NOWHERE}:2888"))
        file.write_text(file.read_text().replace(f"{servers.host(THREE)}:3888", f"{NOWHERE}:3888"))
    servers.start(ONE, TWO)
    assert servers.serving(ONE, TWO) == TWO
    assert NOWHERE in servers.log(ONE)
    assert servers.ended() == {}


# ---- files


def test_row_107_the_list_moves_to_a_file_named_by_its_version(ensemble: Ensemble) -> None:
    servers = ensemble(SETUP)
    before = {sid: servers.config_file(sid).read_text() for sid in servers.sids}
    up(servers)
    for sid in servers.sids:
        file, config = servers.config_file(sid), in_force(servers, sid)
        dynamic = file.with_name(f"zoo.cfg.dynamic.{config.version:x}")
        assert dynamic.read_text().splitlines() == members(config)
        kept = [line for line in before[sid].splitlines() if not line.startswith("server.")]
        assert sorted(settings(file)) == sorted([*kept, f"dynamicConfigFile={dynamic}"])
        assert sorted(settings(file.with_name("zoo.cfg.bak"))) == sorted(before[sid].splitlines())
    newer = parse_configuration(reconfigure(hosts(servers), Change(joining=joins(servers)), 5.0))
    for sid in servers.sids:
        takes(servers, sid, newer.version)
        file = servers.config_file(sid)
        dynamic = file.with_name(f"zoo.cfg.dynamic.{newer.version:x}")
        assert dynamic.read_text().splitlines() == members(newer)
        assert f"dynamicConfigFile={dynamic}" in settings(file)


def test_row_107_where_no_list_is_ever_changed_no_file_is_written(ensemble: Ensemble) -> None:
    """Also row 99: a server that may not be reconfigured goes by its own file."""
    servers = ensemble(replace(SETUP, reconfig_enabled=False))
    before = {sid: servers.config_file(sid).read_text() for sid in servers.sids}
    servers.start(*servers.sids)
    servers.serving()
    for sid in servers.sids:
        file = servers.config_file(sid)
        assert file.read_text() == before[sid]
        assert [path.name for path in file.parent.glob("zoo.cfg*")] == ["zoo.cfg"]


@pytest.mark.parametrize("system", ["zookeeper", "processes"])
def test_row_100_every_member_ends_with_the_last_configuration(
    request: pytest.FixtureRequest, tmp_path: Path, system: str
) -> None:
    if system == "zookeeper":
        request.getfixturevalue("installation")
    ran = run(Path("plans/rows/row-100-joiner-while-reconfigured.yaml"), system, tmp_path)
    assert ran.code == 0, ran.why
    assert ran.folder is not None
    held: dict[str, str] = {}
    for home in (ran.folder / "peers").glob("[0-9]"):
        config = in_folder(home, 1) if system == "zookeeper" else ours(home)
        assert config is not None
        held[home.name] = config.text()
    assert len(held) == 5
    assert len(set(held.values())) == 1
    assert parse_configuration(held["1"]).version > 4


def ours(home: Path) -> Configuration:
    return parse_configuration((home / "config").read_text(encoding="utf-8"))


# ---- refusals


REFUSED = {
    "nobody would have a vote": (Change(leaving="1,2,3"), "BadArguments"),
    "most of the new voters are not there": (
        Change(
            joining=",".join(f"server.{sid}=127.0.0.1:{sid}:1{sid};2{sid}" for sid in range(4, 8))
        ),
        "NewConfigNoQuorum",
    ),
    "a member that makes no sense": (Change(joining="server.4=127.0.0.1"), "BadArguments"),
}


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_row_106_a_configuration_that_must_be_refused_changes_nothing(
    ensemble: Ensemble, change: Change, why: str
) -> None:
    servers = up(ensemble(SETUP))
    before = in_force(servers, ONE)
    with pytest.raises(ChaosError, match=why):
        reconfigure(hosts(servers), change, 5.0)
    assert [in_force(servers, sid).text() for sid in servers.sids] == [before.text()] * 3


def test_row_106_a_change_of_another_version_is_refused(ensemble: Ensemble) -> None:
    servers = up(ensemble(SETUP))
    before = in_force(servers, ONE)
    with session(hosts(servers), 5.0) as zoo:
        asked = zoo.reconfig_async(joins(servers), None, None, before.version + 1)
        with pytest.raises(BadVersionError):
            asked.get(timeout=5.0)
    assert in_force(servers, ONE).text() == before.text()


def test_row_106_groups_are_not_changed_member_by_member(ensemble: Ensemble) -> None:
    peers = tuple(replace(peer, group=1) for peer in FRESH)
    servers = up(ensemble(EnsembleSetup(peers, QuorumKind.HIERARCHICAL, FAST)))
    before = in_force(servers, ONE)
    with pytest.raises(ChaosError, match="BadArguments"):
        reconfigure(hosts(servers), Change(leaving="1"), 5.0)
    assert in_force(servers, ONE).text() == before.text()


def hosts(servers: Servers) -> list[str]:
    return [str(servers.client(sid)) for sid in servers.sids]


def joins(servers: Servers) -> str:
    """A member as it is: the version changes, and nothing else."""
    return members(servers.configuration())[0]


def settings(file: Path) -> Iterator[str]:
    """The lines of a server's file, but for what it says of itself."""
    return (line for line in file.read_text().splitlines() if not line.startswith("#"))
