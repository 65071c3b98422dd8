"""Real servers: they start from our files, elect as our rules say, and their logs are read."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest

from chaos.election.effects import Decided, Entered, Phase, Serving, SteppedDown
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.election.notification import ServerState
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind
from chaos.zookeeper.archive import Archive
from chaos.zookeeper.words import ask, parse_conf, parse_mntr
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

Ensemble = Callable[[EnsembleSetup], Servers]
ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
FRESH = (PeerSetup(ONE), PeerSetup(TWO), PeerSetup(THREE))
FAST = Timings(tick_ms=100, init_limit=20, sync_limit=5)


def seeded(sid: Sid, accepted: int, current: int, zxid: int) -> PeerSetup:
    return PeerSetup(
        sid,
        zxid=zxid_of(zxid >> 32, zxid & 0xFFFFFFFF),
        accepted_epoch=PeerEpoch(accepted),
        current_epoch=PeerEpoch(current),
    )


def elected(servers: Servers, early: Sid) -> Sid:
    """Who leads when ``early`` looks for a leader before the others can elect one without it."""
    servers.start(early)
    wait_until(lambda: "New election" in servers.log(early))
    servers.start(*(sid for sid in servers.sids if sid != early))
    return servers.serving()


SEEDS = {
    "the highest epoch leads, and truncates whoever has more": (
        (
            seeded(ONE, 12, 6, zxid_of(5, 9)),
            seeded(TWO, 5, 5, zxid_of(5, 20)),
            seeded(THREE, 7, 4, zxid_of(4, 99)),
        ),
        ONE,
        13,
    ),
    "the longest log leads": (
        (
            seeded(ONE, 1, 1, zxid_of(1, 5)),
            seeded(TWO, 1, 1, zxid_of(1, 5000)),
            seeded(THREE, 1, 1, zxid_of(1, 4990)),
        ),
        TWO,
        2,
    ),
    "epochs without transactions": (
        (seeded(ONE, 4, 4, zxid_of(4)), seeded(TWO, 3, 3, zxid_of(3)), PeerSetup(THREE)),
        ONE,
        5,
    ),
}


@pytest.mark.parametrize(("peers", "leader", "epoch"), SEEDS.values(), ids=SEEDS.keys())
def test_servers_elect_by_the_data_that_they_were_given(
    ensemble: Ensemble, peers: tuple[PeerSetup, ...], leader: Sid, epoch: int
) -> None:
    servers = ensemble(EnsembleSetup(peers, timings=FAST))
    assert elected(servers, leader) == leader
    assert [servers.epoch(sid) for sid in servers.sids] == [epoch] * 3
    assert servers.ended() == {}


def restarts(servers: Servers) -> list[int]:
    pattern = re.compile("restarting leader election", re.IGNORECASE)
    return [len(pattern.findall(servers.log(sid))) for sid in servers.sids]


@pytest.mark.parametrize("reconfig", [True, False], ids=["reconfigurable", "fixed"])
def test_members_with_client_addresses_restart_no_election(
    ensemble: Ensemble, *, reconfig: bool
) -> None:
    servers = ensemble(EnsembleSetup(FRESH, timings=FAST, reconfig_enabled=reconfig))
    assert elected(servers, THREE) == THREE
    version = zxid_of(1) if reconfig else 0

    def all_agree() -> bool:
        found = [parse_conf(ask(servers.host(sid), 2181, "conf", 1.0).text) for sid in servers.sids]
        wanted = servers.configuration(version).text()
        return all(config is not None and config.text() == wanted for config in found)

    wait_until(all_agree)
    assert restarts(servers) == [0, 0, 0]


def test_a_configuration_with_a_version_keeps_it(ensemble: Ensemble) -> None:
    peers = tuple(PeerSetup(sid, config_version=0x100000007) for sid in (ONE, TWO, THREE))
    servers = ensemble(EnsembleSetup(peers, timings=FAST))
    leader = elected(servers, THREE)
    found = parse_conf(ask(servers.host(leader), 2181, "conf", 1.0).text)
    assert found is not None
    assert found.version == 0x100000007


def test_weights_are_understood(ensemble: Ensemble) -> None:
    peers = (PeerSetup(ONE, weight=3), PeerSetup(TWO), PeerSetup(THREE, weight=0))
    servers = ensemble(EnsembleSetup(peers, QuorumKind.WEIGHTED, timings=FAST))
    assert elected(servers, ONE) in (ONE, TWO)


def test_an_observer_observes_and_tells(ensemble: Ensemble) -> None:
    servers = ensemble(EnsembleSetup((*FRESH, PeerSetup(Sid(4), votes=False)), timings=FAST))
    assert elected(servers, THREE) == THREE
    assert servers.srvr(Sid(4)).mode == "observer"
    told = parse_mntr(ask(servers.host(Sid(4)), 2181, "mntr", 1.0).text)
    assert told["zk_server_state"] == "observer"


def test_a_log_tells_who_leads_and_why_not_any_more(ensemble: Ensemble) -> None:
    servers = ensemble(EnsembleSetup(FRESH, timings=FAST))
    assert elected(servers, THREE) == THREE
    servers.kill(THREE)
    assert servers.serving(ONE, TWO) in (ONE, TWO)
    wait_until(lambda: [Serving(PeerEpoch(2))] == _last_served(servers, ONE))
    leaders = [effect.vote.leader for effect in servers.effects(ONE) if isinstance(effect, Decided)]
    assert leaders[0] == THREE
    assert servers.srvr(leaders[-1]).mode == "leader"
    assert any(isinstance(effect, SteppedDown) for effect in servers.effects(ONE))
    assert Entered(ServerState.LEADING, Phase.BROADCAST) in servers.effects(THREE)


def _last_served(servers: Servers, sid: Sid) -> list[Serving]:
    return [effect for effect in servers.effects(sid) if isinstance(effect, Serving)][-1:]


def test_a_stopped_server_answers_no_word(ensemble: Ensemble) -> None:
    servers = ensemble(EnsembleSetup((PeerSetup(ONE),), timings=FAST))
    assert elected(servers, ONE) == ONE
    servers.stop(ONE)
    found = ask(servers.host(ONE), 2181, "srvr", 0.2)
    servers.signal(ONE, signal.SIGCONT)
    assert (found.text, found.why) == ("", "timed out")


def test_an_archive_of_classes_is_made_once(classes: Archive) -> None:
    assert classes.why == ""
    assert classes.path is not None
    assert classes.path.stat().st_size > 2**20
    assert [path.name for path in classes.path.parent.iterdir()] == [classes.path.name]
