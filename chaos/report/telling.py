"""Events of a history in words: who, and what happened."""

from __future__ import annotations

from chaos.election.effects import (
    Append,
    Committed,
    ConnectionLost,
    Decided,
    Deliver,
    Effect,
    Entered,
    Expire,
    Ignored,
    Input,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    PacketRead,
    Persist,
    PersistConfig,
    Proposed,
    QuorumSeen,
    Reconfigure,
    Restore,
    Send,
    SendPacket,
    Serving,
    SkewEpochs,
    SkewRound,
    SkewZxid,
    Start,
    SteppedDown,
    Truncate,
    Work,
)
from chaos.election.ids import hex64
from chaos.history.answers import Answered, answer
from chaos.history.events import (
    UNSURE_NS,
    Aborted,
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    Held,
    Left,
    LinkClosed,
    LinkOpened,
    Listed,
    Lost,
    Recalled,
    Rejected,
    RunBegan,
    RunEnded,
    Sampled,
    Seen,
    Source,
    StepBegan,
    StepEnded,
    Stepped,
    Used,
    Wrote,
    unsure_ns,
)
from chaos.report import words
from chaos.report.handshakes import packet_words


def who(event: Event) -> str:
    """``peer 3``, or ``chaos`` for what the harness did or saw."""
    match event:
        case Acted() | StepBegan() | StepEnded() | Sampled() | Aborted() | RunBegan() | RunEnded():
            return "chaos"
        case Recalled() | Listed():
            return "a client"
        case Answered():
            return f"who was asked about peer {event.sid}"
        case _:
            return f"peer {event.sid}"


def what(event: Event) -> str:
    """What happened, as one sentence without its subject."""
    match event:
        case Stepped():
            return stepped(event)
        case Seen():
            return seen(event)
        case Wrote() | Lost() | LinkOpened() | LinkClosed() | Rejected():
            return _linked(event)
        case Began() | Appeared() | Exited() | Left() | Held():
            return _lived(event)
        case Recalled() | Listed() | Answered():
            return _looked(event)
        case _:
            return _harnessed(event)


def _linked(event: Wrote | Lost | LinkOpened | LinkClosed | Rejected) -> str:
    match event:
        case Wrote():
            again = ", repeating the last message on a new link" if event.again else ""
            if event.copied_by:
                again = f" a second time, by step {event.copied_by}"
            if event.corrupted_by:
                again += f", byte {event.byte} changed by step {event.corrupted_by}"
            return f"writes to {event.to}{again} (frame {event.frame} of {event.link})"
        case Lost():
            fault = f", by step {event.fault}" if event.fault else ""
            return f"loses a message for {event.to}: {event.why}{fault}"
        case LinkOpened():
            way = "dialed" if event.dialed else "accepted"
            return f"has a link to {event.other} ({way}, {event.link})"
        case LinkClosed():
            return f"has no link to {event.other} any more: {event.why}"
        case Rejected():
            return f"rejects what came from {event.source} on the {event.port} port: {event.why}"


def _lived(event: Began | Appeared | Exited | Left | Held) -> str:
    match event:
        case Began():
            log = f"zxid {hex64(event.spec.last_zxid)}, epoch {event.spec.current_epoch}"
            return f"stands as process {event.pid}, start {event.inc} ({log})"
        case Appeared():
            log = f"zxid {hex64(event.zxid)}, epoch {event.current_epoch}"
            program = f"{event.kind} {event.version}"
            return f"stands as process {event.pid} of {program}, start {event.inc} ({log})"
        case Exited(status=status) if status < 0:
            return f"ended by signal {-status}"
        case Exited():
            return f"ended with status {event.status}"
        case Left():
            return f"ends by itself: {event.why}"
        case Held():
            return f"holds at the gate of {event.name}, line {event.line}, until it is let go"


def _looked(event: Recalled | Listed | Answered) -> str:
    if isinstance(event, Answered):
        return f"answers {event.step}: {answer(event)}"
    if isinstance(event, Listed):
        found = f"finds {len(event.names)} nodes" if not event.why else f"cannot: {event.why}"
        return f"looks below {event.path}: {found}"
    missing = f"misses {', '.join(event.missing)}" if event.missing else "misses none"
    found = f"cannot: {event.why}" if event.why else missing
    return f"looks for {event.acknowledged} writes of workload {event.workload}: {found}"


_Harnessed = RunBegan | RunEnded | StepBegan | StepEnded | Acted | Sampled | Aborted | Used


def _harnessed(event: _Harnessed) -> str:  # noqa: PLR0911 - one sentence for each record
    match event:
        case RunBegan():
            return f"begins plan {event.plan} on {event.system}, seed {event.seed}: time zero"
        case RunEnded():
            return f"ends the run: {event.why}"
        case StepBegan():
            on = f" on {words.sids(event.targets)}" if event.targets else ""
            return f"begins step {event.step}{on}"
        case StepEnded():
            why = f": {event.why}" if event.why else ""
            return f"ends step {event.step}: {event.outcome}{why}"
        case Acted():
            facts = ", ".join(f"{name} {fact}" for name, fact in event.evidence.facts.items())
            took = words.duration(event.done_ns - event.at_ns)
            proof = f"; {facts}" if facts else ""
            return f"{words.action(event.action)}, in effect after {took}{proof}"
        case Sampled():
            return f"its canary woke {words.duration(event.late_ns)} late"
        case Aborted():
            return f"ends the steps by {event.name}: {event.why}"
        case Used():
            held = f"holds {event.descriptors} descriptors and {event.rss_kib:,} KiB of memory"
            waited = words.duration(event.waited_ns)
            return f"{held}, has waited {waited} for a CPU" if event.waited_ns else held


