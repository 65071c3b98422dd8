"""The moments of a step: which they are, whom they concern, and between which effects they lie."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos.election import packets as p
from chaos.election.effects import (
    Arm,
    CloseConnection,
    Decided,
    Deliver,
    Disarm,
    Effect,
    Entered,
    Exit,
    Expire,
    Ignored,
    Input,
    LeaderConnected,
    PacketRead,
    Persist,
    PersistConfig,
    Phase,
    Proposed,
    QuorumSeen,
    RestartElectionLayer,
    Send,
    SendPacket,
    Start,
    SteppedDown,
    Timer,
    TimerKind,
)
from chaos.election.gates import Gates
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.moments import (
    PACKETS,
    Awaited,
    Before,
    Moment,
    MomentKind,
    link_moment,
    moments_of,
)
from chaos.election.notification import Notification, ServerState
from chaos.election.vote import Vote

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
FINALIZE = Timer(TimerKind.FINALIZE)
RESEND = Timer(TimerKind.RESEND)
LOOKS = Entered(ServerState.LOOKING, Phase.ELECTION)
K = MomentKind


def vote(leader: int, round_: int = 1) -> Vote:
    return Vote(Sid(leader), Zxid(0), Round(round_), PeerEpoch(0))


def note(leader: int = 3, round_: int = 1) -> Notification:
    return Notification(ServerState.LOOKING, Sid(leader), Zxid(0), Round(round_), PeerEpoch(0))


def before(*steps: tuple[Input, Sequence[Effect]]) -> Before:
    made = Before()
    for step in steps:
        made.follow(*step)
    return made


HEARD = Deliver(THREE, note())
FRESH = before((Start(), (LOOKS, Proposed(vote(2)))))
WAITS = before(
    (HEARD, (LOOKS, Proposed(vote(3)), QuorumSeen(vote(3), (TWO, THREE)), Arm(FINALIZE, 200)))
)
FOLLOWS = before(
    (Start(), (LOOKS, Proposed(vote(3)))),
    (
        Expire(FINALIZE),
        (
            Decided(vote(3), ServerState.FOLLOWING, (TWO, THREE), Exit.FINALIZED),
            Entered(ServerState.FOLLOWING, Phase.DISCOVERY),
        ),
    ),
    (LeaderConnected(7), ()),
)
IN_THREE = (Round(1), (THREE,))

MOMENTS: dict[str, tuple[Before, Input, tuple[Effect, ...], list[Moment]]] = {
    "nothing": (FRESH, Expire(RESEND), (Arm(RESEND, 400),), []),
    "a first look": (
        Before(),
        Start(),
        (LOOKS, Proposed(vote(2, 5)), Send((ONE, THREE), note(2, 5))),
        [
            Moment(K.STATE_CHANGED, 0, Round(5), what="looking"),
            Moment(K.VOTE_CHANGED, 1, Round(5), (TWO,), "", vote(2, 5)),
            Moment(K.NOTIFICATION_SENT, 2, Round(5), (ONE, THREE)),
        ],
    ),
    "the same vote again": (
        FRESH,
        Expire(RESEND),
        (Proposed(vote(2)), Send((ONE,), note(2))),
        [Moment(K.NOTIFICATION_SENT, 1, Round(1), (ONE,))],
    ),
    "nobody to write to": (FRESH, Expire(RESEND), (Send((), note(2)),), []),
    "a vote that changes mine": (
        FRESH,
        HEARD,
        (Proposed(vote(3)),),
        [
            Moment(K.NOTIFICATION_RECEIVED, -1, *IN_THREE),
            Moment(K.VOTE_CHANGED, 0, *IN_THREE, "", vote(3)),
        ],
    ),
    "a vote that changes nothing": (
        FRESH,
        HEARD,
        (Ignored(THREE, "its round is lower"), Ignored(TWO, "my own")),
        [
            Moment(K.NOTIFICATION_RECEIVED, -1, *IN_THREE),
            Moment(K.NOTIFICATION_IGNORED, 0, *IN_THREE),
        ],
    ),
    "a packet that changes nothing is no notification": (
        FOLLOWS,
        PacketRead(7, p.Diff(Zxid(0))),
        (Ignored(THREE, "Diff while serving"),),
        [Moment(K.PACKET_RECEIVED, -1, *IN_THREE, "DIFF")],
    ),
    "a quorum": (
        FRESH,
        HEARD,
        (Proposed(vote(3)), QuorumSeen(vote(3), (TWO, THREE)), Arm(FINALIZE, 200)),
        [
            Moment(K.NOTIFICATION_RECEIVED, -1, *IN_THREE),
            Moment(K.VOTE_CHANGED, 0, *IN_THREE, "", vote(3)),
            Moment(K.QUORUM_SEEN, 1, *IN_THREE, "", vote(3)),
            Moment(K.FINALIZE_STARTED, 2, *IN_THREE, "", vote(3)),
        ],
    ),
    "a wait that begins again": (
        WAITS,
        HEARD,
        (Ignored(THREE, "it does not beat the proposal"), Arm(FINALIZE, 200)),
        [
            Moment(K.NOTIFICATION_RECEIVED, -1, *IN_THREE),
            Moment(K.NOTIFICATION_IGNORED, 0, *IN_THREE),
            Moment(K.FINALIZE_RESTARTED, 1, *IN_THREE, "", vote(3)),
        ],
    ),
    "a wait that a better vote ends and begins": (
        WAITS,
        Expire(RESEND),
        (QuorumSeen(vote(5), (TWO,)), Arm(FINALIZE, 200)),
        [
            Moment(K.FINALIZE_ENDED, 0, *IN_THREE, "", vote(3)),
            Moment(K.QUORUM_SEEN, 0, Round(1), (Sid(5),), "", vote(5)),
            Moment(K.FINALIZE_STARTED, 1, *IN_THREE, "", vote(3)),
        ],
    ),
    "a decision": (
        WAITS,
        Expire(FINALIZE),
        (
            Disarm(FINALIZE),
            Decided(vote(3), ServerState.FOLLOWING, (TWO, THREE), Exit.FINALIZED),
            Entered(ServerState.FOLLOWING, Phase.DISCOVERY),
        ),
        [
            Moment(K.FINALIZE_ENDED, 0, *IN_THREE, "", vote(3)),
            Moment(K.DECIDED, 1, *IN_THREE, "following", vote(3)),
            Moment(K.STATE_CHANGED, 2, Round(1), what="following"),
        ],
    ),
    "another phase is no other state": (
        FOLLOWS,
        PacketRead(7, p.LeaderInfo(PeerEpoch(1))),
        (
            Persist("acceptedEpoch", 1),
            SendPacket(7, p.AckEpoch(Zxid(0), PeerEpoch(0))),
            Entered(ServerState.FOLLOWING, Phase.SYNCHRONIZATION),
        ),
        [
            Moment(K.PACKET_RECEIVED, -1, *IN_THREE, "LEADERINFO"),
            Moment(K.EPOCH_PERSISTED, 0, Round(1), what="accepted"),
            Moment(K.PACKET_SENT, 1, *IN_THREE, "ACKEPOCH"),
        ],
    ),
    "a learner says who it is": (
        before(),
        PacketRead(4, p.LearnerHello(ONE, PeerEpoch(0), observer=True)),
        (SendPacket(4, p.LeaderInfo(PeerEpoch(1))),),
        [
            Moment(K.PACKET_RECEIVED, -1, Round(0), (ONE,), "OBSERVERINFO"),
            Moment(K.PACKET_SENT, 0, Round(0), (ONE,), "LEADERINFO"),
        ],
    ),
    "a zxid is no epoch": (FRESH, Start(), (Persist("zxid", 7),), []),
    "a configuration": (
        FRESH,
        Start(),
        (PersistConfig("", active=False), PersistConfig("", active=True)),
        [Moment(K.CONFIGURATION_ADOPTED, 1, Round(1))],
    ),
    "stepping down": (
        FOLLOWS,
        Expire(RESEND),
        (SteppedDown("silence"), CloseConnection(7, ""), LOOKS, Proposed(vote(2, 2))),
        [
            Moment(K.STEPPED_DOWN, 0, Round(1)),
            Moment(K.STATE_CHANGED, 2, Round(2), what="looking"),
            Moment(K.VOTE_CHANGED, 3, Round(2), (TWO,), "", vote(2, 2)),
        ],
    ),
}


@pytest.mark.parametrize(
    ("known", "happened", "effects", "found"), MOMENTS.values(), ids=MOMENTS.keys()
)
def test_a_step_has_these_moments(
    known: Before, happened: Input, effects: tuple[Effect, ...], found: list[Moment]
) -> None:
    was = known.copy()
    assert moments_of(known, happened, effects) == found
    assert known == was


def test_every_kind_of_moment_is_shown() -> None:
    shown = {moment.kind for *_, found in MOMENTS.values() for moment in found}
    shown |= {link_moment(ONE, opened=opened).kind for opened in (True, False)}
    assert shown == set(MomentKind)


def test_every_packet_has_a_word_but_those_known_by_number() -> None:
    named = {kind for kind in p.Packet.__args__ if kind is not p.OtherPacket}
    assert set(PACKETS) == named


SENT = Moment(K.NOTIFICATION_SENT, 2, Round(4), (ONE, THREE))
FITS = {
    "the kind alone": (Awaited(K.NOTIFICATION_SENT), True),
    "another kind": (Awaited(K.NOTIFICATION_RECEIVED), False),
    "one of those it goes to": (Awaited(K.NOTIFICATION_SENT, peers=(THREE,)), True),
    "none of them": (Awaited(K.NOTIFICATION_SENT, peers=(TWO,)), False),
    "its round": (Awaited(K.NOTIFICATION_SENT, round=4), True),
    "another round": (Awaited(K.NOTIFICATION_SENT, round=5), False),
    "a later round": (Awaited(K.NOTIFICATION_SENT, beyond=3), True),
    "not a later round": (Awaited(K.NOTIFICATION_SENT, beyond=4), False),
    "a packet": (Awaited(K.NOTIFICATION_SENT, what="ACK"), False),
}


@pytest.mark.parametrize(("awaited", "fits"), FITS.values(), ids=FITS.keys())
def test_what_is_awaited_is_as_narrow_as_it_says(awaited: Awaited, fits: bool) -> None:
    assert awaited.fits(SENT) is fits


# ---- gates


def met(gates: Gates, round_: int, leader: int = 2) -> tuple[str, ...]:
    """What holds at a vote that is sent in this round."""
    return gates.hit(
        gates.moments(
            Expire(RESEND), (Proposed(vote(leader, round_)), Send((ONE,), note(2, round_)))
        )
    )


def test_a_gate_holds_once_at_its_nth_moment() -> None:
    gates = Gates()
    gates.arm("g", Awaited(K.NOTIFICATION_SENT), Before(), nth=2)
    assert [met(gates, 1) for _ in range(4)] == [(), ("g",), (), ()]
    assert gates.held == {"g"}
    assert gates.let_go("g")
    assert not gates.held
    assert not gates.let_go("g")


def test_who_is_let_go_again_holds_at_the_next() -> None:
    gates = Gates()
    gates.arm("g", Awaited(K.NOTIFICATION_SENT), Before())
    assert met(gates, 1) == ("g",)
    assert gates.let_go("g", again=True)
    assert met(gates, 1) == ("g",)


def test_the_next_round_is_later_than_the_peers_own_when_it_was_told() -> None:
    gates = Gates()
    gates.arm("g", Awaited(K.NOTIFICATION_SENT, beyond=3), Before(round=Round(6)))
    assert met(gates, 6) == ()
    assert met(gates, 7) == ("g",)


def test_a_new_election_layer_begins_its_rounds_anew() -> None:
    known = before((Start(), (LOOKS, Proposed(vote(2, 6)))), (Start(), (RestartElectionLayer(""),)))
    assert known.round == 0


def test_two_gates_hold_at_one_moment() -> None:
    gates = Gates()
    gates.arm("a", Awaited(K.NOTIFICATION_SENT), Before())
    gates.arm("b", Awaited(K.NOTIFICATION_SENT), Before())
    assert met(gates, 1) == ("a", "b")
    gates.let_go("a")
    assert gates.held == {"b"}
