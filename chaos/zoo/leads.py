"""Zab's handshake, wrongly: the records of the bugs."""

from __future__ import annotations

from typing import Final

from chaos.zoo import handshakes
from chaos.zoo.bug import Bug
from chaos.zoo.parts import Parts, made_of

_LEADER: Final = "Leader"

BUGS: Final = (
    Bug(
        "epoch-plus-two",
        made_of(Parts(leading=handshakes.EpochPlusTwo)),
        "the new epoch is one above the highest that was promised",
        f"{_LEADER}.getEpochToPropose",
        "hardly anything: epochs are used up twice as fast",
        plans=("promise-overtakes",),
    ),
    Bug(
        "equal-epoch",
        made_of(Parts(leading=handshakes.EqualEpoch, learning=handshakes.EqualAccepted)),
        "the new epoch is above every one that was promised",
        f"{_LEADER}.getEpochToPropose; Learner.registerWithLeader",
        "two leaders lead one epoch, and their transactions have equal numbers",
        plans=("everybody-returns",),
    ),
    Bug(
        "lower-epoch-followed",
        made_of(Parts(learning=handshakes.LowerFollowed)),
        "a leader of an epoch below the promise is refused",
        "Learner.registerWithLeader",
        "a deposed leader finds followers again",
        plans=("promise-overtakes",),
    ),
    Bug(
        "leaderinfo-before-quorum",
        made_of(Parts(leading=handshakes.LeaderInfoEarly)),
        "an epoch is proposed once a quorum has said what it promised",
        f"{_LEADER}.getEpochToPropose",
        "the epoch is too low for those who come later",
        plans=("follower-has-promised-more",),
    ),
    Bug(
        "ackepoch-quorum-skipped",
        made_of(Parts(leading=handshakes.AckEpochSkipped)),
        "a leader leads its epoch once a quorum has promised it",
        f"{_LEADER}.waitForEpochAck",
        "a server leads an epoch that nobody promised it",
        plans=("two-would-be-leaders",),
    ),
    Bug(
        "newleader-quorum-skipped",
        made_of(Parts(leading=handshakes.NewLeaderSkipped)),
        "a leader serves once a quorum has acked NEWLEADER",
        f"{_LEADER}.waitForNewLeaderAck",
        "a leader serves alone, and what it acks may be lost",
        plans=("minority-and-observers",),
    ),
    Bug(
        "ahead-accepted",
        made_of(Parts(leading=handshakes.AheadAccepted)),
        "a leader gives up when a follower has more than it has",
        f"{_LEADER}.waitForEpochAck",
        "the follower's acked writes are thrown away",
        plans=("longest-log-comes-late",),
    ),
    Bug(
        "synced-unchecked",
        made_of(Parts(leading=handshakes.SyncedUnchecked)),
        "a leader gives up within a tick when too few followers are left",
        f"{_LEADER}.lead",
        "a leader without followers goes on for ever",
        plans=("leader-out-of-reach",),
    ),
    Bug(
        "never-pings",
        made_of(Parts(leading=handshakes.NeverPings)),
        "a leader pings every half tick",
        f"{_LEADER}.lead",
        "followers leave every syncLimit ticks, for no reason",
        plans=("quiet-ensemble",),
    ),
    Bug(
        "never-gives-up",
        made_of(Parts(learning=handshakes.NeverGivesUp)),
        "a follower leaves a leader that is silent for syncLimit ticks",
        "Learner.connectToLeader, setSoTimeout",
        "a leader that hangs is followed for ever",
        plans=("leader-hangs",),
    ),
    Bug(
        "connects-once",
        made_of(Parts(learning=handshakes.TriesOnce)),
        "a follower tries five times to reach its leader",
        "Learner.connectToLeader",
        "an election is repeated because its leader was a moment late",
        plans=("leader-is-a-moment-late",),
    ),
)
