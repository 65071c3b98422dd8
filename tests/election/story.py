"""A small language for stories about one peer: lines that go in, effects that come out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, hex64, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.election.vote import Vote


def sids(text: str) -> list[Sid]:
    """``1,2,5-7`` as numbers."""
    found: list[Sid] = []
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        found += [Sid(n) for n in range(int(low), int(high or low) + 1)]
    return found


def configuration(
    voters: str, observers: str = "", version: int = 0, weights: str = "", groups: str = ""
) -> Configuration:
    """Members on 127.0.0.sid; ``weights`` as ``1:2,3:0``, ``groups`` as ``1-3|4-6``."""
    members = {
        sid: Member(
            sid,
            ((Address(f"127.0.0.{sid}", 2888), Address(f"127.0.0.{sid}", 3888)),),
            votes,
        )
        for text, votes in ((voters, True), (observers, False))
        for sid in sids(text)
    }
    heavy = {Sid(int(s)): int(w) for s, w in re.findall(r"(\d+):(\d+)", weights)}
    parts = [frozenset(sids(part)) for part in groups.split("|") if part]
    if heavy and not parts:
        parts = [frozenset(sids(voters))]
    return Configuration(
        MappingProxyType(members),
        version,
        MappingProxyType(dict(enumerate(parts, 1))),
        MappingProxyType(heavy),
    )


class Story:
    """One peer, driven line by line."""

    def __init__(self) -> None:
        self.peer: QuorumPeer | None = None
        self.config = configuration("1-3")

    def tell(self, line: str) -> list[str]:
        """What the peer answers to one line."""
        word, *rest = line.split()
        facts = dict(part.split("=", 1) for part in rest if "=" in part)
        plain = [part for part in rest if "=" not in part]
        if word == "peer":
            return self._peer(plain, facts)
        assert self.peer is not None, "a story starts with a peer"
        return [show(effect) for effect in self.peer.step(self._input(word, plain, facts))]

    def _peer(self, plain: list[str], facts: dict[str, str]) -> list[str]:
        self.config = _configuration(facts)
        last_seen = facts.get("seen")
        self.peer = QuorumPeer(
            PeerSpec(
                Sid(int(plain[0])),
                self.config.text(),
                None if last_seen is None else _seen(last_seen).text(),
                PeerEpoch(int(facts.get("accepted", facts.get("epoch", "0")))),
                PeerEpoch(int(facts.get("epoch", "0"))),
                _zxid(facts.get("zxid", "0")),
                timings=Timings(epoch_wait_ms=int(facts.get("epoch-wait", "-1"))),
                reconfig_enabled="fixed" not in plain,
                tree=bytes.fromhex(facts.get("tree", "")),
                log=_log(facts.get("log", "")),
            )
        )
        return []

    def _input(self, word: str, plain: list[str], facts: dict[str, str]) -> fx.Input:
        match word:
            case "start":
                return fx.Start()
            case "hear":
                return fx.Deliver(Sid(int(plain[0])), self._notification(plain[1:], facts))
            case "expire":
                conn = int(plain[1]) if len(plain) > 1 and plain[1].isdigit() else 0
                return fx.Expire(fx.Timer(fx.TimerKind(plain[0]), conn), "delivered" in plain)
            case "learner":
                return fx.LearnerConnected(int(plain[0]))
            case "connected":
                return fx.LeaderConnected(int(plain[0]))
            case "refused":
                return fx.LeaderRefused("refused")
            case "lost":
                return fx.ConnectionLost(int(plain[0]), "end of file")
            case "packet":
                return fx.PacketRead(int(plain[0]), _packet(plain[1], plain[2:], facts))
            case "reconfigure":
                text = facts["text"] if "text" in facts else _configuration(facts).text()
                return fx.Reconfigure(text, "propose" not in plain)
            case "skew":
                return _skew(plain, facts)
            case "work":
                return fx.Work(int(plain[0]), int(facts.get("payload", "0")))
        raise AssertionError(f"no such line: {word}")

    def _notification(self, plain: list[str], facts: dict[str, str]) -> Notification:
        state = plain[0]
        number = int(state) if state.isdigit() else ServerState[state.upper()]
        leader, zxid, epoch = plain[1].split("/")
        version = int(facts.get("format", "2"))
        config: str | None = self.config.text() if version >= 2 else None
        if "voters" in facts:
            config = _configuration(facts).text()
        if "text" in facts:
            config = facts["text"].replace("\\n", "\n")
        return Notification(
            number,
            Sid(int(leader)),
            _zxid(zxid),
            Round(int(plain[2].removeprefix("r"), 0)),
            PeerEpoch(int(epoch)),
            version,
            config,
        )


def _configuration(facts: dict[str, str]) -> Configuration:
    return configuration(
        facts["voters"],
        facts.get("observers", ""),
        int(facts.get("version", "0")),
        facts.get("weights", ""),
        facts.get("groups", ""),
    )


def _seen(text: str) -> Configuration:
    voters, version = text.split("@")
    return configuration(voters, version=int(version))


def _zxid(text: str) -> Zxid:
    epoch, colon, counter = text.partition(":")
    return zxid_of(int(epoch), int(counter)) if colon else Zxid(int(text, 0))


def _skew(plain: list[str], facts: dict[str, str]) -> fx.Input:
    numbers = {key: int(value, 0) for key, value in facts.items()}
    match plain[0]:
        case "round":
            return fx.SkewRound(numbers.get("by"), numbers.get("to"))
        case "zxid":
            return fx.SkewZxid(_zxid(plain[1]))
        case _:
            accepted, current = numbers.get("accepted"), numbers.get("current")
            return fx.SkewEpochs(
                None if accepted is None else PeerEpoch(accepted),
                None if current is None else PeerEpoch(current),
            )


def txn(text: str, body: bytes = b"", kind: int = 1) -> pk.Txn:
    """The transaction ``epoch:counter``; nobody's, and of no time."""
    return pk.Txn(_zxid(text), 0, 0, 0, kind, body)


