"""Single values as a plan writes them: durations, shares, speeds, 64-bit ids.

Each function takes the text and raises ValueError with what would do.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from chaos.faults.base import Unit
from chaos.plan.ranges import Range

DURATION: Final = r"[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h)"
OFFSET: Final = rf"-?{DURATION}"
SHARE: Final = r"[0-9]+(\.[0-9]+)?%?"
RATE: Final = r"[0-9]+(\.[0-9]+)?"
BANDWIDTH: Final = r"[0-9]+(\.[0-9]+)?(B|KiB|MiB)/s"
LONG: Final = r"-?[0-9]{1,19}|0x[0-9a-fA-F]{1,16}"

_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_BYTES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
_RATE_MAX: Final = 1 << 30
_MILLION: Final = 1_000_000
_HALF: Final = 2**63


def duration_ns(text: str) -> int:
    """``200ms`` as whole nanoseconds.

    Raises:
        ValueError: it has no number, no unit, a part of a nanosecond, or more than 63 bits of them.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([a-z]+)?", text)
    if found is None:
        raise ValueError(f'"{text}" is no duration; write 200ms, 5s or 2m')
    number, unit = found.groups()
    if unit is None:
        raise ValueError(f"{text} has no unit; write {number}ms or {number}s")
    if unit not in _NS or " " in text:
        raise ValueError(f'"{text}" is no duration; its unit is one of {", ".join(_NS)}')
    time_ns = _whole(Decimal(number) * _NS[unit], text, "nanosecond")
    if time_ns >= _HALF:
        raise ValueError(f"{text} is longer than 292 years; nothing waits for so long")
    return time_ns


def offset_ns(text: str) -> int:
    """``50ms`` or ``-50ms`` as whole nanoseconds.

    Raises:
        ValueError: what follows the sign is no duration.
    """
    return -duration_ns(text[1:]) if text.startswith("-") else duration_ns(text)


def share_ppm(text: str) -> int:
    """``30`` or ``0.5%`` of a hundred, as parts per million.

    Raises:
        ValueError: it is no percentage from 0 to 100.
    """
    if not re.fullmatch(SHARE, text) or Decimal(text.removesuffix("%")) > 100:
        raise ValueError(f'"{text}" is no percentage; write 30% or 0.5%, up to 100%')
    return _whole(Decimal(text.removesuffix("%")) * 10_000, text, "millionth")


def bytes_per_s(text: str) -> int:
    """``500B/s``, ``2KiB/s`` or ``1MiB/s`` as bytes a second.

    Raises:
        ValueError: it has no number, no such unit, or is no whole number of bytes above zero.
    """
    if not re.fullmatch(BANDWIDTH, text):
        raise ValueError(f'"{text}" is no bandwidth; write 500B/s, 2KiB/s or 1MiB/s')
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]+)/s", text)
    assert found is not None
    number, unit = found.groups()
    rate = _whole(Decimal(number) * _BYTES[unit], text, "byte")
    if not 0 < rate <= _RATE_MAX:
        raise ValueError(f"{text} is not from 1B/s to 1024MiB/s")
    return rate


def rate_ppm(text: str) -> int:
    """``1.5`` times true speed, as parts per million.

    Raises:
        ValueError: it is no number from 0.01 to 100.
    """
    if not re.fullmatch(RATE, text) or not Decimal("0.01") <= Decimal(text) <= 100:
        raise ValueError(f'"{text}" is no speed; write "1.5" or "0.5", from 0.01 to 100')
    return _whole(Decimal(text) * _MILLION, text, "millionth")


def long(text: str) -> int:
    """A signed 64-bit number, decimal or hex; hex has two's complement.

    Raises:
        ValueError: it does not fit, or is no number.
    """
    if not re.fullmatch(LONG, text):
        raise ValueError(f'"{text}" is no 64-bit number; write 7 or "0x100000003"')
    number = int(text, 0) if text.startswith("0x") else int(text)
    if text.startswith("0x") and number >= _HALF:
        return number - 2 * _HALF
    if not -_HALF <= number < _HALF:
        raise ValueError(f"{text} does not fit into 64 bits")
    return number


def _whole(number: Decimal, text: str, unit: str) -> int:
    if number != number.to_integral_value():
        raise ValueError(f'"{text}" is not a whole number of {unit}s')
    return int(number)


READ: Final = {
    Unit.DURATION: duration_ns,
    Unit.OFFSET: offset_ns,
    Unit.PERCENT: share_ppm,
    Unit.RATE: rate_ppm,
    Unit.BANDWIDTH: bytes_per_s,
    Unit.LONG: long,
}
PATTERN: Final = {
    Unit.DURATION: DURATION,
    Unit.OFFSET: OFFSET,
    Unit.PERCENT: SHARE,
    Unit.RATE: RATE,
    Unit.BANDWIDTH: BANDWIDTH,
    Unit.LONG: LONG,
}
BARE: Final = frozenset({Unit.PERCENT, Unit.RATE, Unit.LONG})  # may be numbers without quotes


def quantity(text: str, unit: Unit, *, ranged: bool) -> int:
    """A number of this unit, or the range ``a..b`` of two.

    Raises:
        ValueError: it is neither, or a range where nothing is drawn.
    """
    if ".." not in text:
        return READ[unit](text)
    if not ranged:
        where = 'the "with" and "for" of faults, and "every"'
        raise ValueError(f"{text} is a range; only {where} are drawn")
    first, second = text.split("..", 1)
    low, high = READ[unit](first), READ[unit](second)
    if low >= high:
        raise ValueError(f"{text} does not go up; write {second}..{first}, or one value")
    return Range(low, high, _step(low, high) if unit in (Unit.DURATION, Unit.OFFSET) else 1)


def _step(low_ns: int, high_ns: int) -> int:
    """The coarsest unit that still leaves a hundred values, so that what is drawn reads well."""
    for step in (_MILLION, 1_000):
        if low_ns % step == high_ns % step == 0 and high_ns - low_ns >= 100 * step:
            return step
    return 1
