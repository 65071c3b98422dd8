"""When an ensemble was left alone: the spans in which progress can be demanded.

``Stable``: every living peer of a set S hears every other, S holds a quorum of each
configuration that its members count by, nobody outside S can speak to S, and no fault touches
any of them. Such a span begins when the last fault is surely over (with the retransmissions
that a cut leaves behind) and ends when the next one may begin.

Source: the core of TigerBeetle's VOPR, in which faults stop while the rest stays broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from chaos import actions as act
from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Arm,
    Deliver,
    Effect,
    Persist,
    PersistConfig,
    Reconfigure,
    SkewEpochs,
    SkewRound,
    SkewZxid,
    TimerKind,
)
from chaos.election.ids import NO_ZXID, Sid
from chaos.election.notification import ServerState
from chaos.election.timings import Timings
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    Held,
    Left,
    RunBegan,
    Seen,
    Stepped,
    Wrote,
    config_of,
)
from chaos.history.history import History
from chaos.history.view import EnsembleView, PeerView
from chaos.verify.docket import Once
from chaos.verify.in_place import HARMLESS, InPlace
from chaos.verify.replay import matters
from chaos.verify.span import Span, Was, inherited_ns, speaks

_MS: Final = 1_000_000
_SCHEDULING_NS: Final = 50_000_000  # a message's way includes two processes that have to run


class _Watch:
    """Goes over a history, and keeps the span that is open."""

    def __init__(self, history: History, first: Event) -> None:
        assert isinstance(first, Began | Appeared)
        self._history = history
        self._view = EnsembleView(history.sids, parse_configuration(config_of(first)))
        self._faults = InPlace()
        self._timings: Timings | None = None
        self._resend: dict[Sid, int] = {}
        self._seen: dict[Sid, Configuration] = {}  # proposed
        self._way_ns = _slowest_link(history)
        self._open: Span | None = None
        self._running = False  # time zero has come
        self._spoiled = False
        self.spans: list[Span] = []

    def take(self, index: int, event: Event) -> None:
        """Take one event in."""
        touches = self._touches(event)
        if touches:
            self._excuse(event)
            self._close(event.at_ns)
        after = self._in_place(event)
        if isinstance(event, Stepped):
            self._words(event)
        self._learn(event)
        moved = matters(event)
        before = {sid: self._of(sid) for sid in self._view.peers} if moved and self._open else {}
        if moved or isinstance(event, Acted) or _promises(event):
            self._view.observe(event)
        if touches and self._running:
            done = event.done_ns if isinstance(event, Acted) else event.at_ns
            # Peers that stand wait for time zero, which may be seconds away.
            self._begin(index, max(done + after, self._history.zero_ns))
        elif moved and self._open is not None:
            self._follow(index, event, before)

    def _in_place(self, event: Event) -> int:
        """What it changes of the faults in place; how long after it its effect may go on."""
        match event:
            case Acted():
                return self._faults.take(event)
            case Held():
                self._faults.hold(event)
            case Began() | Exited() | Left():
                self._faults.ended(event.sid)
            case _:
                pass
        return 0

    @property
    def unknown(self) -> str:
        """Since when, and why, nothing is demanded any more; empty while all is known."""
        return self._faults.unknown

    def end(self) -> None:
        """The history is over."""
        self._close(self._history.end_ns, by_end=True)

    def _touches(self, event: Event) -> bool:
        match event:
            case Acted(action=action):
                return not isinstance(action, HARMLESS)
            case Began() | Appeared() | Exited() | Left() | Held() | RunBegan():
                return True
            case Stepped(happened=SkewRound() | SkewZxid() | SkewEpochs() | Reconfigure()):
                return True
            case Stepped(sid=sid, effects=effects) | Seen(sid=sid, effects=effects):
                return any(self._changes(sid, effect) for effect in effects)
            case _:
                return False

    def _changes(self, sid: Sid, effect: Effect) -> bool:
        """Whether other members count for it from here on; a mere version changes nothing."""
        match effect:
            case PersistConfig(config=text, active=active):
                held = self._held(self._view.peers[sid]) if active else self._view.newest
                return not _equal(parse_configuration(text), held)
            case _:
                return False

    def _learn(self, event: Event) -> None:
        match event:
            case Acted(action=act.SetZxid() | act.SetEpochs()):
                self._spoiled = True
            case Stepped(happened=SkewZxid() | SkewEpochs()):
                self._spoiled = True
            case RunBegan():
                self._running = True
            case Began(sid=sid, spec=spec):
                self._timings = self._timings or spec.timings
                self._seen.pop(sid, None)
                if spec.last_seen is not None:
                    self._seen[sid] = parse_configuration(spec.last_seen)
            case Stepped(sid=sid, effects=effects):
                for effect in effects:
                    self._did(sid, effect)
            case _:
                pass

    def _did(self, sid: Sid, effect: Effect) -> None:
        match effect:
            case Arm(timer=timer, delay_ms=ms) if timer.kind is TimerKind.RESEND:
                self._resend[sid] = ms
            case PersistConfig(config=text, active=False):
                self._seen[sid] = parse_configuration(text)
            case _:
                pass

    # ---- spans

    def _begin(self, index: int, at_ns: int) -> None:
        members, timings = self._members(), self._timings
        if not members or timings is None:
            return
        slow = sum(self._faults.slow.values())
        if self._way_ns + 2 * slow + timings.tick_ms * _MS // 2 >= timings.sync_ms * _MS:
            return  # who answers at once is heard too late all the same
        delay = _SCHEDULING_NS + self._way_ns + slow
        held = {sid: self._of(sid) for sid in members}
        span = Span(members, at_ns, index, timings, delay, held, spoiled=self._spoiled)
        self._open = span
        self._serves(index, at_ns)

    def _excuse(self, event: Event) -> None:
        """What ends a span may show before its own stamp.

        Others notice the end of a process before it is reaped. And a peer reads the clock when
        its loop wakes: what it comes to hear of a moment later is stamped with that.
        """
        span = self._open
        if span is None or span.lost is None:
            return
        before_ns = event.at_ns - span.lost[0]
        ended = isinstance(event, Exited | Left) and event.sid in span.members
        if before_ns <= (span.timings.tick_ms * _MS if ended else _SCHEDULING_NS):
            span.lost = None

    def _close(self, at_ns: int, *, by_end: bool = False) -> None:
        span = self._open
        if span is None or at_ns <= span.from_ns:
            self._open = None
            return
        span.to_ns, span.by_end = at_ns, by_end
        peers = {sid: self._view.peers[sid] for sid in span.members}
        span.accepted = {sid: peer.accepted_epoch for sid, peer in peers.items()}
        span.versions = {sid: self._held(peer).version for sid, peer in peers.items()}
        looking = (sid for sid, peer in peers.items() if peer.state is ServerState.LOOKING)
        span.looks = {sid: self._resend.get(sid, 0) for sid in looking}
        if span.served is None:
            for sid in set(span.looks) - set(span.words):
                span.words[sid] = (at_ns, self._outspoken(sid))
        self._open = None
        self.spans.append(span)

    def _of(self, sid: Sid) -> Was:
        peers = self._view.peers
        peer = peers[sid]
        leader = None if peer.vote is None else peers.get(peer.vote.leader)
        newer = leader is not None and self._held(peer).version > self._held(leader).version
        return Was(peer.state, peer.epoch is not None, self._resend.get(sid, 0), newer=newer)

    def _members(self) -> frozenset[Sid]:
        """S, or nobody."""
        faults, peers = self._faults, self._view.peers
        alive = {sid for sid, peer in peers.items() if peer.alive} - faults.held
        if faults.unknown or faults.lossy or faults.skewed & alive or not alive:
            return frozenset()
        if faults.burning:
            return frozenset()  # whoever shares that core is slow, too
        pairs, ports = faults.closed()
        if (ports | faults.attacked) & alive:
            return frozenset()
        able = (self._able(one) for one in _components(alive, pairs))
        return next((one for one in able if one), frozenset())

    def _able(self, group: frozenset[Sid]) -> frozenset[Sid]:
        """Its members, if they have one configuration, and a quorum by all that they count by.

        Who is no member of it any more, as after a change, may speak to them: it is answered
        and never counted. But it must not lead, nor have a say in anything that is proposed.
        """
        peers = self._view.peers
        held = {sid: self._held(peers[sid]) for sid in sorted(group)}
        newest = max(held.values(), key=lambda config: config.version)
        sids = group & frozenset(newest.members)
        seen = [self._seen[sid] for sid in sids if sid in self._seen]
        proposed = [config for config in seen if config.version > newest.version]
        if not sids or not all(_equal(held[sid], newest) for sid in sids):
            return frozenset()
        for other in group - sids:
            leads = peers[other].state is ServerState.LEADING
            if leads or any(other in config.members for config in proposed):
                return frozenset()
        voters = {sid for sid in sids if peers[sid].zxid != NO_ZXID}
        by_all = (config.verifier.contains_quorum(voters) for config in [newest, *proposed])
        return sids if all(by_all) else frozenset()

    def _held(self, peer: PeerView) -> Configuration:
        """What it has in force, as far as is known."""
        return peer.config or self._view.config

    # ---- inside a span

    def _follow(self, index: int, event: Event, before: Mapping[Sid, Was]) -> None:
        span = self._open
        assert span is not None
        if event.at_ns >= span.from_ns:
            self._failures(span, before)
        self._serves(index, max(event.at_ns, span.from_ns))

    def _failures(self, span: Span, before: Mapping[Sid, Was]) -> None:
        """Who looks again without ever having served, and was not refused by the rules."""
        for sid in span.members:
            was, now = before[sid], self._view.peers[sid]
            if was.state is not ServerState.LOOKING and now.state is ServerState.LOOKING:
                count = span.failed if span.served is None else span.failed_later
                if not was.serving and not was.newer:
                    count[sid] = count.get(sid, 0) + 1

    def _words(self, event: Stepped) -> None:
        """The first words of a member in a span in which nobody serves yet."""
        span = self._open
        if span is None or span.served is not None or event.at_ns < span.from_ns:
            return
        if event.sid in span.members - set(span.words) and speaks(event):
            span.words[event.sid] = (event.at_ns, self._outspoken(event.sid))

    def _outspoken(self, sid: Sid) -> bool:
        """Whether it waits for as long as anybody may, and so does another member."""
        assert self._open is not None
        longest = self._open.timings.notification_ms_max
        others = (self._resend.get(one, 0) for one in self._open.members - {sid})
        return self._resend.get(sid, 0) >= longest and max(others, default=0) >= longest

    def _serves(self, index: int, at_ns: int) -> None:
        span, peers = self._open, self._view.peers
        assert span is not None
        leaders = {
            sid: epoch
            for sid, epoch in self._view.leaders().items()
            if sid in span.members and self._backed(sid, span.members)
        }
        leader = max(leaders, key=lambda sid: leaders[sid]) if leaders else None
        if span.served is None and leader is not None:
            span.served, span.leader, span.epoch = (at_ns, index), leader, leaders[leader]
            span.at_serve = {sid: self._of(sid) for sid in span.members}
        if leader != span.leader and at_ns - span.from_ns <= inherited_ns(span.timings):
            span.begin_anew()
            if leader is not None:
                span.served, span.leader, span.epoch = (at_ns, index), leader, leaders[leader]
                span.at_serve = {sid: self._of(sid) for sid in span.members}
        everybody = len(span.joined) == len(span.members)
        if everybody and leader != span.leader and span.lost is None:
            span.lost = (at_ns, index)
        if span.lost is None and leader is not None and not everybody:
            if leader != span.leader:
                span.joined.clear()
                span.leader, span.epoch = leader, leaders[leader]
            for sid in span.members - set(span.joined):
                if peers[sid].follows(leader) and peers[sid].epoch is not None:
                    span.joined[sid] = (at_ns, index)

    def _backed(self, leader: Sid, members: frozenset[Sid]) -> bool:
        config = self._held(self._view.peers[leader])
        return config.verifier.contains_quorum(self._view.followers_of(leader) & members)


def _promises(event: Event) -> bool:
    """Whether a file of a peer changes: a promise keeps it from leaders of lower epochs."""
    match event:
        case Stepped(effects=effects):
            return any(isinstance(effect, Persist) for effect in effects)
        case _:
            return False


def _equal(one: Configuration, other: Configuration) -> bool:
    """Whether they name the same members, votes, weights and groups, in whatever version."""
    return one.with_version(0).text() == other.with_version(0).text()


def _components(alive: set[Sid], cut: set[tuple[Sid, Sid]]) -> Iterator[frozenset[Sid]]:
    """The groups that hear nobody else, of which all hear one another."""
    left = set(alive)
    while left:
        group, edge = set[Sid](), {min(left)}
        while edge:
            group |= edge
            edge = {
                other
                for other in left - group
                for one in group
                if (one, other) not in cut or (other, one) not in cut
            }
        left -= group
        if not any((a, b) in cut for a in group for b in group):
            yield frozenset(group)


def _slowest_link(history: History) -> int:
    """Twice the least delay of the slowest link, by its messages."""
    wrote: dict[tuple[str, int], int] = {}
    least: dict[str, int] = {}
    for event in history.events:
        match event:
            case Wrote(link=link, frame=frame, at_ns=at_ns):
                wrote[link, frame] = at_ns
            case Stepped(happened=Deliver(link=link, frame=frame), at_ns=at_ns):
                since = wrote.get((link, frame))
                if since is not None and 0 <= at_ns - since < least.get(link, 2**62):
                    least[link] = at_ns - since
            case _:
                pass
    return 2 * max(least.values(), default=0)


def _watch(history: History) -> tuple[tuple[Span, ...], str]:
    first = next((event for _, event in history.births()), None)
    if first is None:
        return (), ""
    watch = _Watch(history, first)
    for index, event in enumerate(history.events):
        watch.take(index, event)
    watch.end()
    return tuple(watch.spans), watch.unknown


_watched = Once(_watch)


def stable(history: History) -> tuple[Span, ...]:
    """The spans in which a living quorum was left alone."""
    return _watched(history)[0]


def unaccounted(history: History) -> str:
    """The action from which on nothing is demanded, and why; empty if there is none."""
    return _watched(history)[1]
