"""For every check a history in which it fails, one in which it holds, and one that it cannot judge.

``ANSWERS`` are of our own peers' journals, ``OUTSIDE`` of servers that keep none. A check that is
registered without a row here fails ``test_three_answers.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.history.events import Exited, Sampled, Seen, Stepped
from chaos.history.history import History
from chaos.verify.foreign.outside import from_outside
from tests.verify import broken
from tests.verify import foreign_lines as lines
from tests.verify import test_foreign_doubts as doubts
from tests.verify import test_foreign_safety as outside
from tests.verify import test_laws as laws
from tests.verify import test_liveness as alive
from tests.verify import test_replicas as agreed
from tests.verify import test_safety as old
from tests.verify.lockstep import MS, Lockstep

Story = Callable[[], History]


@dataclass(frozen=True, slots=True)
class Answers:
    """Three histories; ``doubt`` is what the last one's verdict has to name."""

    fails: Story
    holds: Story
    unknown: Story
    doubt: str


def told(story: Callable[[], Lockstep]) -> Story:
    return lambda: story().history()


def torn(story: Callable[[], Lockstep]) -> Story:
    """A line is missing inside the journal of peer 1."""

    def make() -> History:
        history = story().history()
        lines = [i for i, e in history.every(Stepped) if e.sid == 1]
        return History(tuple(e for i, e in enumerate(history.events) if i != lines[1]))

    return make


def law(name: str) -> Story:
    """The first history of ``test_laws.py`` in which that law fails."""
    return next(make for known, make, _ in laws.FAILS.values() if known == name)


def of_one_journal(name: str, holds: Callable[[], Lockstep] = laws.rejoined) -> Answers:
    return Answers(law(name), told(holds), torn(holds), "journal line")


def blind(story: Callable[[], Lockstep]) -> Story:
    """The same servers, seen from outside and without their packets."""
    return lambda: doubts.without_packets(from_outside(story().history()))


def wiped() -> History:
    """The tester takes the disks of a majority, which then leads the same epoch again."""
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.wipe(sid)
        ensemble.acted("wipe", act.Launch(Sid(sid), wipe=True))
    return ensemble.start(1, 2).run(3000).history()


def wiped_writes() -> History:
    ensemble = Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)
    ensemble.kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.wipe(sid)
        ensemble.acted("wipe", act.Launch(Sid(sid), wipe=True))
    ensemble.disks[Sid(1)]["acceptedEpoch"] = PeerEpoch(4)
    return ensemble.start(1, 2).run(3000).history()


def ends_early() -> History:
    """The journal of peer 3 ends before it proposes itself."""
    history = laws.rejoined().history()
    first = next(i for i, e in history.every(Stepped) if e.sid == 3)
    return History(
        tuple(e for i, e in enumerate(history.events) if i < first or getattr(e, "sid", 0) != 3)
    )


def cut_short() -> History:
    return History(old.re_elected().history().events[:-1])


def on_a_late_host() -> History:
    history = alive.fickle()
    return History.of([*history.events, Sampled(5000 * MS, 0, 0, 90 * MS)])


def ended(status: int, *before: act.Action) -> History:
    ensemble = Lockstep().start().run(2000)
    for action in before:
        ensemble.acted("kill", action)
    at_ns = ensemble.now_ms * MS
    return History.of([*ensemble.history().events, Exited(at_ns, Sid(1), 0, status)])


def of_leaders(fails: Story) -> Answers:
    """A law of elections, whose doubt is that of servers whose packets nobody captured."""
    return Answers(fails, told(old.re_elected), blind(old.re_elected), "packets were not captured")


