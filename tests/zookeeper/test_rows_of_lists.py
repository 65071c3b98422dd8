"""Rows in which servers hold different lists of members, or one that is proposed and no more.

A server finds its list in a file, and one that was proposed to it in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

import pytest

from chaos.election.config import Configuration
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.zookeeper.sessions import check
from chaos.zookeeper.words import ask, parse_conf
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

Ensemble = Callable[[EnsembleSetup], Servers]
FAST = Timings(tick_ms=100, init_limit=20, sync_limit=5)
ONE, TWO, THREE, FOUR, FIVE = map(Sid, range(1, 6))
OLD, NEW = 0x100000000, 0x200000000
_FIRST = PeerEpoch(1)


def setup(size: int, *, reconfig: bool = True) -> EnsembleSetup:
    """Servers that have been in an epoch, as those are that hold lists with a version."""
    peers = tuple(
        PeerSetup(Sid(sid), zxid=zxid_of(1), accepted_epoch=_FIRST, current_epoch=_FIRST)
        for sid in range(1, size + 1)
    )
    return EnsembleSetup(peers, timings=FAST, reconfig_enabled=reconfig)


def some(
    servers: Servers, sids: Iterable[Sid], version: int = 0, observers: Iterable[Sid] = ()
) -> Configuration:
    """The list of some of all servers."""
    whole, watching = servers.configuration(version), set(observers)
    members = {sid: replace(whole.members[sid], votes=sid not in watching) for sid in sids}
    return replace(whole, members=MappingProxyType(members))


def version(servers: Servers, sid: Sid) -> int:
    found = parse_conf(ask(servers.host(sid), 2181, "conf", 1.0).text)
    return 0 if found is None else found.version


def all_hold(servers: Servers, sids: Iterable[Sid], wanted: int) -> None:
    found: dict[Sid, int] = {}

    def held() -> bool:
        found.update({sid: version(servers, sid) for sid in sids})
        return set(found.values()) == {wanted}

    wait_until(held, lambda: str({sid: hex(one) for sid, one in found.items()}))


def logged(servers: Servers, sid: Sid, words: str, times: int = 1) -> None:
    wait_until(lambda: servers.log(sid).count(words) >= times, lambda: servers.log(sid)[-800:])


def test_row_77_who_does_not_know_the_leader_stays_out(ensemble: Ensemble) -> None:
    servers = ensemble(setup(3, reconfig=False))
    servers.give(ONE, some(servers, (ONE, TWO)))
    servers.start(TWO, THREE)
    assert servers.serving(TWO, THREE) == THREE
    servers.start(ONE)
    logged(servers, ONE, "n.leader:3", times=4)  # it hears of the leader again and again
    assert servers.srvr(ONE).mode == ""
    assert servers.serving(TWO, THREE) == THREE
    assert servers.ended() == {}


def test_row_92_one_server_alone_serves_as_an_ensemble(ensemble: Ensemble) -> None:
    servers = ensemble(setup(1))
    servers.start(ONE)
    assert servers.serving(ONE) == ONE
    assert servers.srvr(ONE).mode == "leader"
    assert check(str(servers.client(ONE)), 5.0).why == ""


def test_row_92_an_observer_alone_serves_nobody(ensemble: Ensemble) -> None:
    servers = ensemble(setup(2))
    servers.give(TWO, some(servers, (ONE, TWO), OLD, observers=[TWO]))
    servers.start(TWO)
    logged(servers, TWO, "Notification time out", times=2)
    assert servers.srvr(TWO).mode == ""
    assert "no session" in check(str(servers.client(TWO)), 0.5).why


def test_row_93_a_list_that_was_proposed_takes_force_after_the_crash(ensemble: Ensemble) -> None:
    servers = ensemble(setup(3))
    old = some(servers, servers.sids, OLD, observers=[THREE])
    for sid in servers.sids:
        servers.give(sid, old, some(servers, servers.sids, NEW))
    servers.start(*servers.sids)
    servers.serving()
    all_hold(servers, servers.sids, NEW)


def test_row_95_a_list_whose_voters_are_away_lets_nobody_serve(ensemble: Ensemble) -> None:
    servers = ensemble(setup(5))
    for sid in (ONE, TWO):
        servers.give(sid, some(servers, (ONE, TWO), OLD), some(servers, servers.sids, NEW))
    servers.start(ONE, TWO)
    for sid in (ONE, TWO):
        logged(servers, sid, "Notification time out", times=2)
        assert servers.srvr(sid).mode == ""


@pytest.mark.parametrize("size", [3, 5], ids=["row 97", "row 98"])
def test_an_observer_learns_in_the_election_that_it_votes(ensemble: Ensemble, size: int) -> None:
    """Rows 97 and 98: the others hold the newer list; without its vote they are no quorum."""
    servers = ensemble(setup(size))
    last = servers.sids[-1]
    voters = servers.sids[size // 2 :]  # just enough, with the one that thinks it observes
    learns = voters[0]
    for sid in servers.sids:
        servers.give(sid, some(servers, servers.sids, NEW))
    servers.give(learns, some(servers, servers.sids, OLD, observers=[learns]))
    servers.start(*voters)
    assert servers.serving(*voters) == last
    all_hold(servers, voters, NEW)
    assert servers.ended() == {}
