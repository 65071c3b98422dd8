"""One pass over a history that follows every peer, and judges it on the way.

Each incarnation's journal is read in the order of its own lines, so that no common clock is
needed; what follows messages from peer to peer comes after. The result is worked out once
for a history and shared by all checks (:data:`fold`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from chaos.election.effects import (
    Append,
    Arm,
    Decided,
    Deliver,
    Disarm,
    Effect,
    Entered,
    Expire,
    Persist,
    PersistConfig,
    Phase,
    Proposed,
    QuorumSeen,
    RestartElectionLayer,
    Restore,
    Send,
    SendPacket,
    Serving,
    SkewEpochs,
    SkewRound,
    SkewZxid,
    TimerKind,
    Truncate,
)
from chaos.election.ids import Sid, wrap64
from chaos.history.events import (
    Began,
    ForeignEvent,
    Held,
    LinkClosed,
    LinkOpened,
    PeerEvent,
    Stepped,
    Wrote,
)
from chaos.history.history import History
from chaos.verify.ballots import Ballots, Decision, Spoken
from chaos.verify.births import birth
from chaos.verify.docket import Docket, Finding, Once
from chaos.verify.foreign.judge import judge_foreign, servers
from chaos.verify.laws.beside import Beside
from chaos.verify.laws.past import Past
from chaos.verify.laws.usage import judge_usage
from chaos.verify.laws.watcher import SKEWS
from chaos.verify.messages import Source, follow
from chaos.verify.origins import Origins, originate
from chaos.verify.standing import Forgot, Led, Standing
from chaos.verify.tester import Meddling, meddling

JOURNAL = get_args(PeerEvent)  # the records that a peer's journal holds
FOREIGN = get_args(ForeignEvent)  # those that tell of servers without one


@dataclass(slots=True)
class Folded:
    """What one pass found."""

    docket: Docket = field(default_factory=Docket)
    decisions: list[Decision] = field(default_factory=list)
    spoken: dict[Source, Spoken] = field(default_factory=dict)
    led: list[Led] = field(default_factory=list)
    forgot: list[Forgot] = field(default_factory=list)
    foreign: frozenset[Sid] = frozenset()  # judged by what was seen of them
    origins: Origins = field(default_factory=Origins)
    # event of a SkewRound -> the rounds before it and by it
    turned: dict[int, tuple[int, int]] = field(default_factory=dict)


Line = tuple[int, PeerEvent]


def _journals(history: History) -> Mapping[tuple[Sid, int], Sequence[Line]]:
    found: dict[tuple[Sid, int], list[Line]] = {}
    foreign = {event.sid for event in history.events if isinstance(event, FOREIGN)}
    for index, event in enumerate(history.events):
        if isinstance(event, JOURNAL) and event.sid not in foreign:  # a capture tells Wrote too
            found.setdefault((event.sid, event.inc), []).append((index, event))
    for lines in found.values():
        lines.sort(key=lambda line: line[1].seq)
    return dict(sorted(found.items()))


# The lines of each incarnation with their indexes, in the order they were written. Foreign servers
# have none: nothing there is to be held against them.
journals = Once(_journals)


def whole(lines: Sequence[Line]) -> tuple[Sequence[Line], Finding | None]:
    """The lines up to the first one that is missing, and what is missing if one is."""
    for number, (index, event) in enumerate(lines):
        if event.seq != number:
            why = f"peer {event.sid} start {event.inc}: journal line {number} is missing"
            return lines[:number], Finding(why, (index,))
    return lines, None


class PeerFold:
    """One incarnation, step by step."""

    def __init__(self, began: Began, standing: Standing, folded: Folded, beside: Beside) -> None:
        self._standing = standing
        self._ballots = Ballots(began.sid, standing.electorate, folded.docket)
        self._beside = beside
        self._turned = folded.turned
        self._tester = False  # the step at hand is a skew

    def step(self, index: int, event: Stepped) -> None:
        """Take one step in: its configuration, then its input, then its effects."""
        self._tester = isinstance(event.happened, SKEWS)
        ahead = 0
        while ahead < len(event.effects):
            effect = event.effects[ahead]
            if not isinstance(effect, PersistConfig):
                break
            self._config(effect)
            ahead += 1
        self._standing.take(index, event)
        self._beside.take(index, event, self._standing)
        self._input(index, event)
        for number in range(ahead, len(event.effects)):
            self._effect(event.effects[number], index, (event.seq, number), event)
        if self._tester:
            self._ballots.oracle.initial = self._standing.initial()
        self._ballots.settle(index)

    def wrote(self, index: int, line: Wrote) -> None:
        """Take in that a message was written."""
        self._beside.traffic.wrote(index, line)

    def held(self) -> None:
        """Take in that it holds at a gate."""
        self._standing.disk.held = True

    def linked(self, index: int, line: LinkOpened | LinkClosed) -> None:
        """Take in that a link stands, or ended."""
        self._beside.links.take(index, line)

    def finish(self, folded: Folded, inc: int) -> None:
        """Hand over what only a whole history can judge."""
        sid = self._standing.sid
        folded.decisions += self._ballots.decisions
        folded.origins.take(sid, self._ballots.told)
        folded.led += self._standing.led
        folded.forgot += self._standing.forgot
        for (seq, number), spoken in self._ballots.spoken.items():
            folded.spoken[sid, inc, seq, number] = spoken

    # ----

    def _config(self, effect: PersistConfig) -> None:
        self._standing.persist_config(effect)
        self._ballots.use(self._standing.electorate)

    def _input(self, index: int, event: Stepped) -> None:
        ballots, oracle = self._ballots, self._ballots.oracle
        match event.happened:
            case Deliver(sender=sender, notification=message):
                # A newer configuration ends the election; the message that brought it is lost.
                if oracle.looking and not _restarted(event.effects):
                    oracle.hear(sender, message, index)
            case Expire(timer=timer, have_delivered=delivered):
                if timer.kind is TimerKind.RESEND and oracle.looking and delivered:
                    oracle.resend(index)
            case SkewRound(by=by, to=to):
                ballots.excuse(initial=False)
                before = wrap64(oracle.round)
                oracle.turn(oracle.round + by if by is not None else to or 0, index)
                self._turned[index] = before, wrap64(oracle.round)
            case SkewZxid() | SkewEpochs():
                ballots.excuse(initial=True)
            case _:
                pass

    def _effect(self, effect: Effect, index: int, key: tuple[int, int], event: Stepped) -> None:
        standing, ballots = self._standing, self._ballots
        match effect:
            case Send():
                ballots.sent(effect, index, key)
            case Arm(timer=timer) | Disarm(timer=timer):
                if timer.kind is TimerKind.FINALIZE:
                    ballots.waits(on=isinstance(effect, Arm))
            case Proposed():
                self._reconsider(index)
                ballots.proposed(effect, index)
            case QuorumSeen():
                ballots.quorum_seen(effect)
            case Decided():
                ballots.decided(effect, index, event)
            case Entered():
                standing.entered(effect)
                if effect.phase is Phase.ELECTION:
                    ballots.begin(standing.initial(), index)
            case RestartElectionLayer():
                ballots.restart(index)
            case _:
                self._lasting(effect, index)

    def _lasting(self, effect: Effect, index: int) -> None:
        standing = self._standing
        match effect:
            case Persist():
                standing.persist(effect, index, tester=self._tester)
            case Append() | Truncate() | Restore():
                standing.logged(effect, index)
            case PersistConfig():
                self._config(effect)
            case SendPacket():
                standing.send_packet(effect, index)
            case Serving():
                standing.serving(effect, index)
            case _:
                pass

    def _reconsider(self, index: int) -> None:
        """After a skew of its log or epochs the peer's own vote is another one."""
        oracle = self._ballots.oracle
        if self._tester and not oracle.due.proposals:
            oracle.reconsider(self._standing.initial(), index)


