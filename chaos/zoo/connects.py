"""The election links, wrongly: the records of the bugs."""

from __future__ import annotations

from typing import Final

from chaos.election.rules import Rules
from chaos.zoo import links
from chaos.zoo.bug import Bug

_CNX: Final = "QuorumCnxManager"

BUGS: Final = (
    Bug(
        "last-message-not-resent",
        Rules(links=links.LastNotResent),
        "on a new link the last message is said again",
        f"{_CNX}.SendWorker.run",
        "a message that a broken link swallowed is never heard",
        plans=("dies-with-the-vote-in-hand",),
    ),
    Bug(
        "smaller-keeps-its-link",
        Rules(links=links.SmallerKeeps),
        "a link survives only if the larger sid dialled it",
        f"{_CNX}.startConnection",
        "two servers tear down each other's links",
        missed="the larger sid drops that link and dials back, and the new link repeats what "
        "the old one lost",
    ),
    Bug(
        "links-torn-down",
        Rules(links=links.LinksNeverRest),
        "the smaller sid does not dial while a link stands",
        f"{_CNX}.connectOne",
        "links are made and torn down without end",
        plans=("first-election",),
    ),
    Bug(
        "link-for-each-message",
        Rules(links=links.DialsForEachMessage),
        "a link that stands is used",
        f"{_CNX}.connectOne",
        "each message costs a connection, and some are lost on the way",
        plans=("finalize-wait-stretched",),
    ),
    Bug(
        "queue-keeps-all",
        Rules(links=links.QueueKeepsAll),
        "a send queue holds one message, the newest",
        f"{_CNX}.addToSendQueue",
        "after a cut, old votes flood the ensemble",
        plans=("weights-and-groups",),
    ),
    Bug(
        "queue-keeps-oldest",
        Rules(links=links.QueueKeepsOldest),
        "a newer message replaces the one that waits",
        f"{_CNX}.addToSendQueue",
        "others count on a vote that was taken back",
        plans=("queue-holds-the-newest",),
    ),
    Bug(
        "blocking-dial",
        Rules(links=links.BlockingDial),
        "a dial holds up no other dial",
        f"{_CNX}.initiateConnectionAsync; ZOOKEEPER-2164",
        "one server that cannot be reached keeps all others apart",
        plans=("one-server-out-of-reach",),
    ),
    Bug(
        "dials-once",
        Rules(links=links.DialsOnce),
        "the next message dials again",
        f"{_CNX}.connectOne",
        "a server that was down is never spoken to again",
        plans=("queue-holds-the-newest",),
    ),
    Bug(
        "dead-link-kept",
        Rules(links=links.DeadLinkKept),
        "a link that broke is forgotten",
        f"{_CNX}.SendWorker.finish",
        "messages go nowhere until the other side dials",
        plans=("row-24-observers-keep-no-leader",),
    ),
    Bug(
        "queue-lost-on-reconnect",
        Rules(links=links.QueueLostOnReconnect),
        "what waits for a link is written on it",
        f"{_CNX}.SendWorker.run",
        "first words are never heard",
        plans=("queue-holds-the-newest",),
    ),
)
