"""The data of the packets that carry transactions and requests.

Source: ZooKeeper 3.8 ``TxnHeader``, ``Learner`` (``request``, ``validateSession``, ``ping``),
``LearnerHandler.run`` and ``Leader`` (``commitAndActivate``, ``informAndActivate``). Fields
that the data is too short for are a :class:`~chaos.errors.WireError`; what follows the last
field is ignored, as there.
"""

from __future__ import annotations

import struct
from typing import Final

from chaos.election.ids import Sid, Zxid
from chaos.election.packets import (
    CommitAndActivate,
    InformAndActivate,
    Request,
    Revalidate,
    Revalidated,
    Txn,
)
from chaos.errors import WireError

_HEADER = struct.Struct(">qiqqi")  # session, cxid, zxid, ms since 1970, kind
_REQUEST = struct.Struct(">qii")  # session, cxid, kind
_SESSION = struct.Struct(">qi")  # id, timeout
_ANSWER = struct.Struct(">q?")  # session, whether it lives
_LEADER = struct.Struct(">q")
REQUEST_ZXID: Final = Zxid(-1)  # of packets that belong to no place in the log


def encode_txn(txn: Txn) -> bytes:
    """The data of a PROPOSAL. Numbers that do not fit are a ``struct.error``, here and below."""
    head = _HEADER.pack(txn.session, txn.cxid, txn.zxid, txn.time_ms, txn.kind)
    return head + txn.body


def decode_txn(data: bytes | None, name: str, at: int = 0) -> Txn:
    """The transaction that begins at ``at``; ``name`` is the packet that carries it.

    Raises:
        WireError: the header is not whole.
    """
    found = _enough(data, at + _HEADER.size, name, "a transaction's header")
    session, cxid, zxid, time_ms, kind = _HEADER.unpack_from(found, at)
    return Txn(Zxid(zxid), session, cxid, time_ms, kind, found[at + _HEADER.size :])


def encode_leader(packet: CommitAndActivate | InformAndActivate) -> bytes:
    """The next leader, and the transaction where there is one."""
    leader = _LEADER.pack(packet.leader)
    return leader + encode_txn(packet.txn) if isinstance(packet, InformAndActivate) else leader


def decode_commit_and_activate(zxid: Zxid, data: bytes | None) -> CommitAndActivate:
    """Raises :class:`WireError`: no leader is named."""
    found = _enough(data, _LEADER.size, "COMMITANDACTIVATE", "a leader")
    return CommitAndActivate(zxid, Sid(_LEADER.unpack_from(found)[0]))


def decode_inform_and_activate(data: bytes | None) -> InformAndActivate:
    """Raises :class:`WireError`: no leader is named, or the transaction's header is not whole."""
    found = _enough(data, _LEADER.size, "INFORMANDACTIVATE", "a leader")
    txn = decode_txn(found, "INFORMANDACTIVATE", _LEADER.size)
    return InformAndActivate(txn, Sid(_LEADER.unpack_from(found)[0]))


def encode_request(request: Request) -> bytes:
    """The data of a REQUEST."""
    return _REQUEST.pack(request.session, request.cxid, request.kind) + request.body


def decode_request(data: bytes | None) -> Request:
    """Raises :class:`WireError`: session, cxid and type are not whole."""
    found = _enough(data, _REQUEST.size, "REQUEST", "session, cxid and type")
    session, cxid, kind = _REQUEST.unpack_from(found)
    return Request(session, cxid, kind, found[_REQUEST.size :])


def encode_revalidation(packet: Revalidate | Revalidated) -> bytes:
    """The question is longer than the answer, which is how they are told apart."""
    match packet:
        case Revalidate(session, timeout_ms):
            return _SESSION.pack(session, timeout_ms)
        case Revalidated(session, valid):
            return _ANSWER.pack(session, valid)


def decode_revalidation(data: bytes | None) -> Revalidate | Revalidated:
    """Raises :class:`WireError`: the data is too short for either."""
    found = _enough(data, _ANSWER.size, "REVALIDATE", "a session and what to know of it")
    if len(found) >= _SESSION.size:
        return Revalidate(*_SESSION.unpack_from(found))
    return Revalidated(*_ANSWER.unpack_from(found))


def encode_sessions(sessions: tuple[tuple[int, int], ...]) -> bytes:
    """The data of a learner's PING."""
    return b"".join(_SESSION.pack(session, timeout_ms) for session, timeout_ms in sessions)


def decode_sessions(data: bytes) -> tuple[tuple[int, int], ...]:
    """Raises :class:`WireError`: the last session is not whole."""
    if len(data) % _SESSION.size:
        raise WireError(
            f"PING of {len(data)} bytes ends within a session; each has {_SESSION.size}"
        )
    return tuple((session, timeout_ms) for session, timeout_ms in _SESSION.iter_unpack(data))


def _enough(data: bytes | None, size: int, name: str, what: str) -> bytes:
    if data is None or len(data) < size:
        given = "no data" if data is None else f"{len(data)} bytes of data"
        raise WireError(f"{name} with {given}; {what} needs {size}")
    return data