def _restarted(effects: tuple[Effect, ...]) -> bool:
    """Whether the election layer was built anew, and not because an election ended."""
    for effect in effects:
        if isinstance(effect, RestartElectionLayer):
            return True
        if isinstance(effect, Decided):
            return False
    return False


class Folding:
    """All peers at once: their lines come as they were written, each journal in its order."""

    def __init__(self, tester: Meddling) -> None:
        self.folded = Folded()
        self._tester = tester
        self._standings: dict[Sid, Standing] = {}
        self._pasts: dict[Sid, Past] = {}
        self._peers: dict[tuple[Sid, int], PeerFold] = {}

    def take(self, index: int, event: PeerEvent) -> None:
        """Take in one line. Lines before a birth say nothing."""
        key = (event.sid, event.inc)
        peer = self._peers.get(key)
        match event:
            case Began() if peer is None:
                self._peers[key] = self._born(index, event)
            case Stepped() if peer is not None:
                peer.step(index, event)
            case Wrote() if peer is not None:
                peer.wrote(index, event)
            case Held() if peer is not None:
                peer.held()
            case LinkOpened() | LinkClosed() if peer is not None:
                peer.linked(index, event)
            case _:
                pass

    def finish(self) -> Folded:
        """Hand over what only a whole history can judge."""
        for (_, inc), peer in sorted(self._peers.items()):
            peer.finish(self.folded, inc)
        return self.folded

    def _born(self, index: int, began: Began) -> PeerFold:
        docket, sid = self.folded.docket, began.sid
        standing = birth(index, began, self._standings.get(sid), self._tester, docket)
        self._standings[sid] = standing
        past = self._pasts.setdefault(sid, Past())
        past.born(index, began, standing)
        beside = Beside(index, began, past, docket, self._tester)
        return PeerFold(began, standing, self.folded, beside)


def _fold(history: History) -> Folded:
    tester = meddling(history)
    folding = Folding(tester)
    for lines in journals(history).values():
        readable, gap = whole(lines)
        if gap is not None:
            folding.folded.docket.gaps.append(gap)
        if readable and isinstance(readable[0][1], Began):
            for index, event in readable:
                folding.take(index, event)
    folded = folding.finish()
    judge_usage(history, folded.docket)
    originate(history, folded.origins, tester, folded.docket)
    _look_from_outside(history, tester, folded)
    follow(history, folded.decisions, folded.spoken, folded.docket)
    return folded


def _look_from_outside(history: History, tester: Meddling, folded: Folded) -> None:
    """Add the foreign servers of the run, if it has any."""
    folded.foreign = frozenset(history.foreign)
    if not folded.foreign:
        return
    seen = Docket()
    found = judge_foreign(history, tester, seen)
    folded.led += found.led
    folded.forgot += found.forgot
    folded.spoken |= found.spoken
    folded.docket.take(seen, servers(folded.foreign))


fold = Once(_fold)
