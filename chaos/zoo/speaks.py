"""What a peer answers, and what it keeps, wrongly: the records of the bugs."""

from __future__ import annotations

from typing import Final

from chaos.election.rules import Rules
from chaos.zoo import answers
from chaos.zoo.bug import Bug
from chaos.zoo.parts import Parts, made_of

_RECEIVER: Final = "FastLeaderElection.Messenger.WorkerReceiver"
_LEADER: Final = "Leader"

BUGS: Final = (
    Bug(
        "following-silent",
        Rules(answers.FollowingSilent),
        "a follower answers who looks",
        _RECEIVER,
        "a server that comes late never joins an ensemble that has a leader",
        plans=("late-joiner",),
    ),
    Bug(
        "leading-silent",
        Rules(answers.LeadingSilent),
        "a leader answers who looks",
        _RECEIVER,
        "a server that comes late never joins an ensemble that has a leader",
        plans=("late-joiner",),
    ),
    Bug(
        "laggards-silent",
        Rules(answers.LaggardsSilent),
        "who is in a lower round hears so at once",
        _RECEIVER,
        "a server that restarts waits for another's back-off",
        plans=("laggard-is-told",),
    ),
    Bug(
        "answers-everybody",
        Rules(answers.AnswersEverybody),
        "settled peers do not answer one another",
        _RECEIVER,
        "two servers answer each other's answers without end",
        plans=("first-vote-cut", "config-bump-changes-members"),
    ),
    Bug(
        "gossip-ignored",
        Rules(answers.GossipIgnored),
        "a newer configuration is learned from whoever has it",
        _RECEIVER,
        "a server that missed a reconfiguration never comes back",
        plans=("config-bump-while-looking",),
    ),
    Bug(
        "round-kept-after-gossip",
        Rules(answers.RoundKeptAfterGossip),
        "the logical clock starts over with the election layer",
        f"{_RECEIVER}; QuorumPeer.startLeaderElection",
        "it ignores the votes of servers that began anew too, until they have heard of its round",
        plans=("told-of-members-in-time",),
    ),
    Bug(
        "deaf-after-malformed",
        Rules(answers.DeafAfterMalformed),
        "a message that does not parse costs that message alone",
        f"{_RECEIVER}; ZOOKEEPER-3769",
        "one bad configuration, and a server looks for ever",
        plans=("configuration-that-does-not-parse",),
    ),
    Bug(
        "configuration-version-ignored",
        made_of(Parts(standing=answers.AnyConfiguration)),
        "only a newer configuration takes force",
        "QuorumPeer.setQuorumVerifier",
        "servers hand old and new configurations round in a circle",
        plans=("older-configuration-is-refused",),
    ),
    Bug(
        "accepted-epoch-not-kept",
        made_of(Parts(standing=answers.AcceptedNotKept)),
        "a promise is on disk before it is told",
        "QuorumPeer.setAcceptedEpoch",
        "after a restart two leaders lead one epoch",
        plans=("everybody-returns",),
    ),
    Bug(
        "current-epoch-not-kept",
        made_of(Parts(standing=answers.CurrentNotKept)),
        "the epoch that a peer is of is on disk before its ack",
        "QuorumPeer.setCurrentEpoch",
        "after a restart a server with the newer log loses to an older one",
        plans=("everybody-returns",),
    ),
    Bug(
        "vote-epoch-not-updated",
        made_of(Parts(standing=answers.EpochOfVoteKept)),
        "settled peers answer with the established epoch",
        "QuorumPeer.updateElectionVote",
        "answers of one ensemble name several epochs",
        plans=("late-joiner",),
    ),
    Bug(
        "promise-after-packet",
        Rules(answers.PromisesLate),
        "a promise is on disk before LEADERINFO or ACKEPOCH leaves",
        f"{_LEADER}.getEpochToPropose, Learner.registerWithLeader",
        "a crash between the two takes the promise back",
        plans=("dies-before-its-promise-is-kept",),
    ),
    Bug(
        "acks-unlogged",
        Rules(answers.Unlogged),
        "an ack says that a transaction is on disk",
        "SyncRequestProcessor",
        "acked writes are lost with a power failure",
        plans=("all-die-after-writes",),
    ),
)
