"""The initiation message, byte for byte and in pieces.

Source: ZooKeeper 3.8 dumps, ``CnxManagerTest``.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.config import Address
from chaos.election.ids import OBSERVER_ID, Sid
from chaos.errors import WireError
from chaos.wire.initiation import (
    ADDRESS_MAX,
    LEGACY,
    V1,
    V2,
    Initiation,
    InitiationReader,
    encode_initiation,
    encode_legacy_initiation,
    is_wildcard,
)

LEGACY_3 = bytes.fromhex("00 00 00 00 00 00 00 03")
V1_3 = bytes.fromhex(
    """
    ff ff ff ff ff ff 00 00
    00 00 00 00 00 00 00 03
    00 00 00 0f
    31 32 37 2e 30 2e 30 2e 31 3a 31 34 30 30 33
    """
)
V2_2 = bytes.fromhex(
    """
    ff ff ff ff ff ff 00 01
    00 00 00 00 00 00 00 02
    00 00 00 1f
    31 32 37 2e 30 2e 30 2e 31 3a 31 34 31 30 32 7c
    31 32 37 2e 30 2e 31 2e 32 3a 31 34 31 30 32
    """
)
AT_14003 = (Address("127.0.0.1", 14003),)
AT_BOTH = (Address("127.0.0.1", 14102), Address("127.0.1.2", 14102))

DUMPS = {
    "13.1 legacy": (LEGACY_3, Initiation(Sid(3), (), LEGACY)),
    "13.1 V1": (V1_3, Initiation(Sid(3), AT_14003, V1)),
    "13.1 V2": (V2_2, Initiation(Sid(2), AT_BOTH, V2)),
}


def message(version: int, sid: int, text: bytes, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return (
        version.to_bytes(8, "big", signed=True)
        + sid.to_bytes(8, "big", signed=True)
        + size.to_bytes(4, "big", signed=True)
        + text
    )


def read(data: bytes) -> Initiation | None:
    return InitiationReader().feed(data)


@pytest.mark.parametrize(("data", "initiation"), DUMPS.values(), ids=DUMPS.keys())
def test_a_dumped_initiation_is_read(data: bytes, initiation: Initiation) -> None:
    assert read(data) == initiation


def test_a_dumped_initiation_is_written() -> None:
    assert encode_legacy_initiation(Sid(3)) == LEGACY_3
    assert encode_initiation(Sid(3), AT_14003) == V1_3
    assert encode_initiation(Sid(2), AT_BOTH, multi=True) == V2_2


def test_v1_names_the_first_of_several_addresses() -> None:
    assert read(encode_initiation(Sid(2), AT_BOTH)) == Initiation(Sid(2), AT_BOTH[:1], V1)


@pytest.mark.parametrize(("data", "initiation"), DUMPS.values(), ids=DUMPS.keys())
def test_an_initiation_may_be_split_anywhere(data: bytes, initiation: Initiation) -> None:
    behind = b"\x00\x00\x00\x1c"
    for cut in range(len(data) + 1):
        reader = InitiationReader()
        first = reader.feed(data[:cut])
        assert (first is None) is (cut < len(data))
        assert (first or reader.feed(data[cut:] + behind)) == initiation
        assert reader.rest == (b"" if first else behind)


@given(data=st.sampled_from([LEGACY_3, V1_3, V2_2]), behind=st.binary(max_size=40))
def test_an_initiation_may_come_byte_by_byte(data: bytes, behind: bytes) -> None:
    reader = InitiationReader()
    early = [reader.feed(data[at : at + 1]) for at in range(len(data) - 1)]
    assert early == [None] * len(early)
    assert reader.rest == b""
    assert reader.feed(data[-1:] + behind) is not None
    assert reader.rest == behind


TELLING = {
    "an observer's sid": OBSERVER_ID,
    "the largest sid but one": OBSERVER_ID - 1,
    "a negative sid behind a version": -2,
}


@pytest.mark.parametrize("sid", TELLING.values(), ids=TELLING.keys())
def test_the_sid_behind_a_version_is_any_64_bit_number(sid: int) -> None:
    assert read(encode_initiation(Sid(sid), AT_14003)) == Initiation(Sid(sid), AT_14003, V1)


ADDRESSES = {
    "a host name": (b"zk-1_a.example.org:3888", (Address("zk-1_a.example.org", 3888),)),
    "IPv6 in brackets": (b"[::1]:3888", (Address("::1", 3888),)),
    "IPv6 with a zone": (b"[fe80::1%eth0]:3888", (Address("fe80::1%eth0", 3888),)),
    "port 0": (b"10.0.0.1:0", (Address("10.0.0.1", 0),)),
    "port 65535": (b"10.0.0.1:65535", (Address("10.0.0.1", 65535),)),
    "a wildcard beside a good one": (b"0.0.0.0:1|10.0.0.1:2", (Address("10.0.0.1", 2),)),
    "nothing but wildcards": (b"0.0.0.0:3888|[::]:3888", ()),
    "a wildcard mapped to IPv6": (b"[::ffff:0.0.0.0]:3888", ()),
}


@pytest.mark.parametrize(("text", "addresses"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_the_address_text_is_understood(text: bytes, addresses: tuple[Address, ...]) -> None:
    assert read(message(V1, 5, text)) == Initiation(Sid(5), addresses, V1)


REFUSED = {
    "13.8 version -1": (message(-1, 5, b"10.0.0.2:3888"), "protocol version -1"),
    "13.8 length 0": (message(V1, 5, b""), "address of 0 bytes"),
    "13.8 length -1": (message(V1, 5, b"", -1), "address of -1 bytes"),
    "13.8 length 2049": (message(V1, 5, b"", 2049), "address of 2049 bytes"),
    "13.8 abcd": (message(V1, 5, b"abcd"), '"abcd" is not host:port'),
    "13.8 port xyz": (message(V1, 5, b"10.0.0.2:xyz"), '"10.0.0.2:xyz" is not host:port'),
    "port 65536": (message(V1, 5, b"10.0.0.2:65536"), "port of 0..65535"),
    "port -1": (message(V1, 5, b"10.0.0.2:-1"), "port of 0..65535"),
    "three parts": (message(V1, 5, b"10.0.0.2:1:2"), "is not host:port"),
    "no host": (message(V1, 5, b":3888"), "is not host:port"),
    "an empty part": (message(V2, 5, b"10.0.0.2:1||10.0.0.3:1"), "is not host:port"),
    "an open bracket": (message(V1, 5, b"[::1:3888"), "is not host:port"),
    "a NUL in the host": (message(V1, 5, b"a\x00b:3888"), "is not host:port"),
    "no ASCII": (message(V1, 5, "höst:3888".encode()), "is not host:port"),
    "digits of another script": (message(V1, 5, "h:٣".encode()), "is not host:port"),
    "row 36 version -65530": (message(-65530, 5, b"10.0.0.2:3888"), "version -65530"),
    "row 36 1 MiB of address": (message(V1, 5, b"x" * 2**20), "address of 1048576 bytes"),
    "row 36 prose": (message(V1, 5, b"what's going on here?"), "is not host:port"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_initiation_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(WireError) as raised:
        read(data)
    assert why in str(raised.value)


ACCEPTED = {
    "row 36 V1": (message(V1, 5, b"10.0.0.2:3888"), (Address("10.0.0.2", 3888),)),
    "row 36 V2 of three": (
        message(V2, 5, b"1.1.1.1:9999|2.2.2.2:8888|3.3.3.3:7777"),
        (Address("1.1.1.1", 9999), Address("2.2.2.2", 8888), Address("3.3.3.3", 7777)),
    ),
}


@pytest.mark.parametrize(("data", "addresses"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_initiation_of_the_projects_own_test_is_accepted(
    data: bytes, addresses: tuple[Address, ...]
) -> None:
    found = read(data)
    assert found is not None
    assert found.addresses == addresses


WILDCARDS = {
    "row 37 0.0.0.0": ("0.0.0.0", True),
    "row 37 ::": ("::", True),
    "row 37 ::1": ("::1", False),
    "row 37 a name": ("some.unresolvable.host.com", False),
    "row 37 127.0.0.1": ("127.0.0.1", False),
    "row 37 255.255.255.255": ("255.255.255.255", False),
    "row 37 1.2.3.4": ("1.2.3.4", False),
    "row 37 spelt out": ("0:0:0:0:0:0:0:0", True),
}


@pytest.mark.parametrize(("host", "wild"), WILDCARDS.values(), ids=WILDCARDS.keys())
def test_wildcard_addresses_are_recognised(host: str, wild: bool) -> None:
    assert is_wildcard(host) is wild
    text = str(Address(host, 3888)).encode()
    assert read(message(V1, 5, text)) == Initiation(
        Sid(5), () if wild else (Address(host, 3888),), V1
    )


@given(
    st.ip_addresses()
    | st.sampled_from(["::", "0.0.0.0", "::ffff:0.0.0.0", "::1", "::ffff:0.0.0.1"]).map(ip_address)
)
def test_an_address_is_a_wildcard_in_whatever_spelling(address: IPv4Address | IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    wild = address.is_unspecified or (mapped is not None and mapped.is_unspecified)
    for spelling in (str(address), address.exploded, address.compressed.upper()):
        assert is_wildcard(spelling) is wild


def test_the_longest_address_text_is_2048_bytes() -> None:
    longest = Address("h" * (ADDRESS_MAX - 5), 3888)
    assert read(encode_initiation(Sid(1), [longest])) == Initiation(Sid(1), (longest,), V1)
    with pytest.raises(WireError, match=r"2049 bytes of election address"):
        encode_initiation(Sid(1), [Address(longest.host + "h", 3888)])


UNSENDABLE = {
    "no address": lambda: encode_initiation(Sid(1), []),
    "a sid beyond 64 bits": lambda: encode_initiation(Sid(2**63), AT_14003),
    "a negative legacy sid": lambda: encode_legacy_initiation(Sid(-1)),
    "a legacy sid beyond 64 bits": lambda: encode_legacy_initiation(Sid(2**63)),
}


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_does_not_fit_is_not_sent(name: str) -> None:
    with pytest.raises(WireError):
        UNSENDABLE[name]()


def test_a_refused_version_needs_no_more_than_its_own_bytes() -> None:
    with pytest.raises(WireError):
        read(message(-1, 0, b"")[:8])


def test_a_refused_initiation_does_not_pile_up_when_fed_on() -> None:
    reader = InitiationReader()
    for data in (message(-1, 0, b""), bytes(5000), bytes(5000)):
        with pytest.raises(WireError, match="protocol version -1"):
            reader.feed(data)
        assert len(reader._held) <= 20 + ADDRESS_MAX


@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_random_bytes_are_refused_or_read_and_never_pile_up(reads: list[bytes]) -> None:
    reader = InitiationReader()
    for data in reads:
        try:
            found = reader.feed(data)
        except WireError:
            found = None
        assert len(reader._held) <= 20 + ADDRESS_MAX + len(data)
        if found is not None:
            return


HOSTS = st.ip_addresses().map(str).filter(lambda host: not is_wildcard(host))


@given(
    sid=st.integers(-(2**63), 2**63 - 1),
    hosts=st.lists(HOSTS, min_size=1, max_size=20),
    port=st.integers(0, 65535),
)
def test_what_is_written_is_read_again(sid: int, hosts: list[str], port: int) -> None:
    addresses = tuple(Address(host, port) for host in hosts)
    found = read(encode_initiation(Sid(sid), addresses, multi=True))
    assert found == Initiation(Sid(sid), addresses, V2)
