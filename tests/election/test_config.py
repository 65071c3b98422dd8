"""The configuration text: what parses, what is refused, and which two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.config import Address, Configuration, Member, parse_configuration
from chaos.election.ids import Sid
from chaos.election.quorum import QuorumHierarchical, QuorumMaj
from chaos.errors import ConfigError

THREE = """server.1=127.0.0.1:13001:14001:participant
server.2=127.0.0.1:13002:14002:participant
server.3=127.0.0.1:13003:14003:participant
version=0"""
ONE = "server.1=h:1:2"


def member(line: str) -> Member:
    return parse_configuration(f"server.1={line}").members[Sid(1)]


# protocol, section 6.2: texts that end ZooKeeper's receiving thread and must not end ours
DEAFENING = {
    "a version that is not hexadecimal": "version=zz",
    "a port out of range": "server.1=h:1:99999",
    "observers alone": "server.1=h:1:2:observer",
    "a broken unicode escape": "server.1=h\\u12:1:2",
}


@pytest.mark.parametrize("text", DEAFENING.values(), ids=DEAFENING.keys())
def test_a_text_that_deafens_zookeeper_is_a_plain_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_configuration(text)


REFUSED = {
    "an unknown key": ("clientPort=2181", "clientPort"),
    "a key of no server": ("=x", "unrecognised parameter"),
    "a server id that is no number": ("server.x=h:1:2", "server id"),
    "a server id of 64 bits": (f"server.{2**63}=h:1:2", "server id"),
    "two colon parts": ("server.1=h:1", "server.1"),
    "five colon parts": ("server.1=h:1:2:observer:x", "server.1"),
    "three semicolon parts": ("server.1=h:1:2;3;4", '";"'),
    "an unknown type": ("server.1=h:1:2:king", "king"),
    "no host": ("server.1=:1:2", "server.1"),
    "empty brackets": ("server.1=[]:1:2", "server.1"),
    "a host of two lines": ("server.1=a\\nb:1:2", "server.1"),
    "a host that is half a character": ("server.1=\\ud800:1:2", "character"),
    "a key that is half a character": ("\\udfff=1", "character"),
    "equal ports": ("server.1=h:1:1", "both 1"),
    "a port that is no number": ("server.1=h:one:2", "port"),
    "a port and what int() takes for no space": ("server.1=h:1\x1c:2", "port"),
    "a negative port": ("server.1=h:-1:2", "port"),
    "a client port that is no number": ("server.1=h:1:2;x", "port"),
    "no client port": ("server.1=h:1:2;", "port"),
    "addresses of two types": ("server.1=h:1:2:observer|h:3:4:participant", "peer type"),
    "a version of 64 bits": ("version=8000000000000000", "version"),
    "a version with a prefix": ("version=0x10", "version"),
    "no version": ("version=", "version"),
    "a weight that is no number": (f"{ONE}\ngroup.1=1\nweight.1=x", "weight"),
    "a negative weight": (f"{ONE}\ngroup.1=1\nweight.1=-1", "weight"),
    "a group that is no number": (f"{ONE}\ngroup.x=1", "group"),
    "an empty group": (f"{ONE}\ngroup.1=", "server id"),
    "a server in two groups": (f"{ONE}\ngroup.1=1\ngroup.2=1", "two groups"),
    "a voter in no group": (f"{ONE}\nserver.2=h:3:4\ngroup.1=1", "voter 2"),
    "weights without groups": (f"{ONE}\nweight.1=2", "voter 1"),
}


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_text_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_configuration(text)
    assert says in str(caught.value)
    str(caught.value).encode()  # can be written down


# QuorumServerTest and QuorumPeerConfigTest (row 45): unbalanced brackets
UNBALANCED = {
    "server": "[::1:1234:1236:participant",
    "server, closing alone": "::1]:1234:1236:participant",
    "client": "127.0.0.1:1234:1236:participant;[::1:1237",
    "client, closing alone": "127.0.0.1:1234:1236:participant;::1]:1237",
    "client without brackets": "127.0.0.1:1234:1236:participant;::1:1237",
}


@pytest.mark.parametrize("line", UNBALANCED.values(), ids=UNBALANCED.keys())
def test_unbalanced_ipv6_brackets_are_refused(line: str) -> None:
    """QuorumServerTest.unbalancedIpv6Literals… (row 45)."""
    with pytest.raises(ConfigError):
        member(line)


# QuorumServerTest (row 45): line, and the line as it is printed again
PRINTED = {
    "as it was": ("127.0.0.1:1234:1236:participant", "127.0.0.1:1234:1236:participant"),
    "the type defaults": ("127.0.0.1:1234:1236", "127.0.0.1:1234:1236:participant"),
    "the type in any case, trimmed": ("h:1:2: OBSERVER ", "h:1:2:observer"),
    "a client port alone listens everywhere": (
        "127.0.0.1:1234:1236:participant;1237",
        "127.0.0.1:1234:1236:participant;0.0.0.0:1237",
    ),
    "a client address": ("h:1:2:participant;1.2.3.4:1237", "h:1:2:participant;1.2.3.4:1237"),
    "an IPv6 server": ("[::1]:1234:1236:participant", "[::1]:1234:1236:participant"),
    "an IPv6 client": ("h:1:2:participant;[::1]:1237", "h:1:2:participant;[::1]:1237"),
    "spaces around an address": (" h:1:2 | g:3:4 ", "h:1:2:participant|g:3:4:participant"),
}


@pytest.mark.parametrize(("line", "printed"), PRINTED.values(), ids=PRINTED.keys())
def test_a_server_line_is_printed_in_full(line: str, printed: str) -> None:
    """QuorumServerTest.testToString and construction… (row 45)."""
    other = "\nserver.2=h:8:9"
    found = parse_configuration(f"server.1={line}{other}")
    assert str(found.members[Sid(1)]) == printed


def test_a_server_may_have_several_addresses() -> None:
    """CnxManagerTest.testInitialMessage's three addresses (row 36, the part of the text)."""
    found = member("10.0.0.1:1:3888|10.0.0.2:1:3888|10.0.0.3:1:3888")
    assert [str(election) for _, election in found.addresses] == [
        "10.0.0.1:3888",
        "10.0.0.2:3888",
        "10.0.0.3:3888",
    ]
    assert (found.quorum, found.election) == (Address("10.0.0.1", 1), Address("10.0.0.1", 3888))


