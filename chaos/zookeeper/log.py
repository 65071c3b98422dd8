"""What a server tells of itself in its log, line by line, as events.

Source: ZooKeeper 3.8 ``QuorumPeer``, ``FastLeaderElection``, ``Leader``, ``Learner``; the
lines have the form that ``chaos.zookeeper.server`` asks for, whatever writes them. Lines
say when they were written, in whole milliseconds, by several threads.

A server's own proposal comes back to it as a notification, which is logged; that is how its
votes are known. Its epoch as a learner it never tells, so that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from chaos.election.effects import (
    Decided,
    Effect,
    Entered,
    Exit,
    Phase,
    Proposed,
    Serving,
    SteppedDown,
)
from chaos.election.ids import UNSET, PeerEpoch, Round, Sid, Zxid, epoch_of, wrap64
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumVerifier
from chaos.election.vote import Vote
from chaos.history.events import Seen, Source

_MS: Final = 1_000_000
_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \[.*\] [A-Z]+ +[\w.$]*?"
    r"(QuorumPeer|FastLeaderElection|Leader|Learner|Follower|Observer|ServiceUtils) - (.+)"
)
_PHASE: Final = re.compile(
    r"Peer state changed: (looking|following|leading|observing)"
    r"(?: - (discovery|synchronization|broadcast))?"
)
_OWN_STATE: Final = re.compile(r"PeerState set to LOOKING|LOOKING|FOLLOWING|LEADING|OBSERVING")
_NOTIFICATION: Final = re.compile(
    r"Notification: my state:(\w+); n\.sid:(-?\d+), n\.state:(\w+), n\.leader:(-?\d+), "
    r"n\.round:0x(\w+), n\.peerEpoch:0x(\w+), n\.zxid:0x(\w+), message format version:0x(\w+)"
)
_SUPPORTED: Final = re.compile(
    r"Have quorum of supporters, .*starting up and setting last processed zxid: 0x(\w+)"
)
_SHUTDOWN: Final = re.compile(r"Shutdown called\. For the reason (.*)")
_UNFOLLOWED: Final = re.compile(
    r"Exception when (?:following|observing) the leader|Disconnected from leader .*"
)
_JOINS: Final = (  # whom it follows or observes: it says so, connects to it, or tries to in vain
    re.compile(r"Observing new leader sid=(\d+) "),
    re.compile(r"Successfully connected to leader, using address: .*/([\d.]+):\d+"),
    re.compile(r"Unexpected exception, tries=\d+, .*connecting to .*/([\d.]+):\d+"),
)
_EXITING: Final = re.compile(r"Exiting JVM with code \d+")
_LOOKS: Final = "it looks for a leader"
_NO_ELECTION: Final = "a reconfiguration gave it another state"
_FINALIZE_NS: Final = 200 * _MS  # FastLeaderElection.finalizeWait
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose log it is. ``offset_ns`` makes monotonic time of time since 1970.

    ``verifier`` counts the votes of the configuration that the server started with; ``hosts``
    says whose address is whose.
    """

    sid: Sid
    inc: int
    offset_ns: int
    verifier: QuorumVerifier
    hosts: Mapping[str, Sid] = field(default_factory=lambda: MappingProxyType({}))


