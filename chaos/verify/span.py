"""A span in which an ensemble was left alone, and what became of it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chaos.election.effects import Send
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.timings import Timings
from chaos.history.events import Stepped

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Was:
    """What a member of S was at some time. ``resend_ms`` is its notification wait.

    ``newer``: its configuration is newer than that of whom it follows, who refuses it until it
    has looked for a leader itself (``LearnerHandler.run``: "Follower is ahead of the leader").
    """

    state: ServerState
    serving: bool
    resend_ms: int
    newer: bool = False


@dataclass(slots=True)
class Span:
    """``members`` were left alone from ``from_ns`` until ``to_ns``.

    ``cut_ns`` is how far the history goes where nothing else ended it, else ``None``. Times of
    what happened are ``None`` while it had not: ``served`` the first time that one of them
    leads a quorum of them, ``joined`` by member, ``lost`` when that leader led no more.
    """

    members: frozenset[Sid]
    from_ns: int
    index: int
    timings: Timings
    delay_ns: int
    held: Mapping[Sid, Was]
    to_ns: int = 0
    by_end: bool = False
    leader: Sid | None = None
    epoch: int = 0
    served: tuple[int, int] | None = None  # at, event
    at_serve: dict[Sid, Was] = field(default_factory=dict)
    joined: dict[Sid, tuple[int, int]] = field(default_factory=dict)
    accepted: dict[Sid, int] = field(default_factory=dict)  # promises, at the end
    versions: dict[Sid, int] = field(default_factory=dict)  # of committed configurations, then
    looks: dict[Sid, int] = field(default_factory=dict)  # who does at the end, and its wait, ms
    lost: tuple[int, int] | None = None
    failed: dict[Sid, int] = field(default_factory=dict)  # handshakes left without serving
    words: dict[Sid, tuple[int, bool]] = field(default_factory=dict)  # first ones, see `mute`
    failed_later: dict[Sid, int] = field(default_factory=dict)  # after ``served``
    spoiled: bool = False  # the tester had changed a log or an epoch: a leader may have to end

    def mute(self, ns: int) -> str:
        """Who said nothing for longer than ``ns``, and why it need not; empty if all spoke.

        Each notification begins the wait of who hears it anew, and a little after that of who
        sent it. Of two that wait for as long, the longest that there is, the one that has spoken
        is always first, and a vote of the other that was lost is never said again.
        """
        for sid, (at_ns, outspoken) in sorted(self.words.items()):
            if outspoken and at_ns - self.from_ns > ns:
                return (
                    f"peer {sid} said nothing for {(at_ns - self.from_ns) / 1e9:.3f} s: it waits "
                    f"{self.timings.notification_ms_max} ms, and hears another as often"
                )
        return ""

    def excuse(self, sid: Sid) -> str:
        """Why the rules keep a member from its leader, or nothing."""
        return self._barred(sid) or self._drowned(sid)

    def _barred(self, sid: Sid) -> str:
        """Why its leader and it part again and again, until the next election.

        It has promised a higher epoch; or it has a newer configuration, for which its leader
        refuses it (``LearnerHandler.run``: "Follower is ahead of the leader").
        """
        if self.leader is None:
            return ""
        if self.accepted[sid] > self.epoch:
            return (
                f"it promised epoch {self.accepted[sid]}, and peer {self.leader} serves epoch "
                f"{self.epoch}"
            )
        mine, its = self.versions[sid], self.versions[self.leader]
        if mine > its:
            return f"its configuration, {mine:x}, is newer than peer {self.leader}'s, {its:x}"
        return ""

    def _drowned(self, sid: Sid) -> str:
        """Who speaks so often that it never says again a vote that was lost before the span.

        Each notification begins its wait anew (``FastLeaderElection.lookForLeader`` polls its
        queue for that long), and who goes round looks once in each pause between two attempts.
        """
        wait = self.looks.get(sid, 0)
        if wait < self.timings.leader_connect_retry_ms:
            return ""
        for other in sorted(self.members - set(self.joined) - {sid, self.leader}):
            if self._barred(other):
                return f"peer {other} goes round, and speaks before its {wait} ms are over"
        return ""

    def begin_anew(self) -> None:
        """The leadership that it began with was not to last: what broke it came before."""
        self.served, self.leader, self.epoch = None, None, 0
        self.joined.clear()
        self.at_serve.clear()
        for sid, count in self.failed_later.items():
            self.failed[sid] = self.failed.get(sid, 0) + count
        self.failed_later.clear()


def inherited_ns(timings: Timings) -> int:
    """How long the silence of an earlier fault may still end a leadership."""
    return (timings.sync_limit + 2) * timings.tick_ms * _MS


def speaks(event: Stepped) -> bool:
    """Whether it says its vote to the others."""
    return any(
        isinstance(effect, Send) and effect.notification.state is ServerState.LOOKING
        for effect in event.effects
    )
