"""Netlink attributes are padded and nested as the kernel reads them, and errors carry its words."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.sandbox.netlink import ACK, DUMP, Message, Netlink, attribute, attributes, inner, nest

_ROUTE = 0
_GETLINK = 18
_DELLINK = 17


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40))))
def test_attributes_are_read_as_they_were_packed(parts: list[tuple[int, bytes]]) -> None:
    packed = b"".join(attribute(kind, value) for kind, value in parts)
    assert len(packed) % 4 == 0
    assert list(attributes(packed)) == parts


def test_a_nested_attribute_is_found_by_its_path() -> None:
    assert inner(nest(4, attribute(1, b"no"), nest(2, attribute(3, b"yes"))), 4, 2, 3) == b"yes"


def test_a_missing_attribute_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="lacks attribute 9"):
        inner(nest(4, attribute(1, b"")), 4, 9)


def test_a_dump_lists_what_the_kernel_has() -> None:
    with Netlink(_ROUTE) as netlink:
        parts = netlink.dump(Message(_GETLINK, DUMP, bytes(16)))
    names = [dict(attributes(part[16:]))[3] for part in parts]  # IFLA_IFNAME
    assert b"lo\0" in names


def test_a_refusal_carries_the_number_of_the_kernel_and_the_socket_goes_on() -> None:
    missing = struct.pack("=BxHiII", 0, 0, 2**31 - 1, 0, 0)
    with Netlink(_ROUTE) as netlink:
        with pytest.raises(OSError, match="netlink") as refused:
            netlink.run([Message(_DELLINK, ACK, missing)])
        assert refused.value.errno in (errno.ENODEV, errno.EPERM)
        assert netlink.dump(Message(_GETLINK, DUMP, bytes(16)))
