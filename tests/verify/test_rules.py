"""The second set of rules agrees with the core's, which it was written apart from."""

from __future__ import annotations

from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.vote import Vote
from chaos.election.voting import Views
from chaos.verify.rules import Electorate, ballot_of, weight
from tests.election.story import configuration

SIDS = range(1, 8)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    votes = {Sid(s): s == 1 or draw(st.booleans()) for s in SIDS if draw(st.booleans()) or s == 1}
    here = Address("127.0.0.1", 1), Address("127.0.0.1", 2)
    members = {sid: Member(sid, (here,), one) for sid, one in votes.items()}
    version = draw(st.integers(0, 3))
    if draw(st.booleans()):
        return Configuration(MappingProxyType(members), version)
    groups: dict[int, frozenset[Sid]] = {}
    for sid in members:
        group = draw(st.integers(1, 3))
        groups[group] = groups.get(group, frozenset()) | {sid}
    weights = {sid: draw(st.integers(0, 3)) for sid in members if draw(st.booleans())}
    return Configuration(
        MappingProxyType(members), version, MappingProxyType(groups), MappingProxyType(weights)
    )


votes = st.builds(
    Vote,
    st.sampled_from(SIDS).map(Sid),
    st.integers(-1, 2).map(Zxid),
    st.just(Round(1)),
    st.integers(0, 2).map(PeerEpoch),
)
pairs = st.tuples(configurations(), st.none() | configurations())


@given(pairs, st.frozensets(st.sampled_from(SIDS)))
def test_who_is_a_quorum(
    held: tuple[Configuration, Configuration | None], sids: frozenset[int]
) -> None:
    electorate, views = Electorate(*held), Views(*held)
    acks = frozenset(map(Sid, sids))
    assert electorate.quorum(sids) == all(v.contains_quorum(acks) for v in views.verifiers)
    assert electorate.voters == frozenset(views.voters)


@given(pairs, votes, votes)
def test_which_vote_is_better(
    held: tuple[Configuration, Configuration | None], one: Vote, other: Vote
) -> None:
    mine = Electorate(*held).better(ballot_of(one), ballot_of(other))
    assert mine == Views(*held).beats(one, other)


@given(configurations(), st.sampled_from(SIDS))
def test_what_a_vote_weighs(config: Configuration, sid: int) -> None:
    assert weight(config, sid) == config.verifier.weight(Sid(sid))


def test_an_upgraded_version_is_no_second_way_to_count() -> None:
    old, new = configuration("1-3"), configuration("1-3", version=9)
    electorate = Electorate(old, new)
    assert len(electorate.in_force) == 2
    assert not electorate.split
    assert Electorate(old, configuration("1-5", version=9)).split
