"""What a peer does while it looks, wrongly: the records of the bugs."""

from __future__ import annotations

from typing import Final

from chaos.zoo import elections
from chaos.zoo.bug import Bug
from chaos.zoo.parts import Parts, made_of

_FLE: Final = "FastLeaderElection.lookForLeader"
_CNX: Final = "QuorumCnxManager"

BUGS: Final = (
    Bug(
        "no-finalize-wait",
        made_of(Parts(election=elections.NoFinalizeWait)),
        "200 ms of silence after a quorum, for a better vote that is on its way",
        f"{_FLE}, finalizeWait",
        "the first to gather a quorum leads, though a better server is awake",
        plans=("better-vote-in-the-finalize-wait",),
    ),
    Bug(
        "own-vote-not-counted",
        made_of(Parts(election=elections.OwnVoteNotCounted)),
        "a peer's own vote counts, by way of its receive queue",
        f"{_CNX}.toSend",
        "two of three servers elect nobody",
        plans=("one-server-out-of-reach",),
    ),
    Bug(
        "check-leader-skipped",
        made_of(Parts(election=elections.NoCheckLeader)),
        "a leader is joined only once it says itself that it leads",
        "FastLeaderElection.checkLeader",
        "servers follow a leader that is dead, for as long as each repeats it to the other",
        plans=("joins-before-the-leader-spoke",),
    ),
    Bug(
        "leads-in-any-round",
        made_of(Parts(election=elections.LeadsInAnyRound)),
        "a server that is said to lead does so only in its own round",
        "FastLeaderElection.checkLeader; ZOOKEEPER-1514",
        "a restarted server takes up a leadership that ended with its last life",
        plans=("leadership-of-a-former-life",),
    ),
    Bug(
        "compares-with-current",
        made_of(Parts(election=elections.ComparesWithCurrent)),
        "after a jump of the round, the comparison is with the initial vote",
        _FLE,
        "a server that is gone stays the candidate",
        plans=("candidate-gone-before-the-jump",),
    ),
    Bug(
        "stale-votes-counted",
        made_of(Parts(election=elections.StaleReceived)),
        "the votes of a round are forgotten with the round",
        _FLE,
        "votes that were taken back make a quorum",
        plans=("votes-of-the-round-before",),
    ),
    Bug(
        "lower-round-counted",
        made_of(Parts(election=elections.LowerRoundCounted)),
        "votes of a lower round are ignored",
        _FLE,
        "late messages of an old election decide the new one",
        plans=("candidate-gone-before-the-jump",),
    ),
    Bug(
        "round-not-raised",
        made_of(Parts(election=elections.RoundNotRaised)),
        "each election begins in a round of its own",
        _FLE,
        "votes of two elections are taken for one",
        plans=("candidate-gone-before-the-jump",),
    ),
    Bug(
        "round-starts-over",
        made_of(Parts(election=elections.RoundStartsOver)),
        "the logical clock lives as long as the election layer",
        _FLE,
        "a server that looks again is a round behind all others",
        plans=("leadership-of-a-former-life",),
    ),
    Bug(
        "higher-round-ignored",
        made_of(Parts(election=elections.NoJump)),
        "a vote of a higher round takes the peer along",
        _FLE,
        "servers whose rounds differ elect nobody",
        plans=("laggard-is-told",),
    ),
    Bug(
        "never-adopts",
        made_of(Parts(election=elections.NeverAdopts)),
        "a better vote of the same round is adopted",
        _FLE,
        "everybody votes for itself for ever",
        plans=("first-election",),
    ),
    Bug(
        "deaf-while-finalizing",
        made_of(Parts(election=elections.DeafWhileFinalizing)),
        "a better vote in the finalize wait is taken up",
        _FLE,
        "a server leads though a better one spoke in time",
        plans=("better-vote-in-the-finalize-wait",),
    ),
    Bug(
        "silence-not-restarted",
        made_of(Parts(election=elections.SilenceNotRestarted)),
        "every message begins the finalize wait anew",
        _FLE,
        "none but an election that is quicker by a few milliseconds",
        plans=("chatter-in-the-finalize-wait",),
    ),
    Bug(
        "never-resends",
        made_of(Parts(election=elections.NeverResends)),
        "a vote is said again, and others are dialled again, while nothing is decided",
        _FLE,
        "a lost message costs the election",
        plans=("first-words-lost",),
    ),
    Bug(
        "back-off-unbounded",
        made_of(Parts(election=elections.BackOffUnbounded)),
        "the notification wait stops at maxNotificationInterval",
        f"{_FLE}; ZOOKEEPER-3218",
        "after a long cut the first word comes minutes late",
        plans=("words-lost-for-long",),
    ),
    Bug(
        "back-off-constant",
        made_of(Parts(election=elections.BackOffConstant)),
        "the notification wait doubles",
        _FLE,
        "a server that hears nobody keeps all others in their finalize wait",
        plans=("deaf-speaker-falls-silent",),
    ),
    Bug(
        "round-kept-when-joining",
        made_of(Parts(election=elections.KeepsRoundOutside)),
        "who joins an established leader takes its round, up or down",
        _FLE,
        "in the next election its first word is ignored, and it has to be told first",
        plans=("joiner-speaks-in-time",),
    ),
    Bug(
        "settled-answers-ignored",
        made_of(Parts(election=elections.SettledIgnored)),
        "answers of settled peers let a late one join at once",
        _FLE,
        "a server that comes late never joins an ensemble that has a leader",
        plans=("late-joiner",),
    ),
    Bug(
        "unusable-zxid-counted",
        made_of(Parts(election=elections.CountsUnusable)),
        "a server whose zxid is -1 has no vote",
        f"{_FLE}; ZOOKEEPER-261",
        "a server with an unusable database makes up a quorum",
        plans=("unusable-database",),
    ),
)
