"""The dynamic configuration: who is in the ensemble, where, and with what weight.

Source: ZooKeeper 3.8 ``QuorumPeerConfig.parseDynamicConfig``, ``QuorumServer``,
``QuorumMaj.equals`` and ``QuorumHierarchical.equals``. Every text that does not
parse is a :class:`~chaos.errors.ConfigError` here; ZooKeeper lets some of them
end its receiving thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumHierarchical, QuorumMaj, QuorumVerifier
from chaos.errors import ConfigError

PARTICIPANT = "participant"
OBSERVER = "observer"
_MAX = 2**63 - 1  # of ids, weights and versions: Java longs
_HOST = r"\[[^\[\]\\\s]+\]|[^:\[\]\\\s]+"  # no blank, no backslash: it must print as it was read
_SERVER_PART = re.compile(rf"({_HOST}):([^:]+):([^:]+)(?::([^:]+))?")
_CLIENT = re.compile(rf"(?:({_HOST}):)?([^:]*)")
_NUMBER = re.compile(r"[ \t-\r]*[+-]?[0-9]{1,19}[ \t-\r]*")  # what int() takes for space
_VERSION = re.compile(r"-?[0-9a-fA-F]{1,16}")
_KEY = re.compile(r"((?:\\.|[^\\=:\s])*)[ \t\f]*[=:]?[ \t\f]*")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port. ``str()`` brackets an IPv6 host."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Member:
    """One ``server.N`` line: where the server listens and whether it votes.

    ``addresses`` holds one (quorum, election) pair for each address of the server.
    """

    sid: Sid
    addresses: tuple[tuple[Address, Address], ...]
    votes: bool = True
    client: Address | None = None

    @property
    def quorum(self) -> Address:
        """Where it listens for learners while it leads."""
        return self.addresses[0][0]

    @property
    def election(self) -> Address:
        """Where it listens for notifications."""
        return self.addresses[0][1]

    def __str__(self) -> str:
        kind = PARTICIPANT if self.votes else OBSERVER
        text = "|".join(f"{q}:{e.port}:{kind}" for q, e in self.addresses)
        return text if self.client is None else f"{text};{self.client}"


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """An ensemble's membership at one version.

    ``groups`` and ``weights`` are empty under a plain majority.
    """

    members: Mapping[Sid, Member]
    version: int = 0
    groups: Mapping[int, frozenset[Sid]] = field(default_factory=lambda: MappingProxyType({}))
    weights: Mapping[Sid, int] = field(default_factory=lambda: MappingProxyType({}))
    verifier: QuorumVerifier = field(init=False)
    voters: frozenset[Sid] = field(init=False)

    def __post_init__(self) -> None:
        voters = frozenset(sid for sid, member in self.members.items() if member.votes)
        object.__setattr__(self, "voters", voters)
        object.__setattr__(self, "verifier", self._verifier(voters))

    def _verifier(self, voters: frozenset[Sid]) -> QuorumVerifier:
        if not self.groups and not self.weights:
            return QuorumMaj(voters)
        weights = {sid: self.weights.get(sid, 1) for sid in sorted(voters)}
        return QuorumHierarchical(voters, self.groups, weights)

    @property
    def observers(self) -> frozenset[Sid]:
        """The members that do not vote."""
        return frozenset(self.members) - self.voters

    def same_as(self, other: Configuration) -> bool:
        """ZooKeeper's equality: an equal version, or else equal members and weights."""
        if type(self.verifier) is not type(other.verifier):
            return False
        return self.version == other.version or (
            dict(self.members) == dict(other.members)
            and dict(self.groups) == dict(other.groups)
            and self.verifier == other.verifier
        )

    def with_version(self, version: int) -> Configuration:
        """The same members under another version."""
        return replace(self, version=version)

    def text(self) -> str:
        """The text as it travels in notifications: no newline after the version."""
        lines = [f"server.{sid}={self.members[sid]}" for sid in sorted(self.members)]
        if isinstance(self.verifier, QuorumHierarchical):
            for group in sorted(self.groups):
                joined = ":".join(str(sid) for sid in sorted(self.groups[group]))
                lines.append(f"group.{group}={joined}")
            lines += [f"weight.{sid}={w}" for sid, w in sorted(self.verifier.weights.items())]
        lines.append(f"version={self.version:x}")
        return "\n".join(lines)