def test_addresses_are_equal_in_order() -> None:
    """MultipleAddressesTest's equality (row 41): a list here, so order matters too."""
    assert member("a:1:2|b:1:2") == member("a:1:2|b:1:2")
    assert member("a:1:2|b:1:2") != member("a:1:2")
    assert member("a:1:2|b:1:2") != member("b:1:2|a:1:2")


def test_a_wildcard_is_an_address_of_the_text() -> None:
    """MultipleAddressesTest's wildcards (row 41): the text keeps what was written."""
    assert str(member("0.0.0.0:1:2|[::]:1:2").addresses[1][1]) == "[::]:2"


READ = {
    "the empty text": ("", {}, 0),
    "comments and blank lines": (f"# a\n! b\n\n  {ONE}", {1}, 0),
    "a colon separates too": ("server.1 : h:1:2", {1}, 0),
    "a space separates too": ("server.1 h:1:2", {1}, 0),
    "carriage returns": (f"{ONE}\r\nversion=1f\r\n", {1}, 0x1F),
    "a line goes on after a backslash": ("server.1=h:\\\n   1:2", {1}, 0),
    "escapes": ("server\\u002e1=h\\:1\\:2", {1}, 0),
    "the last of equal keys wins": (f"{ONE}\nversion=1\nversion=2", {1}, 2),
    "the largest version": (f"{ONE}\nversion=7fffffffffffffff", {1}, 2**63 - 1),
    "capital digits": (f"{ONE}\nversion=1F", {1}, 0x1F),
    "a negative version": (f"{ONE}\nversion=-1", {1}, -1),
    "one voter beside observers": (f"{ONE}\nserver.2=h:3:4:observer", {1, 2}, 0),
}


@pytest.mark.parametrize(("text", "members", "version"), READ.values(), ids=READ.keys())
def test_a_text_is_read_as_java_properties(text: str, members: set[int], version: int) -> None:
    found = parse_configuration(text)
    assert set(found.members) == set(members)
    assert found.version == version


def test_the_example_is_printed_as_it_travels() -> None:
    found = parse_configuration(THREE)
    assert found.text() == THREE
    assert found.voters == {1, 2, 3}
    assert found.verifier == QuorumMaj(frozenset({Sid(1), Sid(2), Sid(3)}))