def stepped(event: Stepped) -> str:
    """What came in, and what the rules made of it."""
    told = [said for effect in event.effects if (said := _effect(effect))]
    outcome = "; ".join(told) if told else "nothing follows"
    return f"{_happened(event.happened)} → {outcome}"


_SEEN_IN = {
    Source.LOG: "its log says",
    Source.WIRE: "packets show",
    Source.PROBE: "it answers",
}


def seen(event: Seen) -> str:
    """What was seen of a server that keeps no journal, where, and how exactly in time."""
    told = [] if event.happened is None else [_happened(event.happened)]
    told += [said for effect in event.effects if (said := _effect(effect))]
    words_of_it = f" ({event.text})" if event.text else ""
    unsure = unsure_ns(event)
    when = f", some time in {words.duration(unsure)}" if unsure > UNSURE_NS else ""
    return f"{_SEEN_IN[event.source]}: {'; '.join(told) or 'nothing new'}{words_of_it}{when}"


def _happened(happened: Input) -> str:
    match happened:
        case Start():
            return "comes up"
        case Deliver():
            note = happened.notification
            said = words.vote(note.leader, note.zxid, note.round)
            return f"hears {words.state(note.state)} {said} from {happened.sender}"
        case Expire(timer=timer):
            return f"its {timer.kind.value.replace('_', ' ')} timer runs out"
        case PacketRead():
            kind, text = packet_words(happened.packet)
            return f"reads {kind} ({text}) on connection {happened.conn}"
        case LearnerConnected() | LeaderConnected() | LeaderRefused() | ConnectionLost():
            return _connection(happened)
        case SkewRound() | SkewZxid() | SkewEpochs() | Reconfigure() | Work():
            return _ordered(happened)


def _connection(
    happened: LearnerConnected | LeaderConnected | LeaderRefused | ConnectionLost,
) -> str:
    match happened:
        case LearnerConnected():
            return f"a learner connects ({happened.conn})"
        case LeaderConnected():
            return "reaches the leader"
        case LeaderRefused():
            return f"does not reach the leader: {happened.why}"
        case ConnectionLost():
            return f"loses connection {happened.conn}: {happened.why}"


def _ordered(happened: SkewRound | SkewZxid | SkewEpochs | Reconfigure | Work) -> str:
    match happened:
        case SkewRound():
            way = f"by {happened.by:+}" if happened.by is not None else f"to {happened.to}"
            return f"its logical clock is moved {way}"
        case SkewZxid():
            return f"its last zxid becomes {hex64(happened.zxid)}"
        case SkewEpochs():
            return f"its epochs become {happened.accepted} / {happened.current}"
        case Reconfigure():
            return "is given a configuration"
        case Work():
            return f"is to propose {happened.per_s} transactions a second while it leads"


def _effect(effect: Effect) -> str:
    """What matters of an effect; timers and connections do not."""
    match effect:
        case Entered():
            return f"{effect.state.name}, {effect.phase.value}"
        case Proposed() | QuorumSeen() | Decided():
            return _voted(effect)
        case Serving():
            return f"epoch {effect.epoch} is established"
        case SteppedDown():
            return f"steps down: {effect.why}"
        case Ignored():
            return f"ignored: {effect.why}"
        case _:
            return _performed(effect)


def _voted(effect: Proposed | QuorumSeen | Decided) -> str:
    vote = effect.vote
    match effect:
        case Proposed():
            return f"proposes {words.vote(vote.leader, vote.zxid, vote.round)}"
        case QuorumSeen():
            return f"sees a quorum for {vote.leader}: {words.sids(effect.support)}"
        case Decided():
            how = effect.how.value.replace("_", " ")
            return f"decides on {vote.leader} ({how}; {words.sids(effect.support)})"


def _performed(effect: Effect) -> str:
    match effect:
        case Send():
            note = effect.notification
            said = words.vote(note.leader, note.zxid, note.round)
            return f"tells {', '.join(str(sid) for sid in effect.to)}: {said}" if effect.to else ""
        case SendPacket():
            return f"sends {packet_words(effect.packet)[0]}"
        case Persist():
            value = hex64(effect.value) if effect.name == "zxid" else str(effect.value)
            return f"{effect.name} {value} on disk"
        case Append() | Truncate() | Restore() | Committed():
            return _logged(effect)
        case PersistConfig():
            return f"{'committed' if effect.active else 'proposed'} configuration on disk"
        case _:
            return ""


def _logged(effect: Append | Truncate | Restore | Committed) -> str:
    match effect:
        case Append(txns=txns):
            return f"{len(txns)} transactions logged, up to {hex64(txns[-1].zxid)}"
        case Truncate():
            return f"log cut to {hex64(effect.zxid)}"
        case Restore():
            more = f" and {len(effect.txns)} transactions" if effect.txns else ""
            return f"log replaced by the tree as of {hex64(effect.zxid)}{more}"
        case Committed():
            return f"{hex64(effect.zxid)} is committed"
