"""Streams behind a SNAP as Hypothesis draws them."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

STAT = 60  # bytes
I32 = st.integers(-(2**31), 2**31 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)


def vector(items: list[bytes]) -> bytes:
    return struct.pack(">i", len(items)) + b"".join(items)


def buffer(content: bytes | None) -> bytes:
    return b"\xff" * 4 if content is None else struct.pack(">i", len(content)) + content


def node(path: str, content: bytes | None, access: int) -> bytes:
    return buffer(path.encode()) + buffer(content) + struct.pack(">q", access) + bytes(STAT)


def stream(sessions: list[bytes], lists: list[bytes], nodes: list[bytes]) -> bytes:
    end = buffer(b"/") + buffer(b"BenWasHere")
    return vector(sessions) + vector(lists) + b"".join(nodes) + end


TEXT = st.text("/abü", max_size=9)
SESSION = st.tuples(I64, I32).map(lambda given: struct.pack(">qi", *given))
ACL = st.builds(
    lambda perms, scheme, who: (
        struct.pack(">i", perms) + buffer(scheme.encode()) + buffer(who.encode())
    ),
    I32,
    TEXT,
    TEXT,
)
ACCESS = st.builds(
    lambda key, entries: struct.pack(">q", key) + vector(entries), I64, st.lists(ACL, max_size=3)
)
NODE = st.builds(
    node, TEXT.filter(lambda path: path != "/"), st.none() | st.binary(max_size=20), I64
)
TREES = st.builds(
    stream,
    st.lists(SESSION, max_size=3),
    st.lists(ACCESS, max_size=3),
    st.lists(NODE, max_size=5),
)