ANSWERS: dict[str, Answers] = {
    "at_most_one_leader_per_epoch": Answers(
        told(old.lost_disks), told(old.re_elected), wiped, "the tester took back"
    ),
    "leader_has_quorum_support": of_leaders(told(old.alone)),
    "vote_order_respected": of_leaders(told(old.stubborn)),
    "epoch_monotone": of_leaders(told(old.hasty)),
    "logical_clock_monotone": of_leaders(told(old.amnesic)),
    "observers_never_vote": Answers(
        told(old.flattered), told(old.observed), torn(old.observed), "journal line"
    ),
    "both_quorums": Answers(
        told(old.old_fashioned), told(old.stretched), torn(old.stretched), "journal line"
    ),
    "established_by_quorum": of_leaders(told(old.generous)),
    "no_acked_write_lost": Answers(
        told(old.unsynced), told(old.written), wiped_writes, "after the tester changed"
    ),
    "replicas_agree": Answers(
        agreed.forgotten, told(old.written), told(agreed.moved), "after the tester changed"
    ),
    "votes_have_an_origin": Answers(
        law("votes_have_an_origin"), told(laws.rejoined), ends_early, "as far as its journal tells"
    ),
    **{
        name: of_one_journal(name)
        for name in (
            "silence_before_decision",
            "join_not_refused",
            "tally_hygiene",
            "stays_within_bounds",
            "timings_respected",
            "fresh_epoch",
            "epoch_by_quorum",
            "handshake_followed",
            "leader_is_most_recent",
            "no_split_brain",
            "no_acks_for_strangers",
            "steps_down_in_time",
            "no_disturbance",
        )
    },
    "synced_before_ack": of_one_journal("synced_before_ack", laws.written),
    "configuration_monotone": of_one_journal("configuration_monotone", laws.reconfigured),
    "reconfigured_by_quorums": of_one_journal("reconfigured_by_quorums", laws.reconfigured),
    alive.L1: Answers(alive.undecided, alive.healthy, alive.hurried, "the run ended"),
    alive.L2: Answers(alive.deaf, alive.healthy, alive.hurried_joiner, "did not wait for peer 1"),
    alive.L3: Answers(alive.fickle, alive.healthy, on_a_late_host, "the host was 90 ms late"),
    "conformance": Answers(told(old.mumbling), told(old.re_elected), cut_short, "cut short"),
    "peers_end_only_when_told": Answers(
        lambda: ended(-6), lambda: ended(-9, act.Kill(Sid(1))), lambda: ended(-9), "no fault did"
    ),
}


# ---- servers that keep no journal


def seen(story: Callable[[], Lockstep], *sids: int) -> Story:
    """``sids`` of it, or all, are seen from outside only."""
    return lambda: from_outside(story().history(), *sids)


def comes_along() -> History:
    """Server 1 goes on to round 2, of which it has heard."""
    later = lines.said(410, 1, lines.note(Sid(1), 2))
    return lines.with_lines(lines.elected(), *lines.said(400, 0, lines.THREE), *later)


def torn_beside() -> History:
    """Server 4 is seen from outside; of peer 1's own journal a line is missing."""
    return from_outside(torn(old.observed)(), 4)


def elects(*voters: int) -> Story:
    """Server 1 elects with these beside it, and has seen a configuration of five."""

    def make() -> History:
        newer = lines.seen(5 * MS, 5, fx.PacketRead(1, pk.NewLeader(Zxid(0), doubts.WIDER)))
        votes = [lines.heard(10 + sid, 0, Sid(sid), lines.THREE) for sid in voters]
        return History.of([lines.appeared(), newer, *votes, lines.decided(300, Sid(3))])

    return make


def acked_and_lost() -> Lockstep:
    """Two servers ack what they do not log, and come back without it."""
    cores = {1: broken.Unsynced, 2: broken.Unsynced}
    ensemble = Lockstep(cores=cores).start().run(2000).give(3, fx.Work(20)).run(1000)
    return ensemble.kill(3).kill(2).kill(1).start(1, 2).run(3000)


def without_votes() -> History:
    """Nobody saw by which vote server 2 elected itself, so nobody knows where its log ends."""
    history = from_outside(old.written().history(), 2)
    return History.of(_undecided(e) if isinstance(e, Seen) else e for e in history.events)


def _undecided(event: Seen) -> Seen:
    kept = tuple(effect for effect in event.effects if not isinstance(effect, fx.Decided))
    return replace(event, effects=kept)


def of_servers(fails: Story, holds: Story) -> Answers:
    return Answers(fails, holds, blind(old.re_elected), "packets were not captured")


OUTSIDE: dict[str, Answers] = {
    "at_most_one_leader_per_epoch": of_servers(outside.lost_promises, seen(old.re_elected)),
    "leader_has_quorum_support": of_servers(outside.told_nobody, seen(old.re_elected)),
    "vote_order_respected": of_servers(outside.a_worse_vote, seen(old.re_elected)),
    "epoch_monotone": of_servers(outside.fell, seen(old.re_elected)),
    "logical_clock_monotone": of_servers(outside.a_round_back, comes_along),
    "established_by_quorum": of_servers(outside.serves_alone, seen(old.re_elected)),
    "observers_never_vote": Answers(
        outside.an_observer_elected, seen(old.observed), torn_beside, "journal line"
    ),
    # A foreign server may have put the newer one in force by now: only a journal beside it fails.
    "both_quorums": Answers(seen(old.old_fashioned, 1), elects(2, 3), elects(3), "in force alone"),
    "no_acked_write_lost": Answers(
        seen(acked_and_lost), seen(old.written), without_votes, "nobody sees the log of server 2"
    ),
}
