"""Packets of the quorum port as ZooKeeper 3.8 servers sent them, and what they are.

Named by the section of the protocol's fact sheet that holds the dump.
"""

from __future__ import annotations

from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.packets import (
    Ack,
    AckEpoch,
    Commit,
    CommitAndActivate,
    Diff,
    Inform,
    InformAndActivate,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    Packet,
    Ping,
    Proposal,
    Request,
    Revalidate,
    Revalidated,
    Snap,
    Sync,
    Txn,
    UpToDate,
)
from chaos.wire.tree import smallest_tree

CONFIG = (
    "server.1=127.0.0.1:13001:14001:participant\n"
    "server.2=127.0.0.1:13002:14002:participant\n"
    "server.3=127.0.0.1:13003:14003:participant\n"
    "version=0"
)
EPOCH_1 = Zxid(1 << 32)


def dump(text: str, config: str = "") -> bytes:
    left, _, right = text.partition("<config>")
    return bytes.fromhex(left) + config.encode() + bytes.fromhex(right)


SESSION = 0x1000010E7160000
CREATED = Txn(
    zxid=Zxid(EPOCH_1 + 1),
    session=SESSION,
    cxid=0,
    time_ms=0x1A2073B5B81,
    kind=-10,
    body=dump("00 00 0f a0  00 00 00 02 00 00 00 00 51 c6 d6 60"),
)
TREE = smallest_tree(CONFIG)