def _log(text: str) -> tuple[pk.Txn, ...]:
    """``1:1-3,2:1`` as transactions."""
    found: list[pk.Txn] = []
    for part in filter(None, text.split(",")):
        epoch, _, counters = part.partition(":")
        found += [txn(f"{epoch}:{counter}") for counter in sids(counters)]
    return tuple(found)


def _reconfig(facts: dict[str, str]) -> tuple[bytes, int]:
    """The record of a reconfiguration, if the line names voters, and the kind."""
    if "voters" not in facts:
        return b"", 1
    parts = (b"/zookeeper/config", _configuration(facts).text().encode())
    record = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return record + (-1).to_bytes(4, "big", signed=True), 16


def _transaction(kind: str, plain: list[str], facts: dict[str, str]) -> pk.Packet | None:
    numbers = {key: int(facts.get(key, "0"), 0) for key in ("session", "cxid", "kind", "timeout")}
    body = bytes.fromhex(facts.get("body", ""))
    match kind:
        case "snap":
            return pk.Snap(_zxid(plain[0]), bytes.fromhex(facts.get("tree", "")))
        case "proposal":
            return pk.Proposal(txn(plain[0], *_reconfig(facts)))
        case "commit":
            return pk.Commit(_zxid(plain[0]))
        case "activate":
            return pk.CommitAndActivate(_zxid(plain[0]), Sid(int(facts["leader"])))
        case "inform":
            return pk.Inform(txn(plain[0], *_reconfig(facts)))
        case "informactivate":
            informed = txn(plain[0], *_reconfig(facts))
            return pk.InformAndActivate(informed, Sid(int(facts["leader"])))
        case "request":
            return pk.Request(numbers["session"], numbers["cxid"], numbers["kind"], body)
        case "revalidate":
            return pk.Revalidate(numbers["session"], numbers["timeout"])
    return None


