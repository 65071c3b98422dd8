"""What each fault answers when it begins and when it ends."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.actions import Action, Cut, How, Port, PortCut
from chaos.election.config import parse_configuration
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind, configuration_of
from chaos.faults.base import Directed, Direction, Fault
from chaos.faults.catalogue import FAULTS
from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.host import CpuStress
from chaos.faults.membership import BumpConfigVersion, Members
from chaos.faults.messages import Corrupt, Delay, Duplicate, Loss, Reorder, Slice, Throttle
from chaos.faults.network import BlockPort, Isolate, OneWay, Partition
from chaos.faults.outsiders import Broken, Flood, Half, HalfOpen, Malformed
from chaos.faults.processes import Kill, Pause, Restart, Terminate
from chaos.faults.skews import Shift, SkewLogicalClock, SkewPeerEpoch, SkewTimers, SkewZxid
from chaos.history.view import EnsembleView

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)


def _view(quorum: QuorumKind = QuorumKind.MAJORITY) -> EnsembleView:
    """Three voters; 1 and 2 are up, 3 is down. Peer 1 holds epochs 5 and 4 and zxid 7."""
    peers = tuple(PeerSetup(sid, weight=int(sid), config_version=3) for sid in (ONE, TWO, THREE))
    setup = EnsembleSetup(peers, quorum)
    view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}", 3))
    view.peers[ONE].up = view.peers[TWO].up = True
    view.peers[ONE].accepted_epoch, view.peers[ONE].current_epoch = PeerEpoch(5), PeerEpoch(4)
    view.peers[ONE].zxid = Zxid(7)
    return view


def _cuts(*pairs: tuple[Sid, Sid]) -> tuple[Cut, ...]:
    return tuple(Cut(one, other) for one, other in pairs)


ACTIONS: dict[str, tuple[Fault, tuple[Sid, ...], list[Action], list[Action]]] = {
    "pause": (
        Pause("s"),
        (ONE, TWO),
        [act.Pause(ONE), act.Pause(TWO)],
        [act.Resume(ONE), act.Resume(TWO)],
    ),
    "nobody resumes a dead peer": (
        Pause("s"),
        (ONE, THREE),
        [act.Pause(ONE), act.Pause(THREE)],
        [act.Resume(ONE)],
    ),
    "kill": (Kill("s"), (ONE,), [act.Kill(ONE)], []),
    "kill and restart": (
        Kill("s", Restart.AFTER),
        (ONE, THREE),
        [act.Kill(ONE), act.Kill(THREE)],
        [act.Launch(THREE)],  # peer 1 is up already
    ),
    "terminate and wipe": (
        Terminate("s", Restart.AFTER, wipe=True),
        (THREE,),
        [act.Terminate(THREE)],
        [act.Launch(THREE, wipe=True)],
    ),
    "block_port": (
        BlockPort("s", Port.QUORUM, how=How.RESET),
        (ONE,),
        [
            act.Block(
                "s", (PortCut(ONE, Port.QUORUM, True), PortCut(ONE, Port.QUORUM, False)), How.RESET
            )
        ],
        [act.Unblock("s")],
    ),
    "block_port inward": (
        BlockPort("s", Port.ELECTION, Direction.IN),
        (ONE,),
        [act.Block("s", (PortCut(ONE, Port.ELECTION, True),))],
        [act.Unblock("s")],
    ),
    "partition": (
        Partition("s"),
        (ONE, TWO),
        [act.Block("s", _cuts((ONE, THREE), (TWO, THREE), (THREE, ONE), (THREE, TWO)))],
        [act.Unblock("s")],
    ),
    "partition outward": (
        Partition("s", direction=Direction.OUT),
        (ONE,),
        [act.Block("s", _cuts((ONE, TWO), (ONE, THREE)))],
        [act.Unblock("s")],
    ),
    "partition inward": (
        Partition("s", direction=Direction.IN),
        (ONE,),
        [act.Block("s", _cuts((TWO, ONE), (THREE, ONE)))],
        [act.Unblock("s")],
    ),
    "isolate parts the targets too": (
        Isolate("s", Direction.OUT),
        (ONE, TWO),
        [act.Block("s", _cuts((ONE, TWO), (ONE, THREE), (TWO, ONE), (TWO, THREE)))],
        [act.Unblock("s")],
    ),
    "one_way": (
        OneWay("s", (TWO,)),
        (ONE,),
        [act.Block("s", _cuts((ONE, TWO)))],
        [act.Unblock("s")],
    ),
    "delay of one peer": (
        Delay("s", 5, 2),
        (ONE,),
        [act.Slow("s", _cuts((ONE, TWO), (ONE, THREE), (TWO, ONE), (THREE, ONE)), 5, 2)],
        [act.Clear("s")],
    ),
    "delay of a link": (
        Delay("s", 5, towards=(TWO,)),
        (ONE,),
        [act.Slow("s", _cuts((ONE, TWO)), 5)],
        [act.Clear("s")],
    ),
    "loss of a link": (
        Loss("s", 300_000, towards=(TWO,)),
        (ONE,),
        [act.Lose("s", _cuts((ONE, TWO)), 300_000)],
        [act.Clear("s")],
    ),
    "duplicates of a link": (
        Duplicate("s", 300_000, towards=(TWO,)),
        (ONE,),
        [act.Duplicate("s", _cuts((ONE, TWO)), 300_000)],
        [act.Clear("s")],
    ),
    "a link in disorder": (
        Reorder("s", 300_000, 5, towards=(TWO,)),
        (ONE,),
        [act.Reorder("s", _cuts((ONE, TWO)), 300_000, 5)],
        [act.Clear("s")],
    ),
    "a narrow link": (
        Throttle("s", 2048, Port.QUORUM, towards=(TWO,)),
        (ONE,),
        [act.Throttle("s", _cuts((ONE, TWO)), 2048, Port.QUORUM)],
        [act.Clear("s")],
    ),
    "bytes that change": (
        Corrupt("s", 300_000, towards=(TWO,)),
        (ONE,),
        [act.Corrupt("s", _cuts((ONE, TWO)), 300_000)],
        [act.Clear("s")],
    ),
    "pieces on a link": (
        Slice("s", 7, 5, towards=(TWO,)),
        (ONE,),
        [act.Slice("s", _cuts((ONE, TWO)), 7, 5)],
        [act.Clear("s")],
    ),
    "round by": (SkewLogicalClock("s", by=-3), (ONE,), [act.TurnRound(ONE, by=-3)], []),
    "round to": (SkewLogicalClock("s", to=9), (ONE,), [act.TurnRound(ONE, to=9)], []),
    "epochs": (
        SkewPeerEpoch("s", Shift(by=2), Shift(to=1)),
        (ONE,),
        [act.SetEpochs(ONE, accepted=7, current=1)],
        [],
    ),
    "one epoch": (
        SkewPeerEpoch("s", current=Shift(by=-1)),
        (ONE,),
        [act.SetEpochs(ONE, None, 3)],
        [],
    ),
    "zxid by": (SkewZxid("s", by=-8), (ONE,), [act.SetZxid(ONE, -1)], []),
    "zxid to": (SkewZxid("s", to=2**32), (ONE,), [act.SetZxid(ONE, 2**32)], []),
    "zxid wraps": (SkewZxid("s", by=2**63 - 1), (ONE,), [act.SetZxid(ONE, -(2**63) + 6)], []),
    "timers": (
        SkewTimers("s", 1_500_000, -5),
        (ONE, THREE),
        [act.SkewTimers(ONE, 1_500_000, -5), act.SkewTimers(THREE, 1_500_000, -5)],
        [act.SkewTimers(ONE)],  # peer 3 is down
    ),
    "cpu_stress": (
        CpuStress("s", 600_000, 3),
        (ONE, THREE),
        [act.Burn("s", (ONE, THREE), 600_000, 3)],
        [act.Cool("s")],
    ),
    "disk_full": (
        DiskFull("s"),
        (ONE, THREE),
        [act.SpoilDisk("s", (ONE, THREE))],
        [act.MendDisk("s")],
    ),
    "disk_full and back": (
        DiskFull("s", Restart.AFTER),
        (ONE, THREE),
        [act.SpoilDisk("s", (ONE, THREE))],
        [act.MendDisk("s"), act.Launch(THREE)],
    ),
    "slow_disk": (SlowDisk("s", 7), (ONE,), [act.SpoilDisk("s", (ONE,), 7)], [act.MendDisk("s")]),
    "flood": (
        Flood("s", Port.ELECTION, per_s=200, size=512),
        (ONE, TWO),
        [act.Attack("s", (ONE, TWO), Port.ELECTION, "garbage", 200, 32, 512)],
        [act.CallOff("s")],
    ),
    "malformed": (
        Malformed("s", Port.QUORUM, Broken.OVERSIZE),
        (ONE,),
        [act.Attack("s", (ONE,), Port.QUORUM, "oversize", 10, 16)],
        [act.CallOff("s")],
    ),
    "a configuration that does not parse": (
        Malformed("s", Port.ELECTION, Broken.CONFIG),
        (ONE,),
        [act.Attack("s", (ONE,), Port.ELECTION, "config", 10, 16)],
        [act.CallOff("s")],
    ),
    "half open": (
        HalfOpen("s", Port.ELECTION, Half.SLOW, 20),
        (ONE,),
        [act.Attack("s", (ONE,), Port.ELECTION, "slow", 20, 20)],
        [act.CallOff("s")],
    ),
}


@pytest.mark.parametrize(("fault", "targets", "begin", "end"), ACTIONS.values(), ids=ACTIONS.keys())
def test_a_fault_answers_these_actions(
    fault: Fault, targets: tuple[Sid, ...], begin: list[Action], end: list[Action]
) -> None:
    assert fault.begin(targets, _view()) == begin
    assert fault.end(targets, _view()) == end
    assert {type(action) for action in (*begin, *end)} <= fault.needs
    assert not (fault.instant and end)


@pytest.mark.parametrize("word", FAULTS)
def test_every_fault_of_the_catalogue_is_in_the_table(word: str) -> None:
    tried = {type(fault) for fault, *_ in ACTIONS.values()} | {BumpConfigVersion}
    assert FAULTS[word] in tried


OF_LINKS: tuple[Fault, ...] = (
    OneWay("s"),
    Delay("s", 1),
    Loss("s", 1),
    Duplicate("s", 1),
    Reorder("s", 1),
    Throttle("s", 1),
    Corrupt("s", 1),
    Slice("s", 1),
)


@pytest.mark.parametrize("fault", OF_LINKS, ids=lambda fault: type(fault).__name__)
def test_faults_of_links_can_be_told_their_far_side(fault: Fault) -> None:
    assert isinstance(fault, Directed)
    assert fault.facing((TWO,)) != fault


INSTANT = {
    "a death": (Kill("s"), True),
    "a death with a return": (Kill("s", Restart.AFTER), False),
    "a farewell": (Terminate("s"), True),
    "a pause": (Pause("s"), False),
    "a skew of the round": (SkewLogicalClock("s", by=1), True),
    "a drift": (SkewTimers("s", 2_000_000), False),
}


@pytest.mark.parametrize(("fault", "instant"), INSTANT.values(), ids=INSTANT.keys())
def test_what_has_no_end_is_instant(fault: Fault, instant: bool) -> None:
    assert fault.instant is instant


WRONG = {
    "neither by nor to": (lambda: SkewZxid("s"), "either by: or to:"),
    "by and to": (lambda: SkewLogicalClock("s", 1, 2), "not both"),
    "no epoch": (lambda: SkewPeerEpoch("s"), "name what moves"),
    "no drift": (lambda: SkewTimers("s"), "name what drifts"),
    "wiped and gone": (lambda: Kill("s", wipe=True), "add restart: after"),
    "a load that nobody notices": (lambda: CpuStress("s", 99_999), "below 10%"),
    "nobody to load": (lambda: CpuStress("s", workers=0), "workers: 0 is not from 1 to 16"),
    "a disk as quick as ever": (lambda: SlowDisk("s", 0), "longer than 0ms"),
    "a disk that stands still": (lambda: SlowDisk("s", 10**9 + 1), "at most 1s"),
    "no connections": (lambda: Flood("s", Port.QUORUM, per_s=0), "per_s: 0 is not from 1 to 1000"),
    "a flood beyond measure": (
        lambda: Flood("s", Port.QUORUM, per_s=1000, size=65_536),
        "65536000 bytes a second; at most 8388608",
    ),
    "nothing half open": (
        lambda: HalfOpen("s", Port.QUORUM, connections=257),
        "connections: 257 is not from 1 to 256",
    ),
    "shift of nothing": (Shift, "either by: or to:"),
}


@pytest.mark.parametrize(("make", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_fault_that_says_nothing_is_refused(make: object, told: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=told):
        make()


# ---- configurations


def _given(fault: BumpConfigVersion, view: EnsembleView, sid: Sid = ONE) -> act.Configure:
    (action,) = fault.begin((sid,), view)
    assert isinstance(action, act.Configure)
    return action


def test_a_bump_alone_changes_the_version_alone() -> None:
    action = _given(BumpConfigVersion("s", by=1), _view())
    config = parse_configuration(action.config)
    assert (config.version, action.activate) == (4, True)
    assert dict(config.members) == dict(_view().config.members)


def test_a_version_is_reckoned_from_what_the_peer_itself_holds() -> None:
    view = _view()
    view.peers[TWO].config = view.config.with_version(40)
    assert parse_configuration(_given(BumpConfigVersion("s", by=1), view, TWO).config).version == 41
    assert parse_configuration(_given(BumpConfigVersion("s", to=9), view, TWO).config).version == 9


def test_a_proposal_is_not_activated() -> None:
    assert _given(BumpConfigVersion("s", by=1, activate=False), _view()).activate is False


def test_members_go_and_voters_become_observers() -> None:
    members = Members(remove=(ONE,), observers=(TWO,))
    config = parse_configuration(
        _given(BumpConfigVersion("s", by=1, members=members), _view()).config
    )
    assert config.voters == frozenset({THREE})
    assert config.observers == frozenset({TWO})


def test_a_removed_member_comes_back_where_it_was() -> None:
    view = _view()
    away = parse_configuration(
        _given(BumpConfigVersion("s", by=1, members=Members(remove=(ONE,))), view, TWO).config
    )
    view.peers[TWO].config = away
    back = parse_configuration(
        _given(BumpConfigVersion("s", by=1, members=Members(add=(ONE,))), view, TWO).config
    )
    assert ONE not in away.members
    assert back.members[ONE] == view.config.members[ONE]
    assert back.version == 5


def test_addresses_are_those_that_the_peers_were_born_with() -> None:
    view = _view()
    born = configuration_of(
        EnsembleSetup(tuple(PeerSetup(sid) for sid in (ONE, TWO, THREE))),
        lambda sid: f"127.1.0.{sid}",
    )
    view.known.update(born.members)
    view.peers[TWO].config = born
    members = Members(observers=(ONE,))
    config = parse_configuration(
        _given(BumpConfigVersion("s", by=1, members=members), view, TWO).config
    )
    assert {m.election.host for m in config.members.values()} == {
        "127.1.0.1",
        "127.1.0.2",
        "127.1.0.3",
    }


def test_weights_turn_a_majority_into_one_group() -> None:
    config = parse_configuration(
        _given(BumpConfigVersion("s", by=1, weights={ONE: 5}), _view()).config
    )
    assert dict(config.groups) == {1: frozenset({ONE, TWO, THREE})}
    assert dict(config.weights) == {ONE: 5, TWO: 1, THREE: 1}


def test_groups_can_be_drawn_anew() -> None:
    fault = BumpConfigVersion("s", by=1, groups={1: (ONE,), 2: (TWO, THREE)})
    config = parse_configuration(_given(fault, _view(QuorumKind.WEIGHTED)).config)
    assert dict(config.groups) == {1: frozenset({ONE}), 2: frozenset({TWO, THREE})}
    assert dict(config.weights) == {ONE: 1, TWO: 2, THREE: 3}  # as they were


def test_a_weighted_ensemble_stays_weighted_when_a_member_goes() -> None:
    fault = BumpConfigVersion("s", by=1, members=Members(remove=(THREE,)))
    config = parse_configuration(_given(fault, _view(QuorumKind.WEIGHTED)).config)
    assert dict(config.groups) == {1: frozenset({ONE, TWO})}
    assert dict(config.weights) == {ONE: 1, TWO: 2}
