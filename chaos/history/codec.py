"""Events as JSON lines.

A record becomes ``{"k": "Name", …}`` with its fields by name; fields at their default are
left out. Long texts (configurations) are written once, as a line ``{"k": "text", …}``, and
named by their digest afterwards, since each notification carries one. ``FORMAT`` counts
incompatible changes; ``docs/history-format.md`` describes the lines.
"""

from __future__ import annotations

import json
from _blake2 import blake2b  # hashlib's, without OpenSSL: half a MiB less in every peer
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cached_property
from types import UnionType
from typing import TypeGuard, get_args, get_origin, get_type_hints

from chaos import actions
from chaos.election import effects, moments, notification, packets, spec, timings, vote
from chaos.errors import HistoryError
from chaos.history import events
from chaos.history.events import Event
from chaos.history.kinds import Kind, kind_of

FORMAT = 1

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_LONG = 40  # characters from which a text is written once and then named
_quoted = json.encoder.encode_basestring_ascii
_compact = json.JSONEncoder(separators=(",", ":")).encode
_EVENTS = (
    *get_args(events.PeerEvent),
    *get_args(events.ForeignEvent),
    *get_args(events.HarnessEvent),
)
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Writer:
    """Turns events into lines; remembers which long texts it has written."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._fresh: list[str] = []

    def lines(self, event: Event) -> str:
        """The line of ``event`` with its newline, after the lines of texts that are new."""
        body = _SHAPES[type(event)].line(event) or _compact(self.json_of(event))
        if not self._fresh:
            return body + "\n"
        fresh, self._fresh = self._fresh, []
        return "".join([*fresh, body, "\n"])

    def json_of(self, value: object) -> Json:
        """One value as JSON; long texts by their names."""
        kind = type(value)
        if kind is int or kind is bool or value is None:
            return value  # type: ignore[return-value]
        if kind is str:
            return value if len(value) < _LONG else self._name(value)  # type: ignore[arg-type,return-value]
        if isinstance(value, Enum):
            return value.value  # type: ignore[no-any-return]
        if kind is tuple:
            return [self.json_of(item) for item in value]  # type: ignore[attr-defined]
        shape = _SHAPES[kind] if kind in _RECORDS else None
        if shape is None:
            return self._other(value)
        found: dict[str, Json] = {"k": kind.__name__}
        for name, default in shape.defaults:
            item = getattr(value, name)
            if item != default:
                found[name] = self.json_of(item)
        return found

    def _other(self, value: object) -> Json:
        match value:
            case bytes():
                return {"k": "bytes", "hex": value.hex()}
            case frozenset():
                return [self.json_of(item) for item in sorted(value)]
            case Mapping():
                return {str(key): self.json_of(item) for key, item in value.items()}
            case _:
                raise TypeError(f"no JSON for {type(value).__name__}")

    def _name(self, text: str) -> str:
        name = self._known.get(text)
        if name is None:
            name = "#" + blake2b(_bytes(text), digest_size=8).hexdigest()
            self._known[text] = name
            self._fresh.append(_compact({"k": "text", "name": name, "text": text}) + "\n")
        return name


class Reader:
    """Turns lines into events again."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def event(self, line: str) -> Event | None:
        """The event of one line, or ``None`` for a line that holds a text.

        Raises:
            HistoryError: the line is no event of this format.
        """
        try:
            raw = json.loads(line)
            if raw["k"] == "text":
                self._texts[raw["name"]] = raw["text"]
                return None
            found = self.value_of(raw)
        except _NONSENSE as error:
            raise HistoryError(f"no event of format {FORMAT}: {line[:120]!r} ({error})") from error
        if not _is_event(found):
            raise HistoryError(f"no event of format {FORMAT}: {line[:120]!r}")
        return found

    def events(self, lines: Iterable[str]) -> Iterator[Event]:
        """All events of ``lines``. A torn last line, without its newline, is left out."""
        for line in lines:
            if not line.endswith("\n"):
                return
            found = self.event(line)
            if found is not None:
                yield found

    def value_of(self, raw: Json) -> object:
        """What :meth:`Writer.json_of` made ``raw`` of."""
        if isinstance(raw, str):
            return self._texts[raw] if raw[:1] == "#" and raw in self._texts else raw
        if isinstance(raw, list):
            return tuple(self.value_of(item) for item in raw)
        if not isinstance(raw, dict):
            return raw
        name = raw.pop("k", None)
        if name is None:
            return {key: self.value_of(item) for key, item in raw.items()}
        if name == "bytes":
            return bytes.fromhex(str(raw["hex"]))
        kind = _BY_NAME[str(name)]
        shape = _SHAPES[kind]
        found = {key: self.value_of(item) for key, item in raw.items()}
        for key, enum in shape.enums:
            if found.get(key) is not None:
                found[key] = enum(found[key])
        record = kind(**found)
        kinds = shape.kinds
        for key, value in found.items():
            if not kinds[key].fits(value):
                raise TypeError(f"{name} has no {key} like {value!r:.40}")
        return record