def test_a_hierarchy_prints_groups_and_all_weights() -> None:
    text = f"{ONE}\nserver.2=h:3:4\nserver.3=h:5:6:observer\ngroup.1=2:1\nweight.2=3\nversion=a"
    found = parse_configuration(text)
    assert isinstance(found.verifier, QuorumHierarchical)
    assert found.observers == {3}
    assert found.text().splitlines()[3:] == ["group.1=1:2", "weight.1=1", "weight.2=3", "version=a"]


# protocol, section 6.4
GROUPED = "server.1=h:1:2\nserver.2=h:3:4\ngroup.1=1:2"
SAME = {
    "one version, other members": ("server.1=h:1:2\nversion=5", "server.2=x:3:4\nversion=5", True),
    "another version, equal members": (f"{ONE}\nversion=1", f"{ONE}\nversion=2", True),
    "another version, another port": (f"{ONE}\nversion=1", "server.1=h:1:3\nversion=2", False),
    "another version, a client address more": (
        f"{ONE}\nversion=1",
        f"{ONE};9\nversion=2",
        False,
    ),
    "another version, another type": (
        f"{ONE}\nserver.2=h:3:4\nversion=1",
        f"{ONE}\nserver.2=h:3:4:observer\nversion=2",
        False,
    ),
    "one version, majority and hierarchy": (
        "server.1=h:1:2\nserver.2=h:3:4",
        GROUPED,
        False,
    ),
    "another version, weights spelled out": (
        f"{GROUPED}\nversion=1",
        f"{GROUPED}\nweight.1=1\nversion=2",
        True,
    ),
    "another version, other weights": (
        f"{GROUPED}\nversion=1",
        f"{GROUPED}\nweight.1=2\nversion=2",
        False,
    ),
}


@pytest.mark.parametrize(("a", "b", "same"), SAME.values(), ids=SAME.keys())
def test_two_configurations_are_the_same(a: str, b: str, same: bool) -> None:
    one, two = parse_configuration(a), parse_configuration(b)
    assert one.same_as(two) is same
    assert two.same_as(one) is same


def test_another_version_of_the_same_members() -> None:
    found = parse_configuration(THREE).with_version(0x100000000)
    assert found.text().endswith("\nversion=100000000")
    assert found.same_as(parse_configuration(THREE))


HOSTS = st.from_regex(
    r"[a-z][a-z0-9.-]{0,9}|[0-9]{1,3}(\.[0-9]{1,3}){3}|::[0-9a-f]{1,4}", fullmatch=True
)
ADDRESSES = st.builds(Address, HOSTS, st.integers(0, 65535))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    members: dict[Sid, Member] = {}
    for sid in draw(st.sets(st.integers(0, 2**63 - 1).map(Sid), min_size=1, max_size=5)):
        host = draw(HOSTS)
        quorum, election = draw(
            st.lists(st.integers(0, 65535), min_size=2, max_size=2, unique=True)
        )
        pair = (Address(host, quorum), Address(host, election))
        votes = draw(st.booleans()) or not members
        members[sid] = Member(sid, (pair,), votes, draw(st.none() | ADDRESSES))
    voters = frozenset(sid for sid, one in members.items() if one.votes)
    version = draw(st.integers(0, 2**63 - 1))
    if draw(st.booleans()):
        return Configuration(members, version)
    return Configuration(members, version, {1: voters}, dict.fromkeys(voters, 2))


@given(configurations())
def test_a_configuration_reads_back_what_it_prints(config: Configuration) -> None:
    again = parse_configuration(config.text())
    assert again.text() == config.text()
    assert dict(again.members) == dict(config.members)
    assert again.verifier == config.verifier
    assert again.voters == config.voters


PIECES = st.sampled_from(
    (
        "server.",
        "group.",
        "weight.",
        "version",
        "1",
        "2",
        "=",
        ":",
        ";",
        "|",
        "\\",
        "\\u00e9",
        "\\ud83d",
        "[",
        "]",
        "h",
        "observer",
        "99999",
        "-1",
        "#",
        "\n",
        " ",
        "\t",
        "\x1c",
        "é",
    )
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=20).map("".join) | st.text()


@given(TEXTS)
def test_any_text_parses_or_is_a_config_error(text: str) -> None:
    try:
        found = parse_configuration(text)
    except ConfigError as error:
        str(error).encode()
    else:
        assert parse_configuration(found.text()).text() == found.text()