@lru_cache(maxsize=256)
def parse_configuration(text: str) -> Configuration:
    """Read a configuration text.

    Raises:
        ConfigError: an unknown key, a bad address, number or version, no participant
            beside observers, or groups that do not fit the voters.
    """
    members: dict[Sid, Member] = {}
    groups: dict[int, frozenset[Sid]] = {}
    weights: dict[Sid, int] = {}
    version = 0
    for key, value in _properties(text).items():
        if key.startswith("server."):
            sid = Sid(_number(key.removeprefix("server."), "server id"))
            members[sid] = _member(sid, value)
        elif key.startswith("group."):
            group = _number(key.removeprefix("group."), "group id")
            groups[group] = frozenset(Sid(_number(p, "server id")) for p in value.split(":"))
        elif key.startswith("weight."):
            weights[Sid(_number(key.removeprefix("weight."), "server id"))] = _number(
                value, "weight"
            )
        elif key == "version":
            version = _version(value)
        else:
            raise ConfigError(f'unrecognised parameter "{key}" in a configuration')
    if members and not any(member.votes for member in members.values()):
        raise ConfigError("a configuration of observers alone has no quorum")
    _fits(groups, weights, members)
    return Configuration(
        MappingProxyType(members), version, MappingProxyType(groups), MappingProxyType(weights)
    )


def _fits(
    groups: Mapping[int, frozenset[Sid]], weights: Mapping[Sid, int], members: Mapping[Sid, Member]
) -> None:
    if not groups and not weights:
        return
    seen: set[Sid] = set()
    for group, sids in groups.items():
        if seen & sids:
            raise ConfigError(f"server {min(seen & sids)} is in two groups, one is {group}")
        seen |= sids
    lost = [sid for sid, member in members.items() if member.votes and sid not in seen]
    if lost:
        raise ConfigError(f"voter {min(lost)} is in no group")
    if any(weight < 0 for weight in weights.values()):
        raise ConfigError("a weight is negative")


def _member(sid: Sid, value: str) -> Member:
    server, *client = value.split(";")
    if len(client) > 1:
        raise ConfigError(f'server.{sid}: more than one ";" in "{value}"')
    kinds: set[bool] = set()
    addresses: list[tuple[Address, Address]] = []
    for part in server.split("|"):
        host, quorum, election, kind = _server_part(sid, part)
        kinds.add(kind)
        addresses.append((Address(host, quorum), Address(host, election)))
    if len(kinds) > 1:
        raise ConfigError(f"server.{sid}: its addresses disagree on the peer type")
    return Member(sid, tuple(addresses), kinds.pop(), _client(client[0]) if client else None)


def _server_part(sid: Sid, part: str) -> tuple[str, int, int, bool]:
    found = _SERVER_PART.fullmatch(part.strip())
    if found is None:
        raise ConfigError(f'server.{sid}: "{part}" is not host:quorumPort:electionPort[:type]')
    host, quorum, election, kind = found.groups()
    role = (kind or PARTICIPANT).strip().lower()
    if role not in (PARTICIPANT, OBSERVER):
        raise ConfigError(f'server.{sid}: unrecognised peer type "{kind}"')
    ports = _port(quorum), _port(election)
    if ports[0] == ports[1]:
        raise ConfigError(f"server.{sid}: quorum and election port are both {ports[0]}")
    return host.strip("[]"), *ports, role == PARTICIPANT


def _client(text: str) -> Address:
    found = _CLIENT.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f'"{text}" is no client address; write port, or host:port')
    host = found.group(1) or "0.0.0.0"  # noqa: S104 - ZooKeeper's default
    return Address(host.strip("[]"), _port(found.group(2)))


def _number(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text) or abs(int(text)) > _MAX:
        raise ConfigError(f'"{text}" is no {what}')
    return int(text)


def _port(text: str) -> int:
    port = _number(text, "port")
    if not 0 <= port <= 65535:
        raise ConfigError(f"port {port} is out of 0..65535")
    return port


def _version(text: str) -> int:
    if not _VERSION.fullmatch(text) or abs(int(text, 16)) > _MAX:
        raise ConfigError(f'version "{text}" is no hexadecimal number of 63 bits')
    return int(text, 16)


def _properties(text: str) -> dict[str, str]:
    """Java properties: ``=`` or ``:`` separates, ``#`` and ``!`` comment, the last key wins."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        match = _KEY.match(line)
        assert match is not None
        found[_unescape(match.group(1))] = _unescape(line[match.end() :])
    return found


def _logical_lines(text: str) -> Iterator[str]:
    held = ""
    for line in _NEWLINE.split(text):
        part = line.lstrip(" \t\f")
        if not held and (not part or part[0] in "#!"):
            continue
        slashes = len(part) - len(part.rstrip("\\"))
        if slashes % 2:
            held += part[:-1]
            continue
        yield held + part
        held = ""
    if held:
        yield held


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        word = match.group(1)
        if word[0] != "u":
            return _ESCAPES.get(word, word)
        if len(word) != 5:
            raise ConfigError(f'malformed \\u escape in "{text}"')
        code = int(word[1:], 16)
        if 0xD800 <= code <= 0xDFFF:  # a surrogate could be neither printed nor journalled
            raise ConfigError(f"\\u{code:04x} is half a character")
        return chr(code)

    return _ESCAPE.sub(one, text) if "\\" in text else text