class _Plain(Writer):
    """A writer that leaves every text where it stands."""

    def _name(self, text: str) -> str:
        return text


def to_json(record: object) -> Json:
    """One record as JSON of its own, for a message rather than a history.

    Raises:
        TypeError: it is no record of this codec.
    """
    return _Plain().json_of(record)


def from_json(raw: Json) -> object:
    """The record that :func:`to_json` made ``raw`` of.

    Raises:
        HistoryError: it is no record of this codec.
    """
    try:
        return Reader().value_of(raw)
    except _NONSENSE as error:
        raise HistoryError(f"no record of format {FORMAT}: {raw!r} ({error})") from error


def _bytes(text: str) -> bytes:
    """Any text has bytes, also one that quotes half a character of a stranger."""
    return text.encode("utf-8", "surrogatepass")


def _is_event(value: object) -> TypeGuard[Event]:
    return isinstance(value, _EVENTS)


class _Shape:
    """The fields of one record: their defaults, and which of them are enumerations."""

    def __init__(self, kind: type) -> None:
        assert is_dataclass(kind)
        self._head = f'{{"k":"{kind.__name__}"'
        self.defaults = tuple((f.name, _default(f.default)) for f in fields(kind) if f.init)
        self._hints = get_type_hints(kind)
        self.enums: tuple[tuple[str, Callable[[object], object]], ...] = tuple(
            (name, enum)
            for name, hint in self._hints.items()
            for enum in get_args(hint) or (hint,)
            if isinstance(enum, type) and issubclass(enum, Enum)
        )

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each field may hold; only who reads asks."""
        return {name: kind_of(hint) for name, hint in self._hints.items()}

    def line(self, record: object) -> str:
        """The JSON of a record of numbers and short texts; empty for any other.

        Most lines of a journal are of that kind, and this is four times as fast.
        """
        parts = [self._head]
        for name, default in self.defaults:
            value = getattr(record, name)
            if value == default:
                continue
            kind = type(value)
            if kind is int:
                parts.append(f',"{name}":{value}')
            elif kind is str and len(value) < _LONG:
                parts.append(f',"{name}":{_quoted(value)}')
            elif kind is bool:
                parts.append(f',"{name}":{"true" if value else "false"}')
            else:
                return ""
        parts.append("}")
        return "".join(parts)


class _Nothing:
    """Equal to no value: the default of a field that has none."""


def _default(default: object) -> object:
    return _Nothing() if default is MISSING else default


def _records(*unions: object) -> Iterator[type]:
    for union in unions:
        if get_origin(union) is UnionType or isinstance(union, UnionType):
            yield from _records(*get_args(union))
        elif isinstance(union, type):
            yield union


_RECORDS = frozenset(
    _records(
        *_EVENTS,
        effects.Input,
        effects.Effect,
        packets.Packet,
        actions.Action,
        actions.Cut,
        actions.PortCut,
        actions.Evidence,
        effects.Timer,
        moments.Awaited,
        packets.Txn,
        notification.Notification,
        vote.Vote,
        spec.PeerSpec,
        timings.Timings,
    )
)
_BY_NAME = {kind.__name__: kind for kind in _RECORDS}
assert len(_BY_NAME) == len(_RECORDS), "two records share a name"


class _Shapes(dict[type, _Shape]):
    """The shapes of records, each made when it is first asked for."""

    def __missing__(self, kind: type) -> _Shape:
        if kind not in _RECORDS:
            raise KeyError(kind)
        shape = self[kind] = _Shape(kind)
        return shape


_SHAPES = _Shapes()
