"""From the ensemble as written to the one that a driver brings up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from chaos.election.ids import PeerEpoch, Sid, Zxid, epoch_of
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, LinkSetup, PeerSetup, QuorumKind
from chaos.plan.model import Where
from chaos.plan.problems import Problems
from chaos.plan.selectors import Ends
from chaos.plan.written_ensemble import (
    DefaultsText,
    EnsembleText,
    LinksText,
    PeerText,
    Role,
    TimingsText,
    Way,
)

_MS: Final = 1_000_000


def ensemble_of(text: EnsembleText, problems: Problems) -> EnsembleSetup:
    """The setup; what does not fit together is added to ``problems``."""
    peers = _peers(text, problems)
    timings = Timings() if text.timings is None else _timings(text.timings, problems)
    links = _links(text.links, peers, problems)
    return EnsembleSetup(peers, text.quorum, timings, links, text.reconfig)


def _peers(text: EnsembleText, problems: Problems) -> tuple[PeerSetup, ...]:
    if (text.size is None) == (not text.peers):
        problems.add(text.where, '"ensemble" needs either "size" or "peers"')
        return ()
    if text.size is not None:
        written = tuple(PeerText(text.where, Sid(n)) for n in range(1, text.size + 1))
    else:
        written = text.peers
    seen: set[Sid] = set()
    for peer in written:
        if peer.id in seen:
            problems.add(peer.where, f"peer {peer.id} is here twice")
        seen.add(peer.id)
        _counted(peer, text.quorum, problems)
    _outside(written, problems)
    if not any(peer.role is Role.VOTER and peer.member for peer in written):
        problems.add(text.where, "an ensemble of observers alone has no quorum; add a voter")
    setups = tuple(_peer(peer, text.defaults) for peer in written)
    _weighty(text, setups, problems)
    return setups


def _outside(peers: tuple[PeerText, ...], problems: Problems) -> None:
    """Who is no member is none of anything yet, and has to be the one who dials."""
    members = [peer.id for peer in peers if peer.member]
    for peer in peers:
        if peer.member:
            continue
        if peer.role is not Role.VOTER or peer.weight is not None or peer.group is not None:
            text = f"peer {peer.id} is no member: a change says what it becomes"
            problems.add(peer.where, f"{text}; no role, weight or group here")
        if members and peer.id < max(members):
            text = f"peer {peer.id} is no member, so that only it can dial, and of two peers the"
            problems.add(peer.where, f"{text} larger id does; give it one above {max(members)}")


def _counted(peer: PeerText, quorum: QuorumKind, problems: Problems) -> None:
    """Whether a peer has what its kind of quorum counts, and nothing that it does not."""
    if peer.weight is not None and quorum is QuorumKind.MAJORITY:
        problems.add(
            peer.where,
            f"peer {peer.id} has a weight, but a majority counts heads; add quorum: weighted",
        )
    if peer.group is not None and quorum is not QuorumKind.HIERARCHICAL:
        problems.add(peer.where, f"peer {peer.id} has a group; add quorum: hierarchical")
    if peer.group is None and quorum is QuorumKind.HIERARCHICAL and peer.role is Role.VOTER:
        problems.add(peer.where, f"peer {peer.id} needs a group in a hierarchical quorum")


def _weighty(text: EnsembleText, peers: tuple[PeerSetup, ...], problems: Problems) -> None:
    if text.defaults.weight is not None and text.quorum is QuorumKind.MAJORITY:
        problems.add(text.where, "the defaults have a weight; add quorum: weighted")
    if text.quorum is not QuorumKind.MAJORITY and not any(p.weight for p in peers if p.votes):
        problems.add(text.where, "no voter has weight, so there is no quorum")


def _peer(text: PeerText, defaults: DefaultsText) -> PeerSetup:
    """One peer. Unsaid, the current epoch is that of the zxid, and the accepted one the same."""
    zxid = Zxid(_first(text.zxid, defaults.zxid, 0))
    current = PeerEpoch(_first(text.epoch, defaults.epoch, max(0, epoch_of(zxid))))
    accepted = PeerEpoch(_first(text.accepted_epoch, defaults.accepted_epoch, current))
    return PeerSetup(
        sid=text.id,
        votes=text.role is Role.VOTER,
        weight=_first(text.weight, defaults.weight, 1),
        group=_first(text.group, None, 1),
        zone=text.zone,
        zxid=zxid,
        accepted_epoch=accepted,
        current_epoch=current,
        config_version=_first(text.config_version, defaults.config_version, 0),
        runs=text.runs,
        member=text.member,
    )


def _first(own: int | None, default: int | None, otherwise: int) -> int:
    if own is not None:
        return own
    return otherwise if default is None else default


def _timings(text: TimingsText, problems: Problems) -> Timings:
    found = Timings()
    spans = {
        "tick_ms": ("tick", text.tick),
        "connect_ms": ("connect_timeout", text.connect_timeout),
        "finalize_ms": ("finalize_wait", text.finalize_wait),
        "notification_ms_min": ("notification.first", text.notification.first),
        "notification_ms_max": ("notification.max", text.notification.max),
    }
    given: dict[str, int] = {}
    for name, (key, span_ns) in spans.items():
        if span_ns is None:
            continue
        if span_ns % _MS or span_ns == 0:
            problems.add(text.where, f'"{key}" is a whole number of milliseconds, at least 1ms')
        given[name] = span_ns // _MS
    limits = {"init_limit": text.init_limit, "sync_limit": text.sync_limit}
    given |= {name: limit for name, limit in limits.items() if limit is not None}
    found = replace(found, **given)
    if found.notification_ms_min > found.notification_ms_max:
        problems.add(text.where, '"notification": first is longer than max')
    return found


def _links(
    text: LinksText, peers: tuple[PeerSetup, ...], problems: Problems
) -> tuple[LinkSetup, ...]:
    """The slow links; of two pairs that name one link the later counts."""
    paces: dict[tuple[Sid, Sid], tuple[int, int]] = {}
    sids = [peer.sid for peer in peers]
    if text.default is not None:
        pace = (text.default.latency, text.default.jitter)
        paces = {(one, other): pace for one in sids for other in sids if one != other}
    for pair in text.pairs:
        sources = _end(pair.from_, peers, problems)
        targets = _end(pair.to, peers, problems)
        found = [(one, other) for one in sources for other in targets if one != other]
        if pair.direction is Way.BOTH:
            found += [(other, one) for one, other in found]
        if sources and targets and not found:
            problems.add(pair.where, "this pair names no link between two peers")
        paces |= dict.fromkeys(found, (pair.latency, pair.jitter))
    return tuple(
        LinkSetup(one, other, latency, jitter)
        for (one, other), (latency, jitter) in sorted(paces.items())
        if latency or jitter
    )


def _end(ends: Ends, peers: tuple[PeerSetup, ...], problems: Problems) -> list[Sid]:
    if ends.zone:
        found = [peer.sid for peer in peers if peer.zone == ends.zone]
        if not found:
            problems.add(ends.where, no_zone(ends.zone, {p.zone for p in peers if p.zone}))
        return found
    return known_sids(ends.sids, ends.where, peers, problems) or [p.sid for p in peers]


def known_sids(
    sids: tuple[Sid, ...], where: Where, peers: tuple[PeerSetup, ...], problems: Problems
) -> list[Sid]:
    """``sids``, after adding to ``problems`` those that are no members."""
    members = sorted(peer.sid for peer in peers)
    for sid in sids:
        if sid not in members:
            problems.add(where, stranger(sid, members))
    return list(sids)


def no_zone(zone: str, zones: Collection[str]) -> str:
    """What to say of a zone in which nobody is."""
    known = f"; there is {', '.join(sorted(zones))}" if zones else ""
    return f'no peer is in zone "{zone}"{known}'


def stranger(sid: Sid, members: list[Sid]) -> str:
    """What to say of a sid that is no member."""
    return f"no peer has id {sid}; the ensemble is {', '.join(str(one) for one in members)}"
