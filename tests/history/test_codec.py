"""Events as JSON lines, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos.actions import (
    Attack,
    Block,
    Configure,
    Cut,
    Evidence,
    How,
    Kill,
    Launch,
    Pause,
    Port,
    PortCut,
    SkewTimers,
    Slow,
)
from chaos.election.effects import (
    Arm,
    Decided,
    Deliver,
    Entered,
    Exit,
    Expire,
    PacketRead,
    Phase,
    Send,
    Start,
    Timer,
    TimerKind,
)
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import AckEpoch, LearnerHello, NewLeader, OtherPacket, UpToDate
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.election.vote import Vote
from chaos.errors import HistoryError
from chaos.history.codec import Reader, Writer
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    Listed,
    Recalled,
    RunBegan,
    Seen,
    Source,
    Stepped,
)

CONFIG = "server.1=127.0.0.1:13001:14001:participant\nversion=0"  # long enough to be named
NOTE = Notification(ServerState.LOOKING, Sid(3), Zxid(-1), Round(2**63 - 1), PeerEpoch(0))
VOTE = Vote(Sid(3), Zxid(1 << 32), Round(2), PeerEpoch(1), ServerState.LEADING, 2)


def stepped(happened: object = None, *effects: object) -> Event:
    return Stepped(5, Sid(1), 0, 9, happened or Start(), effects)  # type: ignore[arg-type]


EVENTS: dict[str, Event] = {
    "a peer begins, with its limits": Began(
        1, Sid(1), 0, 0, 77, PeerSpec(Sid(1), CONFIG, timings=Timings(tick_ms=50))
    ),
    "a peer starts": stepped(),
    "a message comes in, others go out": stepped(
        Deliver(Sid(3), NOTE, "3>1#2", 4),
        Send((Sid(2), Sid(3)), NOTE),
        Arm(Timer(TimerKind.RESEND), 200),
    ),
    "a message with a configuration": stepped(
        Deliver(Sid(3), Notification(7, Sid(3), Zxid(0), Round(1), PeerEpoch(0), 2, CONFIG))
    ),
    "a timer of a connection": stepped(Expire(Timer(TimerKind.LEARNER_READ, 4), True)),
    "a decision": stepped(
        None,
        Decided(VOTE, ServerState.LEADING, (Sid(1), Sid(3)), Exit.FINALIZED),
        Entered(ServerState.LEADING, Phase.DISCOVERY),
    ),
    "packets": stepped(PacketRead(3, LearnerHello(None, PeerEpoch(0)))),
    "a packet of bytes": stepped(PacketRead(3, OtherPacket(9, Zxid(0), b"\x00\xff"))),
    "a packet without anything": stepped(PacketRead(3, UpToDate())),
    "an epoch of minus one": stepped(PacketRead(3, AckEpoch(Zxid(-1), PeerEpoch(-1)))),
    "a NEWLEADER": stepped(PacketRead(3, NewLeader(Zxid(1 << 32), CONFIG))),
    "a foreign server appears": Appeared(
        1, Sid(2), 0, 0, 78, "zookeeper", "3.8.0", CONFIG, PeerEpoch(2), PeerEpoch(1), Zxid(1 << 32)
    ),
    "a line of a foreign log": Seen(
        7,
        Sid(2),
        0,
        1,
        4,
        Source.LOG,
        effects=(Entered(ServerState.LOOKING, Phase.ELECTION),),
        text="LOOKING",
    ),
    "a message that reached a foreign server": Seen(
        7, Sid(2), 0, 2, 7, Source.WIRE, Deliver(Sid(3), NOTE, "10.77.0.3:4>10.77.0.2:3888", 1)
    ),
    "an answer to a question": Seen(
        7, Sid(2), 0, 3, 6, Source.PROBE, text="srvr: leader, zxid 0x100000000"
    ),
    "writes that are looked for": Recalled(9, "w", 40, ("/chaos-w/00000007",), 2),
    "writes that nobody could look for": Recalled(9, "w", 40, why="no session"),
    "nodes that are there": Listed(9, "/", ("chaos-100000001", "chaos-w")),
    "a run": RunBegan(0, "pause", 7, "simulated", {"cores": 2, "kernel": "6.1"}),
    "a death": Exited(3, Sid(2), 1, -9),
    "a kill": Acted(1, 2, "s", Kill(Sid(2)), Evidence(True, {"status": -9})),
    "a pause": Acted(1, 2, "s", Pause(Sid(2)), Evidence(True, {"state": "T"})),
    "a launch": Acted(1, 2, "s", Launch(Sid(2), wipe=True), Evidence(True)),
    "a block": Acted(
        1,
        2,
        "s",
        Block("b", (Cut(Sid(1), Sid(2)), PortCut(Sid(1), Port.QUORUM, inbound=True)), How.RESET),
        Evidence(None),
    ),
    "a slow link": Acted(1, 2, "s", Slow("b", (Cut(Sid(1), Sid(2)),), 10**6), Evidence(False)),
    "skewed timers": Acted(1, 2, "s", SkewTimers(Sid(1), 500_000, -1), Evidence(True)),
    "an attack": Acted(
        1, 2, "s", Attack("a", (Sid(1),), Port.QUORUM, "slow", 8, 8), Evidence(None)
    ),
    "a configuration": Acted(1, 2, "s", Configure(Sid(1), CONFIG, activate=False), Evidence(True)),
}


def there_and_back(*written: Event) -> list[Event]:
    writer = Writer()
    lines = "".join(writer.lines(event) for event in written).splitlines(keepends=True)
    return list(Reader().events(lines))


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_an_event_reads_back_equal(event: Event) -> None:
    (again,) = there_and_back(event)
    assert again == event
    assert type(again) is type(event)


ANY_EVENT: st.SearchStrategy[Event] = st.from_type(Event)  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(st.lists(ANY_EVENT, max_size=3))
def test_any_events_read_back_equal(events: list[Event]) -> None:
    assert there_and_back(*events) == events


def test_enumerations_read_back_as_themselves() -> None:
    (again,) = there_and_back(EVENTS["a decision"])
    assert isinstance(again, Stepped)
    decided, entered = again.effects
    assert isinstance(decided, Decided)
    assert decided.how is Exit.FINALIZED
    assert isinstance(entered, Entered)
    assert entered.state is ServerState.LEADING


def test_fields_at_their_default_are_left_out() -> None:
    line = json.loads(Writer().lines(Exited(3, Sid(2), 1, -9)))
    assert line == {"k": "Exited", "at_ns": 3, "sid": 2, "inc": 1, "status": -9}
    launch = json.loads(Writer().lines(EVENTS["a kill"]))["action"]
    assert launch == {"k": "Kill", "sid": 2}


def test_a_long_text_is_written_once_and_named_afterwards() -> None:
    writer = Writer()
    event = EVENTS["a message with a configuration"]
    first, second = writer.lines(event).splitlines(), writer.lines(event).splitlines()
    text = json.loads(first[0])
    assert (text["k"], text["text"]) == ("text", CONFIG)
    assert second == [first[1]]
    assert text["name"] in second[0]
    assert CONFIG not in second[0]


def test_a_text_of_half_characters_can_be_written() -> None:
    """A reason may quote bytes of a stranger; a peer must not die of writing it down."""
    event = RunBegan(0, "\ud800" * 50, 7, "simulated")
    assert there_and_back(event) == [event]


def test_a_torn_last_line_is_left_out() -> None:
    writer = Writer()
    whole, torn = writer.lines(Exited(1, Sid(1), 0, 0)), writer.lines(Exited(2, Sid(2), 0, 0))
    assert list(Reader().events([whole, torn[:-5]])) == [Exited(1, Sid(1), 0, 0)]
    assert list(Reader().events([whole, torn[:-1]])) == [Exited(1, Sid(1), 0, 0)]


NONSENSE = {
    "no JSON": "nonsense\n",
    "a number": "7\n",
    "a list": "[]\n",
    "no kind": '{"at_ns": 1}\n',
    "an unknown kind": '{"k": "Nova", "at_ns": 1}\n',
    "a field missing": '{"k": "Exited", "at_ns": 1}\n',
    "a field too many": '{"k": "Start", "x": 1}\n',
    "a record that is no event": '{"k": "Start"}\n',
    "an unknown state": '{"k": "Stepped", "at_ns": 1, "sid": 1, "inc": 0, "seq": 0, "happened":'
    ' {"k": "Start"}, "effects": [{"k": "Entered", "state": 9, "phase": "election"}]}\n',
    "a text without a name": '{"k": "text"}\n',
    "endless brackets": "[" * 100_000 + "\n",
}


@pytest.mark.parametrize("line", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_line_of_nonsense_is_a_history_error(line: str) -> None:
    with pytest.raises(HistoryError, match="no event of format"):
        Reader().event(line)


def _stepped(effect: str) -> str:
    return (
        '{"k": "Stepped", "at_ns": 1, "sid": 1, "inc": 0, "seq": 0, "happened": {"k": "Start"},'
        f' "effects": [{effect}]}}\n'
    )


FORGED = {
    "a time of words": '{"k": "Exited", "at_ns": "x", "sid": 1, "inc": 0, "status": 0}\n',
    "a time of halves": '{"k": "Exited", "at_ns": 1.5, "sid": 1, "inc": 0, "status": 0}\n',
    "no number": '{"k": "Exited", "at_ns": NaN, "sid": 1, "inc": 0, "status": 0}\n',
    "endless digits": '{"k": "Exited", "at_ns": 1, "sid": 1, "inc": 0, "status": '
    + "9" * 999
    + "}\n",
    "no peer": '{"k": "Exited", "at_ns": 1, "sid": null, "inc": 0, "status": 0}\n',
    "no specification": '{"k": "Began", "at_ns": 1, "sid": 1, "inc": 0, "seq": 0, "pid": 1,'
    ' "spec": "me"}\n',
    "another record": _stepped('{"k": "Arm", "timer": {"k": "Start"}, "delay_ms": 1}'),
    "an effect that is none": _stepped('{"k": "Start"}'),
    "an effect of words": _stepped('"Start"'),
    "a text that is none": '{"k": "text", "name": "#1", "text": 7}\n'
    '{"k": "RunBegan", "at_ns": 1, "plan": "#1", "seed": 1, "system": "simulated"}\n',
    "no facts": '{"k": "RunBegan", "at_ns": 1, "plan": "p", "seed": 1, "system": "s",'
    ' "facts": []}\n',
    "facts that are none": '{"k": "RunBegan", "at_ns": 1, "plan": "p", "seed": 1, "system": "s",'
    ' "facts": {"cores": [2]}}\n',
}


@pytest.mark.parametrize("lines", FORGED.values(), ids=FORGED.keys())
def test_a_field_holds_what_its_record_says(lines: str) -> None:
    """What is read may come from anybody, and no check of a history asks again."""
    with pytest.raises(HistoryError, match="no event of format"):
        list(Reader().events(lines.splitlines(keepends=True)))


def test_equal_events_give_equal_bytes() -> None:
    assert [Writer().lines(e) for e in EVENTS.values()] == [
        Writer().lines(e) for e in EVENTS.values()
    ]