def _packet(kind: str, plain: list[str], facts: dict[str, str]) -> pk.Packet:
    found = _transaction(kind, plain, facts)
    if found is not None:
        return found
    zxid = _zxid(plain[0]) if plain and kind not in ("leaderinfo", "hello") else Zxid(0)
    match kind:
        case "hello":
            sid = Sid(int(facts["sid"])) if "sid" in facts else None
            accepted = PeerEpoch(int(facts.get("accepted", "0")))
            version = int(facts.get("config", "0"))
            return pk.LearnerHello(sid, accepted, version, observer="observer" in plain)
        case "leaderinfo":
            return pk.LeaderInfo(PeerEpoch(int(plain[0])))
        case "ackepoch":
            return pk.AckEpoch(zxid, PeerEpoch(int(facts["current"])))
        case "diff":
            return pk.Diff(zxid)
        case "trunc":
            return pk.Trunc(zxid)
        case "newleader":
            text = _configuration(facts).text() if "voters" in facts else facts.get("text")
            return pk.NewLeader(zxid, text)
        case "ack":
            return pk.Ack(zxid)
        case "uptodate":
            return pk.UpToDate()
        case "ping":
            heard = tuple((int(sid), 4000) for sid in facts.get("sessions", "").split(",") if sid)
            return pk.Ping(zxid, "answer" in plain, heard)
    return pk.OtherPacket(int(kind), zxid)


def show_vote(vote: Vote) -> str:
    """``leader/zxid/epoch rN``."""
    return f"{vote.leader}/{_hex(vote.zxid)}/{vote.peer_epoch} r{vote.round}"


def _hex(zxid: int) -> str:
    return hex64(zxid) if zxid >= 0 else str(zxid)


def _config(text: str) -> str:
    servers = re.findall(r"server\.(\d+)=\S+:(\w+)", text)
    names = ",".join(sid + ("" if kind == "participant" else "o") for sid, kind in servers)
    return f"{names}@{text.rpartition('=')[2]}"


def show(effect: fx.Effect) -> str:
    """One effect on one line."""
    match effect:
        case fx.Send(to=to, notification=n):
            state = ServerState(n.state).name
            vote = f"{n.leader}/{_hex(n.zxid)}/{n.peer_epoch} r{n.round}"
            whom = ",".join(map(str, to)) or "nobody"
            return f"send to {whom}: {state} {vote} config {_config(n.config or '')}"
        case fx.Arm(timer=timer, delay_ms=delay):
            return f"arm {_timer(timer)} {delay} ms"
        case fx.Disarm(timer=timer):
            return f"disarm {_timer(timer)}"
        case fx.Proposed(vote=vote):
            return f"proposed {show_vote(vote)}"
        case fx.QuorumSeen(vote=vote, support=support):
            return f"quorum {','.join(map(str, support))} for {show_vote(vote)}"
        case fx.Decided(vote=vote, state=state, support=support, how=how):
            by = ",".join(map(str, support))
            return f"decided {state.name} under {show_vote(vote)} by {by} ({how})"
        case fx.Entered(state=state, phase=phase):
            return f"entered {state.name} {phase}"
        case fx.PersistConfig(config=text, active=active):
            return f"persist {'config' if active else 'config.next'} {_config(text)}"
        case fx.RestartElectionLayer(config=text):
            return f"restart the election layer with {_config(text)}"
        case fx.SendPacket(conn=conn, packet=packet):
            return f"packet to {conn}: {' '.join(_fields(packet))}"
        case _:
            return " ".join(_fields(effect))


def _timer(timer: fx.Timer) -> str:
    return f"{timer.kind} {timer.conn}" if timer.conn else str(timer.kind)


def _fields(record: object) -> Iterator[str]:
    yield type(record).__name__
    for name in getattr(type(record), "__slots__", ()):
        value = getattr(record, name)
        if name == "zxid":
            yield f"zxid={_hex(value)}"
        elif name == "config" and isinstance(value, str):
            yield f"config={_config(value)}"
        elif isinstance(value, pk.Txn):
            yield _show_txn(value)
        elif name == "txns":
            yield f"txns={','.join(map(_show_txn, value)) or 'none'}"
        elif isinstance(value, bytes):
            yield f"{name}={value.hex() or 'smallest'}"
        elif name != "protocol" and (name, value) != ("sessions", ()):
            yield f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}"


def _show_txn(txn: pk.Txn) -> str:
    """Its zxid; then what says more than that: whose, of what kind, and its record."""
    parts = [_hex(txn.zxid)]
    if txn.kind != 1:
        parts.append(f"kind {txn.kind}")
    if txn.session or txn.cxid:
        parts.append(f"session {txn.session} cxid {txn.cxid}")
    if txn.body and txn.kind != 16:
        parts.append(txn.body.hex())
    return f"({' '.join(parts)})"