class LogReader:
    """Reads the log of one start of one server.

    ``next_seq`` numbers the events; ``learned_epoch`` is asked for the epoch that the server
    has just begun to serve as a learner: its file ``currentEpoch``, or a packet that was seen.
    Where it answers ``None``, no ``Serving`` is told.
    """

    def __init__(
        self,
        watched: Watched,
        next_seq: Callable[[], int],
        learned_epoch: Callable[[], PeerEpoch | None],
    ) -> None:
        self._watched = watched
        self._next_seq = next_seq
        self._learned_epoch = learned_epoch
        self._state: ServerState | None = None
        self._phase = Phase.ELECTION
        self._unfollowed: tuple[int, str, str] | None = None  # at_ns, line and its words
        self._left = True  # whether it has been told that the server stepped down
        self._votes = _Votes(watched.sid, watched.verifier)
        self._leader: Sid | None = None  # as it was told
        self._elected = True  # by votes, and not by a reconfiguration
        self._last_ns = 0  # at_ns of the last event: threads log out of order, events are not

    def count_by(self, verifier: QuorumVerifier) -> None:
        """From now on votes are counted so."""
        self._votes.verifier = verifier

    def stamp_ns(self, line: str) -> int | None:
        """When ``line`` had been written, if it is one that is read here."""
        found = _LINE.match(line)
        return None if found is None else _wall_ns(found.group(1)) + self._watched.offset_ns + _MS

    def feed(self, line: str) -> list[Seen]:
        """What a whole ``line`` tells: for most lines, and for a stack trace, nothing."""
        line = line.rstrip("\n")
        found = _LINE.match(line)
        seen = self._explained(line) if self._unfollowed else []
        if found is None:
            return seen
        wall, speaker, words = found.groups()
        at_ns = _wall_ns(wall) + self._watched.offset_ns
        since_ns, effects = at_ns, list[Effect]()
        if speaker == "FastLeaderElection":
            since_ns, effects = self._voted(words, at_ns)
        elif _UNFOLLOWED.match(words):
            self._unfollowed = (at_ns, line, words)
        else:
            effects = self._said(speaker, words, at_ns)
        return [*seen, self._seen(since_ns, at_ns + _MS, effects, line)] if effects else seen

    def _explained(self, line: str) -> list[Seen]:
        """The server lost its leader, as the last line told; ``line`` may be the exception."""
        assert self._unfollowed is not None
        at_ns, text, words = self._unfollowed
        self._unfollowed = None
        why = words if line[:4].isdigit() else f"{words}: {line}"
        effects = self._step_down(why)
        return [self._seen(at_ns, at_ns + _MS, effects, text)] if effects else []

    def _seen(self, since_ns: int, at_ns: int, effects: list[Effect], text: str) -> Seen:
        self._last_ns = max(at_ns, self._last_ns)
        return Seen(
            self._last_ns,
            self._watched.sid,
            self._watched.inc,
            self._next_seq(),
            min(since_ns, self._last_ns),
            Source.LOG,
            None,
            tuple(effects),
            text,
        )

    # ---- votes

    def _voted(self, words: str, at_ns: int) -> tuple[int, list[Effect]]:
        found = _NOTIFICATION.match(words)
        if found is None or self._state not in (None, ServerState.LOOKING):
            return at_ns, []
        sender, vote = _vote(found)
        since_ns = self._votes.take(sender, vote, at_ns)
        return (at_ns, []) if since_ns is None else (since_ns, [Proposed(vote)])

    # ---- states

    def _said(self, speaker: str, words: str, at_ns: int) -> list[Effect]:
        if speaker == "QuorumPeer":
            return self._changed(words, at_ns)
        if speaker == "Leader":
            return self._led(words)
        found = next((joins for joins in (one.match(words) for one in _JOINS) if joins), None)
        if found is not None:
            whom = found.group(1)
            return self._joined(Sid(int(whom)) if whom.isdigit() else self._watched.hosts.get(whom))
        return self._step_down(words) if _EXITING.match(words) else []

    def _led(self, words: str) -> list[Effect]:
        supported = _SUPPORTED.match(words)
        if supported is not None:
            return [Serving(epoch_of(_signed(supported.group(1))))]
        shutdown = _SHUTDOWN.match(words)
        return [] if shutdown is None else self._step_down(shutdown.group(1))

    def _changed(self, words: str, at_ns: int) -> list[Effect]:
        changed = _PHASE.match(words)
        if changed is not None:
            state, phase = changed.groups()
        elif _OWN_STATE.fullmatch(words):
            state, phase = words.rpartition(" ")[2], None
        else:
            return []
        return self._enter(ServerState[state.upper()], Phase(phase) if phase else None, at_ns)

    def _enter(self, state: ServerState, phase: Phase | None, at_ns: int) -> list[Effect]:
        """``phase`` is ``None`` where a line names the state alone."""
        if state is not self._state:
            return self._enter_anew(state, at_ns)
        if phase is None or phase is self._phase:
            return []
        self._phase = phase
        self._left = False
        effects: list[Effect] = []
        if phase is Phase.BROADCAST and state is not ServerState.LEADING:
            epoch = self._learned_epoch()
            effects += [] if epoch is None else [Serving(epoch)]
        return [*effects, Entered(state, phase)]

    def _enter_anew(self, state: ServerState, at_ns: int) -> list[Effect]:
        looked = self._state in (None, ServerState.LOOKING)
        effects = self._step_down(_LOOKS if state is ServerState.LOOKING else _NO_ELECTION)
        # The line that names the phase comes a little later; no peer does anything between.
        self._phase = Phase.DISCOVERY
        if state is ServerState.LOOKING:
            if self._state is not None:
                self._votes.forget()
            self._votes.look(at_ns)
            self._elected = True
            self._phase = Phase.ELECTION
        else:
            self._left = False
            effects += self._decided(state, at_ns) if looked else self._designated(state)
        self._state = state
        return [*effects, Entered(state, self._phase)]

    def _decided(self, state: ServerState, at_ns: int) -> list[Effect]:
        """By its votes, as far as they show; whom it joins shows for sure when it connects."""
        found = self._votes.decided(state, at_ns)
        if found is None:
            return []
        vote, how = found
        self._leader = vote.leader
        return [Decided(vote, state, (), how)]

    def _designated(self, state: ServerState) -> list[Effect]:
        """A reconfiguration made it leader, or has it join another."""
        if state is not ServerState.LEADING:
            return []
        self._leader = self._watched.sid
        return [Decided(_bare(self._leader), state, (), Exit.DESIGNATED)]

    def _joined(self, leader: Sid | None) -> list[Effect]:
        state = self._state
        learns = state in (ServerState.FOLLOWING, ServerState.OBSERVING)
        if state is None or not learns or leader is None or leader == self._leader:
            return []
        self._leader = leader
        how = Exit.OUT_OF_ELECTION if self._elected else Exit.DESIGNATED
        return [Decided(self._votes.naming(leader), state, (), how)]

    def _step_down(self, why: str) -> list[Effect]:
        if self._left:
            return []
        self._left = True
        self._leader, self._elected = None, False
        return [SteppedDown(why)]


