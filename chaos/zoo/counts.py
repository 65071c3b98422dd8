"""How votes are ordered and counted, wrongly: the records of the bugs."""

from __future__ import annotations

from typing import Final

from chaos.zoo import counting
from chaos.zoo.bug import Bug
from chaos.zoo.parts import Parts, made_of

_ORDER: Final = "FastLeaderElection.totalOrderPredicate"
_TALLY: Final = "FastLeaderElection.getVoteTracker"
_LEADER: Final = "Leader"

BUGS: Final = (
    Bug(
        "order-without-epoch",
        made_of(Parts(views=counting.WithoutEpoch)),
        "a vote of a higher peer epoch is better, whatever its zxid",
        f"{_ORDER}; ZOOKEEPER-1419",
        "a server of an older epoch leads, and what was acked since is lost",
        plans=("epoch-before-zxid",),
    ),
    Bug(
        "order-without-zxid",
        made_of(Parts(views=counting.WithoutZxid)),
        "of one epoch, the longer log is better",
        _ORDER,
        "a server leads that lacks acked writes, or gives up again and again",
        plans=("zxid-decides",),
    ),
    Bug(
        "tie-break-reversed",
        made_of(Parts(views=counting.TieReversed)),
        "of equal logs, the larger sid is better",
        _ORDER,
        "the smallest server leads: harmless alone, deadly beside servers that are right",
        plans=("better-vote-in-the-finalize-wait",),
    ),
    Bug(
        "zero-weight-elected",
        made_of(Parts(views=counting.AnyWeight)),
        "a server of weight 0 is never elected by another",
        _ORDER,
        "a server leads that was to have no say",
        plans=("heaviest-sid-has-no-weight",),
    ),
    Bug(
        "leader-alone-compared",
        made_of(Parts(views=counting.ByLeaderAlone)),
        "LOOKING votes count as one only if all four numbers are equal",
        f"{_TALLY}; Vote.equals",
        "votes of several rounds add up to a leader that nobody elected",
        plans=("votes-for-a-shorter-log",),
    ),
    Bug(
        "strict-equality-out-of-election",
        made_of(Parts(views=counting.ByAllFour)),
        "answers of settled peers agree in leader and epoch, whatever zxid and round they name",
        "Vote.equals; ZOOKEEPER-1732",
        "a server that comes late never joins an ensemble that has a leader",
        plans=("late-among-rounds-that-differ",),
    ),
    Bug(
        "ties-are-quorums",
        made_of(Parts(views=counting.TieViews, leading=counting.LeadsByViews)),
        "half is no majority",
        "QuorumMaj.containsQuorum",
        "both halves of a cut ensemble elect a leader",
        plans=("half-is-cut-off",),
    ),
    Bug(
        "quorum-one-short",
        made_of(Parts(views=counting.OneShortViews, leading=counting.LeadsByViews)),
        "a majority is more than half",
        "QuorumMaj.containsQuorum",
        "a minority elects a leader",
        plans=("minority-and-observers",),
    ),
    Bug(
        "quorum-one-more",
        made_of(Parts(views=counting.OneMoreViews, leading=counting.LeadsByViews)),
        "a majority is enough",
        "QuorumMaj.containsQuorum",
        "an ensemble that has lost one server of three or two of five has no leader",
        plans=("minority-and-observers",),
    ),
    Bug(
        "observers-counted",
        made_of(Parts(views=counting.EverybodyViews, leading=counting.LeadsByAnyone)),
        "observers neither vote nor ack",
        f"{_TALLY}; SyncedLearnerTracker.addAck",
        "a minority of voters leads with the help of observers",
        plans=("zero-weight-never-leads",),
    ),
    Bug(
        "acks-of-strangers-counted",
        made_of(Parts(leading=counting.LeadsByAnyone)),
        "who is no voter fills no quorum of the handshake",
        f"{_LEADER}.getEpochToPropose, waitForEpochAck, waitForNewLeaderAck",
        "a leader serves whose followers are observers",
        plans=("zero-weight-never-leads",),
    ),
    Bug(
        "new-quorum-ignored",
        made_of(Parts(views=counting.CommittedOnly)),
        "where a newer configuration is proposed, both must give their quorum",
        f"{_TALLY}; QuorumPeer.getLastSeenQuorumVerifier",
        "the old members elect a leader that the new ones know nothing of",
        plans=("two-configs-need-both-quorums",),
    ),
)
