"""What a view knows of disks, addresses and deaths, for faults that reckon from it."""

from __future__ import annotations

import pytest

from chaos.actions import Action, Evidence, Kill, Terminate
from chaos.election.effects import Effect, Entered, Persist, Phase, Serving, Start
from chaos.election.ids import PeerEpoch, Sid, Zxid, zxid_of
from chaos.election.notification import ServerState
from chaos.ensemble import EnsembleSetup, PeerSetup, configuration_of, peer_specs
from chaos.history.events import Acted, Began, Stepped
from chaos.history.view import EnsembleView

ONE = Sid(1)


def _view(*effects: Effect) -> EnsembleView:
    """Peer 1 was born with zxid 7 and epochs 3 and 2, then made one step with ``effects``."""
    peer = PeerSetup(ONE, zxid=Zxid(7), accepted_epoch=PeerEpoch(3), current_epoch=PeerEpoch(2))
    setup = EnsembleSetup((peer,))
    view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}"))
    (spec,) = peer_specs(setup, lambda sid: f"127.1.0.{sid}")
    view.observe(Began(1, ONE, 0, 0, 100, spec))
    view.observe(Stepped(2, ONE, 0, 1, Start(), effects))
    return view


def _disk(view: EnsembleView) -> tuple[int, int, int]:
    peer = view.peers[ONE]
    return peer.accepted_epoch, peer.current_epoch, peer.zxid


LEADS = Entered(ServerState.LEADING, Phase.BROADCAST)
FOLLOWS = Entered(ServerState.FOLLOWING, Phase.BROADCAST)
DISKS: dict[str, tuple[tuple[Effect, ...], tuple[int, int, int]]] = {
    "as born": ((), (3, 2, 7)),
    "accepted": ((Persist("acceptedEpoch", 9),), (9, 2, 7)),
    "current": ((Persist("currentEpoch", 9),), (3, 9, 7)),
    "logged": ((Persist("zxid", 9),), (3, 2, 9)),
    "a leader's log begins with its epoch": ((LEADS, Serving(PeerEpoch(4))), (4, 4, zxid_of(4))),
    "a follower keeps its log": ((FOLLOWS, Serving(PeerEpoch(4))), (4, 4, 7)),
}


@pytest.mark.parametrize(("effects", "disk"), DISKS.values(), ids=DISKS.keys())
def test_a_view_knows_what_a_peer_holds(
    effects: tuple[Effect, ...], disk: tuple[int, int, int]
) -> None:
    assert _disk(_view(*effects)) == disk


def test_a_view_knows_where_peers_were_born() -> None:
    assert _view().known[ONE].election.host == "127.1.0.1"


DEATHS: dict[str, tuple[Action, bool | None, bool]] = {
    "killed": (Kill(ONE), True, False),
    "terminated": (Terminate(ONE), True, False),
    "not confirmed": (Kill(ONE), False, True),
}


@pytest.mark.parametrize(("action", "bit", "up"), DEATHS.values(), ids=DEATHS.keys())
def test_a_confirmed_death_counts_before_its_exit_is_seen(
    action: Action, bit: bool | None, up: bool
) -> None:
    view = _view(LEADS, Serving(PeerEpoch(4)))
    view.observe(Acted(3, 4, "s", action, Evidence(bit)))
    assert view.peers[ONE].up is up
    assert _disk(view) == (4, 4, zxid_of(4))