class _Votes:
    """The notifications of one election, as far as the log tells them."""

    def __init__(self, sid: Sid, verifier: QuorumVerifier) -> None:
        self._sid = sid
        self.verifier = verifier
        self._own: Vote | None = None
        self._own_ns = 0
        self._owned: set[Vote] = set()  # in this election
        self._looking: dict[Sid, Vote] = {}
        self._settled: dict[Sid, Vote] = {}
        self._first_ns: dict[tuple[Sid, Zxid, PeerEpoch], int] = {}
        self._look_ns = 0

    def take(self, sender: Sid, vote: Vote, at_ns: int) -> int | None:
        """Count it. If it is a new proposal of the server itself: since when it may have it."""
        if sender == self._sid and vote in self._owned:
            return None  # its receiver answers its own laggard votes, too, if need be too late
        if vote.state != ServerState.LOOKING:
            self._settled[sender] = vote
            before = self._looking.get(sender)
            if before is not None and (before.round, before.leader) != (vote.round, vote.leader):
                del self._looking[sender]  # the vote was old: a new link begins with the last one
            return None
        self._looking[sender] = vote
        what = (vote.leader, vote.zxid, vote.peer_epoch)
        if sender != self._sid:
            self._first_ns.setdefault(what, at_ns)
            return None
        self._owned.add(vote)
        self._own, self._own_ns = vote, at_ns
        # Its own vote comes back some time later: it has had it since it looks for a leader,
        # or since it first heard it from another.
        return max(self._look_ns, self._first_ns.get(what, self._look_ns))

    def look(self, at_ns: int) -> None:
        """A new election: the server proposes anew, though it may have heard others already."""
        self._own = None
        self._owned.clear()
        self._look_ns = at_ns

    def forget(self) -> None:
        """The election is over, and so is what was heard in it."""
        self._looking.clear()
        self._settled.clear()
        self._first_ns.clear()

    def naming(self, leader: Sid) -> Vote:
        """The vote for ``leader`` that was heard last; with nothing but its name if none was."""
        heard = [*self._looking.values(), *self._settled.values()]
        found = [vote for vote in heard if vote.leader == leader]
        best = max(found, key=lambda vote: (vote.round, vote.peer_epoch), default=None)
        return _bare(leader) if best is None else best

    def decided(self, state: ServerState, at_ns: int) -> tuple[Vote, Exit] | None:
        """What the server must have decided when it now is in ``state``, if that shows."""
        if state is ServerState.LEADING:  # by itself, whatever it proposed a moment ago
            return self.naming(self._sid), Exit.FINALIZED
        elected = self._elected(observes=state is ServerState.OBSERVING)
        leading = self._leading()
        soon = leading is not None and at_ns - self._own_ns < _FINALIZE_NS
        if elected is not None and not soon:  # it waits so long for a better vote
            return elected, Exit.FINALIZED
        if leading is None:
            return None if self._own is None else (self._own, Exit.FINALIZED)
        round_ = max((vote.round for vote in self._looking.values()), default=None)
        return leading, Exit.SAME_ROUND if round_ == leading.round else Exit.OUT_OF_ELECTION

    def _elected(self, *, observes: bool) -> Vote | None:
        """The vote of a quorum of LOOKING servers: the own one, or for an observer any.

        An observer proposes what it hears to the voters, but not to itself: no line shows it.
        """
        own = [] if self._own is None else [self._own]
        for vote in self._looking.values() if observes else own:
            support = {sid for sid, other in self._looking.items() if other.agrees_with(vote)}
            if self.verifier.contains_quorum(support):
                return vote
        return None

    def _leading(self) -> Vote | None:
        """The vote of who says that it leads, of the highest epoch."""
        leading = [
            vote
            for sender, vote in self._settled.items()
            if vote.state == ServerState.LEADING and vote.leader == sender
        ]
        return max(leading, key=lambda vote: (vote.peer_epoch, vote.round), default=None)


def _bare(leader: Sid) -> Vote:
    """A vote of which no more is known than whom it is for."""
    return Vote(leader, Zxid(UNSET), Round(0), PeerEpoch(UNSET))


def _vote(found: re.Match[str]) -> tuple[Sid, Vote]:
    _, sender, state, leader, round_, epoch, zxid, version = found.groups()
    vote = Vote(
        Sid(int(leader)),
        Zxid(_signed(zxid)),
        Round(_signed(round_)),
        PeerEpoch(_signed(epoch)),
        ServerState[state],
        _signed(version),
    )
    return Sid(int(sender)), vote


def _signed(text: str) -> int:
    return wrap64(int(text, 16))


def _wall_ns(text: str) -> int:
    passed = datetime.fromisoformat(f"{text}+00:00") - _EPOCH
    return (passed // timedelta(microseconds=1)) * 1000