DUMPS: dict[str, tuple[bytes, Packet]] = {
    "13.4 FOLLOWERINFO": (
        dump(
            "00 00 00 0b  00 00 00 00 00 00 00 00  00 00 00 14"
            "00 00 00 00 00 00 00 01  00 01 00 00  00 00 00 00 00 00 00 00  ff ff ff ff"
        ),
        LearnerHello(Sid(1), PeerEpoch(0)),
    ),
    "13.4 LEADERINFO": (
        dump("00 00 00 11  00 00 00 01 00 00 00 00  00 00 00 04  00 01 00 00  ff ff ff ff"),
        LeaderInfo(PeerEpoch(1)),
    ),
    "13.4 ACKEPOCH": (
        dump("00 00 00 12  00 00 00 00 00 00 00 00  00 00 00 04  00 00 00 00  ff ff ff ff"),
        AckEpoch(Zxid(0), PeerEpoch(0)),
    ),
    "13.4 DIFF": (
        dump("00 00 00 0d  00 00 00 00 00 00 00 00  ff ff ff ff  ff ff ff ff"),
        Diff(Zxid(0)),
    ),
    "13.4 NEWLEADER": (
        dump("00 00 00 0a  00 00 00 01 00 00 00 00  00 00 00 8a <config> ff ff ff ff", CONFIG),
        NewLeader(EPOCH_1, CONFIG),
    ),
    "13.4 ACK": (
        dump("00 00 00 03  00 00 00 01 00 00 00 00  ff ff ff ff  ff ff ff ff"),
        Ack(EPOCH_1),
    ),
    "13.4 UPTODATE": (
        dump("00 00 00 0c  ff ff ff ff ff ff ff ff  ff ff ff ff  ff ff ff ff"),
        UpToDate(),
    ),
    "13.4 PING of the leader": (
        dump("00 00 00 05  00 00 00 01 00 00 00 00  ff ff ff ff  ff ff ff ff"),
        Ping(EPOCH_1),
    ),
    "13.4 PING answered": (
        dump("00 00 00 05  00 00 00 01 00 00 00 00  00 00 00 00  ff ff ff ff"),
        Ping(EPOCH_1, answer=True),
    ),
    "13.5 FOLLOWERINFO": (
        dump(
            "00 00 00 0b  00 00 00 01 00 00 00 00  00 00 00 14"
            "00 00 00 00 00 00 00 01  00 01 00 00  00 00 00 00 00 00 00 00  ff ff ff ff"
        ),
        LearnerHello(Sid(1), PeerEpoch(1)),
    ),
    "13.5 ACKEPOCH": (
        dump("00 00 00 12  00 00 00 00 00 00 00 00  00 00 00 04  ff ff ff ff  ff ff ff ff"),
        AckEpoch(Zxid(0), PeerEpoch(-1)),
    ),
    "13.5 SNAP": (
        dump("00 00 00 0f  00 00 00 01 00 00 00 00  ff ff ff ff  ff ff ff ff") + TREE,
        Snap(EPOCH_1, TREE),
    ),
    "13.7 REQUEST": (
        dump(
            "00 00 00 01  ff ff ff ff ff ff ff ff  00 00 00 14"
            "01 00 00 10 e7 16 00 00  00 00 00 00  ff ff ff f6  00 00 0f a0  ff ff ff ff"
        ),
        Request(SESSION, 0, -10, dump("00 00 0f a0")),
    ),
    "13.7 PROPOSAL": (
        dump(
            "00 00 00 02  00 00 00 01 00 00 00 01  00 00 00 30"
            "01 00 00 10 e7 16 00 00  00 00 00 00  00 00 00 01 00 00 00 01"
            "00 00 01 a2 07 3b 5b 81  ff ff ff f6"
            "00 00 0f a0  00 00 00 02 00 00 00 00 51 c6 d6 60  ff ff ff ff"
        ),
        Proposal(CREATED),
    ),
    "13.7 ACK": (
        dump("00 00 00 03  00 00 00 01 00 00 00 01  ff ff ff ff  ff ff ff ff"),
        Ack(CREATED.zxid),
    ),
    "13.7 COMMIT": (
        dump("00 00 00 04  00 00 00 01 00 00 00 01  ff ff ff ff  ff ff ff ff"),
        Commit(CREATED.zxid),
    ),
    "8.7 INFORM": (
        dump(
            "00 00 00 08  00 00 00 01 00 00 00 01  00 00 00 30"
            "01 00 00 10 e7 16 00 00  00 00 00 00  00 00 00 01 00 00 00 01"
            "00 00 01 a2 07 3b 5b 81  ff ff ff f6"
            "00 00 0f a0  00 00 00 02 00 00 00 00 51 c6 d6 60  ff ff ff ff"
        ),
        Inform(CREATED),
    ),
    "8.7 COMMITANDACTIVATE": (
        dump(
            "00 00 00 09  00 00 00 01 00 00 00 01  00 00 00 0800 00 00 00 00 00 00 03  ff ff ff ff"
        ),
        CommitAndActivate(CREATED.zxid, Sid(3)),
    ),
    "8.7 INFORMANDACTIVATE": (
        dump(
            "00 00 00 13  00 00 00 01 00 00 00 01  00 00 00 38  00 00 00 00 00 00 00 03"
            "01 00 00 10 e7 16 00 00  00 00 00 00  00 00 00 01 00 00 00 01"
            "00 00 01 a2 07 3b 5b 81  ff ff ff f6"
            "00 00 0f a0  00 00 00 02 00 00 00 00 51 c6 d6 60  ff ff ff ff"
        ),
        InformAndActivate(CREATED, Sid(3)),
    ),
    "8.7 REVALIDATE asked": (
        dump(
            "00 00 00 06  ff ff ff ff ff ff ff ff  00 00 00 0c"
            "01 00 00 10 e7 16 00 00  00 00 0f a0  ff ff ff ff"
        ),
        Revalidate(SESSION, 4000),
    ),
    "8.7 REVALIDATE answered": (
        dump(
            "00 00 00 06  ff ff ff ff ff ff ff ff  00 00 00 09"
            "01 00 00 10 e7 16 00 00  01  ff ff ff ff"
        ),
        Revalidated(SESSION, valid=True),
    ),
    "8.7 SYNC": (
        dump("00 00 00 07  00 00 00 00 00 00 00 00  ff ff ff ff  ff ff ff ff"),
        Sync(),
    ),
    "8.3 PING answered for a client": (
        dump(
            "00 00 00 05  00 00 00 01 00 00 00 00  00 00 00 0c"
            "01 00 00 10 e7 16 00 00  00 00 0f a0  ff ff ff ff"
        ),
        Ping(EPOCH_1, answer=True, sessions=((SESSION, 4000),)),
    ),
}
