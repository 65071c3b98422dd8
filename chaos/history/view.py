"""An ensemble at one moment: a fold over its history, kept up while a run goes on.

What a selector (``leader``, ``followers``, …) and an outcome (``leader``, ``no_leader``)
mean is said here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.actions import (
    Block,
    Cut,
    Evidence,
    Kill,
    Launch,
    Pause,
    PortCut,
    Resume,
    SetEpochs,
    SetZxid,
    Terminate,
    Unblock,
)
from chaos.election.config import Configuration, Member, parse_configuration
from chaos.election.effects import (
    Append,
    Decided,
    Entered,
    Persist,
    PersistConfig,
    Phase,
    Proposed,
    Restore,
    Serving,
    SteppedDown,
    Truncate,
)
from chaos.election.ids import PeerEpoch, Sid, Zxid, zxid_of
from chaos.election.notification import ServerState
from chaos.election.vote import Vote
from chaos.ensemble import Runs
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Birth,
    Event,
    Exited,
    Left,
    Seen,
    Step,
    Stepped,
    config_of,
)


@dataclass(slots=True)
class PeerView:
    """One peer as last seen. ``epoch`` is set while its part of it is established."""

    sid: Sid
    up: bool = False
    paused: bool = False
    inc: int = -1
    state: ServerState = ServerState.LOOKING
    phase: Phase = Phase.ELECTION
    vote: Vote | None = None  # the decision it lives by
    proposal: Vote | None = None
    epoch: PeerEpoch | None = None
    config: Configuration | None = None
    proposed: Configuration | None = None  # not committed yet, as far as it knows
    accepted_epoch: PeerEpoch = PeerEpoch(0)  # these three as on its disk, also while down
    current_epoch: PeerEpoch = PeerEpoch(0)
    zxid: Zxid = Zxid(0)
    foreign: bool = False  # somebody else's program

    @property
    def alive(self) -> bool:
        """Running, and not stopped by SIGSTOP."""
        return self.up and not self.paused

    def follows(self, leader: Sid) -> bool:
        """Whether it is settled under ``leader``, or is that leader."""
        if self.state is ServerState.LOOKING or self.vote is None:
            return False
        return self.vote.leader == leader


@dataclass(slots=True)
class EnsembleView:
    """All peers as last seen. ``members`` is every sid that the plan names."""

    members: tuple[Sid, ...]
    config: Configuration
    peers: dict[Sid, PeerView] = field(default_factory=dict)
    now_ns: int = 0
    known: dict[Sid, Member] = field(default_factory=dict)  # where each peer was ever said to be
    blocks: dict[str, tuple[Cut | PortCut, ...]] = field(default_factory=dict)  # in place
    zones: dict[Sid, str] = field(default_factory=dict)  # of those that the plan gives one
    # Whom a pause met, and when: it may be the instant in which that start says its first line.
    _stopped: dict[Sid, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sid in self.members:
            self.peers.setdefault(sid, PeerView(sid))

    def observe(self, event: Event) -> None:
        """Take one event in."""
        self.now_ns = max(self.now_ns, event.at_ns)
        match event:
            case Began() | Appeared():
                paused = self._stopped.pop(event.sid, None) == (event.inc, event.at_ns)
                self.peers[event.sid] = _born(event)
                self.peers[event.sid].paused = paused
                self.known.update(parse_configuration(config_of(event)).members)
            case Exited() | Left() if self._inc(event.sid) <= event.inc:
                self._down(event.sid)
            case Acted():
                self._acted(event)
            case Stepped():
                _step(self.peers.setdefault(event.sid, PeerView(event.sid)), event)
            case Seen() if self._lives(event):
                _step(self.peers[event.sid], event)
            case _:
                pass

    def _acted(self, event: Acted) -> None:
        match event:
            case Acted(action=Kill(sid=sid) | Terminate(sid=sid), evidence=Evidence(bit=True)):
                self._down(sid)  # it was reaped; the line that says so may come later
            case Acted(action=Launch(sid=sid), evidence=Evidence(bit=True)):
                self._launched(sid)  # its own first line may come a second later
            case Acted(action=Pause(sid=sid)):
                self.peers[sid].paused = True
                self._stopped[sid] = (self.peers[sid].inc, event.at_ns)
            case Acted(action=Resume(sid=sid)):
                self.peers[sid].paused = False
            case Acted(action=SetEpochs() | SetZxid() as action, evidence=evidence):
                self._set(action, evidence)
            case Acted(action=Block() | Unblock()):
                self._blocked(event)
            case _:
                pass

    def _blocked(self, event: Acted) -> None:
        match event.action:
            case Block(name=name, cuts=cuts) if event.evidence.bit is not False:
                self.blocks[name] = cuts
            case Unblock(name=name) if "error" not in event.evidence.facts:
                self.blocks.pop(name, None)
            case _:
                pass

    def _set(self, action: SetEpochs | SetZxid, evidence: Evidence) -> None:
        """What the tester wrote to the files of a peer that is down; a running one says so."""
        if not any(fact.endswith(" on disk") for fact in evidence.facts):
            return
        peer = self.peers[action.sid]
        match action:
            case SetZxid(zxid=zxid):
                peer.zxid = Zxid(zxid)
            case SetEpochs(accepted=accepted, current=current):
                if accepted is not None:
                    peer.accepted_epoch = PeerEpoch(accepted)
                if current is not None:
                    peer.current_epoch = PeerEpoch(current)

    def _lives(self, event: Seen) -> bool:
        """Whether it is of a start that goes on: what was seen may be told after the end."""
        peer = self.peers.get(event.sid)
        return peer is not None and peer.up and peer.inc == event.inc

    def _down(self, sid: Sid) -> None:
        peer = self.peers.setdefault(sid, PeerView(sid))
        peer.up = peer.paused = False
        peer.epoch = peer.vote = None
        peer.state = ServerState.LOOKING

    def _inc(self, sid: Sid) -> int:
        return self.peers[sid].inc if sid in self.peers else -1

    def _launched(self, sid: Sid) -> None:
        peer = self.peers[sid]
        if not peer.up:
            peer.up = True
            peer.inc += 1

    @property
    def newest(self) -> Configuration:
        """The committed configuration of the highest version that any peer holds."""
        held = [peer.config for peer in self.peers.values() if peer.config is not None]
        return max([self.config, *held], key=lambda config: config.version)

    @property
    def in_force(self) -> tuple[Configuration, ...]:
        """The configurations by which votes count: the newest, and one proposed beyond it."""
        newest = self.newest
        beyond = [
            peer.proposed
            for peer in self.peers.values()
            if peer.proposed is not None and peer.proposed.version > newest.version
        ]
        return (newest, *sorted(beyond, key=lambda config: config.version)[-1:])

    def running(self, program: Runs) -> frozenset[Sid]:
        """The peers whose last start was of ``program``."""
        foreign = program is Runs.ZOOKEEPER
        return frozenset(sid for sid, peer in self.peers.items() if peer.foreign is foreign)

    @property
    def voters(self) -> frozenset[Sid]:
        """Voters of the newest committed configuration."""
        return self.newest.voters

    def followers_of(self, leader: Sid) -> frozenset[Sid]:
        """Living peers that are settled under ``leader``, itself included."""
        return frozenset(
            sid for sid, peer in self.peers.items() if peer.alive and peer.follows(leader)
        )

    def leaders(self) -> dict[Sid, PeerEpoch]:
        """Living peers that serve as leader with a quorum behind them, and their epochs."""
        found: dict[Sid, PeerEpoch] = {}
        for sid, peer in self.peers.items():
            if not peer.alive or peer.state is not ServerState.LEADING or peer.epoch is None:
                continue
            config = peer.config or self.config
            if config.verifier.contains_quorum(self.followers_of(sid)):
                found[sid] = peer.epoch
        return found

    @property
    def leader(self) -> Sid | None:
        """The leader of the highest epoch, if there is one now."""
        found = self.leaders()
        return max(found, key=lambda sid: found[sid]) if found else None

    def roles(self) -> Mapping[Sid, str]:
        """``leader``, ``follower``, ``observer``, ``looking``, ``paused`` or ``down``, by sid."""
        names = {
            ServerState.LOOKING: "looking",
            ServerState.FOLLOWING: "follower",
            ServerState.LEADING: "leader",
            ServerState.OBSERVING: "observer",
        }
        return {
            sid: "down" if not p.up else "paused" if p.paused else names[p.state]
            for sid, p in sorted(self.peers.items())
        }


def _born(event: Birth) -> PeerView:
    held = event.spec if isinstance(event, Began) else event
    return PeerView(
        event.sid,
        up=True,
        inc=event.inc,
        config=parse_configuration(held.config),
        proposed=_seen_last(event),
        accepted_epoch=held.accepted_epoch,
        current_epoch=held.current_epoch,
        zxid=held.zxid if isinstance(held, Appeared) else held.last_zxid,
        foreign=isinstance(event, Appeared),
    )


def _seen_last(event: Birth) -> Configuration | None:
    text = event.spec.last_seen if isinstance(event, Began) else None
    return None if text is None else parse_configuration(text)


def _step(peer: PeerView, event: Step) -> None:
    for effect in event.effects:
        match effect:
            case Entered() | Decided():
                _turn(peer, effect)
            case Proposed():
                peer.proposal = effect.vote
            case Serving() | Persist() | Append() | Truncate() | Restore():
                _hold(peer, effect)
            case SteppedDown():
                peer.epoch = None
            case PersistConfig(active=True):
                peer.config = parse_configuration(effect.config)
            case PersistConfig():
                peer.proposed = parse_configuration(effect.config)
            case _:
                pass


def _turn(peer: PeerView, effect: Entered | Decided) -> None:
    match effect:
        case Entered(state=state):
            if state is not peer.state or state is ServerState.LOOKING:
                peer.epoch = None
            peer.state, peer.phase = state, effect.phase
            if state is ServerState.LOOKING:
                peer.vote = None
        case Decided(state=state):
            peer.vote = effect.vote
            if peer.state is ServerState.LOOKING:  # seen from outside, the rest may come later
                peer.state, peer.phase = state, Phase.DISCOVERY


def _hold(peer: PeerView, effect: Serving | Persist | Append | Truncate | Restore) -> None:
    match effect:
        case Append(txns=txns) | Restore(txns=txns) if txns:
            peer.zxid = txns[-1].zxid
        case Truncate(zxid=zxid) | Restore(zxid=zxid):
            peer.zxid = zxid
        case Serving(epoch=epoch):
            peer.epoch = peer.accepted_epoch = peer.current_epoch = epoch
            if peer.state is ServerState.LEADING:
                peer.zxid = zxid_of(epoch)
        case Persist(name="acceptedEpoch"):
            peer.accepted_epoch = PeerEpoch(effect.value)
        case Persist(name="currentEpoch"):
            peer.current_epoch = PeerEpoch(effect.value)
        case Persist(value=value):
            peer.zxid = Zxid(value)
