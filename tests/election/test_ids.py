"""64-bit arithmetic as Java does it, and the two halves of a zxid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import (
    NO_ZXID,
    OBSERVER_ID,
    UNSET,
    counter_of,
    epoch_of,
    hex64,
    wrap64,
    zxid_of,
)

ANY = st.integers(-(2**70), 2**70)
LONG = st.integers(-(2**63), 2**63 - 1)

WRAPS = {
    "zero": (0, 0),
    "the largest stays": (2**63 - 1, 2**63 - 1),
    "one past the largest is the smallest": (2**63, -(2**63)),
    "the smallest stays": (-(2**63), -(2**63)),
    "one below the smallest is the largest": (-(2**63) - 1, 2**63 - 1),
    "a whole span is nothing": (2**64, 0),
    "all ones are minus one": (2**64 - 1, -1),
}


@pytest.mark.parametrize(("number", "wrapped"), WRAPS.values(), ids=WRAPS.keys())
def test_a_number_wraps_as_a_java_long(number: int, wrapped: int) -> None:
    assert wrap64(number) == wrapped


@given(ANY)
def test_wrapping_is_reading_the_low_eight_bytes(number: int) -> None:
    low = (number % 2**64).to_bytes(8, "big")
    assert wrap64(number) == int.from_bytes(low, "big", signed=True)


@given(LONG)
def test_a_long_wraps_to_itself(number: int) -> None:
    assert wrap64(number) == number


@given(ANY, ANY)
def test_wrapping_early_or_late_gives_the_same_sum(a: int, b: int) -> None:
    assert wrap64(a + b) == wrap64(wrap64(a) + wrap64(b))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1))
def test_a_zxid_gives_back_its_halves(epoch: int, counter: int) -> None:
    zxid = zxid_of(epoch, counter)
    assert (epoch_of(zxid), counter_of(zxid)) == (epoch, counter)


@given(LONG)
def test_a_zxid_is_its_halves_put_together(zxid: int) -> None:
    assert zxid_of(epoch_of(zxid), counter_of(zxid)) == zxid


def test_the_epoch_is_an_arithmetic_shift() -> None:
    assert epoch_of(NO_ZXID) == -1


def test_an_epoch_past_31_bits_makes_a_negative_zxid() -> None:
    """protocol: an acceptedEpoch of 0x7fffffff led to zxid 0x8000000000000000."""
    assert zxid_of(0x7FFFFFFF + 1) == UNSET
    assert hex64(zxid_of(0x80000000)) == "0x8000000000000000"


SHOWN = {
    "small": (zxid_of(1, 2), "0x100000002"),
    "negative": (-1, "0xffffffffffffffff"),
    "the anonymous observer": (OBSERVER_ID, "0x7fffffffffffffff"),
}


@pytest.mark.parametrize(("number", "shown"), SHOWN.values(), ids=SHOWN.keys())
def test_ids_are_shown_as_hex(number: int, shown: str) -> None:
    assert hex64(number) == shown
