"""Single values of a plan, and what YAML makes of a scalar."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import PlanError
from chaos.plan.amount_words import bandwidth, span
from chaos.plan.load import load_plan
from chaos.plan.tree import scalar
from chaos.plan.values import bytes_per_s, duration_ns, long, offset_ns, rate_ppm, share_ppm

GOOD = {
    "milliseconds": (duration_ns, "200ms", 200_000_000),
    "seconds": (duration_ns, "5s", 5_000_000_000),
    "half a second": (duration_ns, "0.5s", 500_000_000),
    "minutes": (duration_ns, "2m", 120_000_000_000),
    "hours": (duration_ns, "1h", 3_600_000_000_000),
    "nothing": (duration_ns, "0ms", 0),
    "back in time": (offset_ns, "-50ms", -50_000_000),
    "per cent": (share_ppm, "30%", 300_000),
    "per cent without sign": (share_ppm, "30", 300_000),
    "half a per cent": (share_ppm, "0.5%", 5_000),
    "everything": (share_ppm, "100%", 1_000_000),
    "half as fast again": (rate_ppm, "1.5", 1_500_000),
    "trailing zero": (rate_ppm, "1.10", 1_100_000),
    "bytes a second": (bytes_per_s, "500B/s", 500),
    "kibibytes": (bytes_per_s, "0.5KiB/s", 512),
    "mebibytes": (bytes_per_s, "2MiB/s", 2 << 20),
    "decimal id": (long, "-7", -7),
    "hex id": (long, "0x100000003", 0x100000003),
    "hex of -1": (long, "0xffffffffffffffff", -1),
    "largest": (long, "0x7fffffffffffffff", 2**63 - 1),
    "smallest": (long, str(-(2**63)), -(2**63)),
}


@pytest.mark.parametrize(("read", "text", "value"), GOOD.values(), ids=GOOD.keys())
def test_a_value_is_read_exactly(read: Callable[[str], int], text: str, value: int) -> None:
    assert read(text) == value


BAD = {
    "no unit": (duration_ns, "5", "5 has no unit; write 5ms or 5s"),
    "more than 63 bits": (duration_ns, "2562048h", "longer than 292 years"),
    "unknown unit": (duration_ns, "5d", "its unit is one of"),
    "blank before the unit": (duration_ns, "5 s", "its unit is one of"),
    "negative": (duration_ns, "-5s", "is no duration"),
    "part of a nanosecond": (duration_ns, "0.5ns", "not a whole number of nanoseconds"),
    "words": (duration_ns, "soon", "write 200ms, 5s or 2m"),
    "more than all": (share_ppm, "101%", "up to 100%"),
    "no share": (share_ppm, "half", "is no percentage"),
    "frozen": (rate_ppm, "0", "from 0.01 to 100"),
    "backward": (rate_ppm, "-1", "is no speed"),
    "no bandwidth at all": (bytes_per_s, "0B/s", "not from 1B/s to 1024MiB/s"),
    "bits": (bytes_per_s, "2kbit/s", "write 500B/s, 2KiB/s or 1MiB/s"),
    "part of a byte": (bytes_per_s, "1.5B/s", "not a whole number of bytes"),
    "65 bits": (long, str(2**63), "does not fit into 64 bits"),
    "no number": (long, "seven", "is no 64-bit number"),
}


@pytest.mark.parametrize(("read", "text", "told"), BAD.values(), ids=BAD.keys())
def test_a_bad_value_says_what_would_do(read: Callable[[str], int], text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read(text)


@given(st.integers(min_value=0, max_value=10**18))
def test_a_span_is_written_as_it_is_read(time_ns: int) -> None:
    assert duration_ns(span(time_ns)) == time_ns


@given(st.integers(min_value=1, max_value=1 << 30))
def test_a_bandwidth_is_written_as_it_is_read(rate: int) -> None:
    assert bytes_per_s(bandwidth(rate)) == rate


SCALARS = {
    "true": ("true", True),
    "False": ("False", False),
    "nothing": ("~", None),
    "empty": ("", None),
    "integer": ("-12", -12),
    "hex": ("0x1f", 31),
    "octal of 1.2": ("0o17", 15),
    "decimal keeps its zero": ("1.10", Decimal("1.10")),
    "exponent": ("1e3", Decimal(1000)),
    "word": ("leader", "leader"),
    "y is a word": ("y", "y"),
}


@pytest.mark.parametrize(("text", "value"), SCALARS.values(), ids=SCALARS.keys())
def test_a_scalar_follows_the_core_schema(text: str, value: object) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


TRAPS = {
    "truth value": ("description: yes", "is a truth value in YAML 1.1"),
    "sexagesimal": ("description: 1:30", "counts in sixties"),
    "octal": ("seed: 010", "is octal in YAML 1.1"),
    "date": ("owner: 2026-08-20", "is a date in YAML 1.1"),
    "underscores": ("seed: 1_000", "without the _"),
    "number as a text": ("owner: 1.10", 'quote it: "1.10"'),
    "tag": ("owner: !!str 7", "tags are not supported: !!str"),
    "own tag": ("owner: !me 7", "tags are not supported: !me"),
    "merge key": ("<<: {owner: me}", "merge keys are not supported"),
    "list as a key": ("[a]: 1", "a key is a word"),
    "null byte": ("owner: \x00", "this is no YAML"),
}


@pytest.mark.parametrize(("line", "told"), TRAPS.values(), ids=TRAPS.keys())
def test_what_yaml_reads_in_two_ways_is_an_error(line: str, told: str) -> None:
    text = f"version: 1\nname: p\nensemble: {{size: 3}}\nsteps: []\n{line}\n"
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert told in str(caught.value)


def test_quotes_make_a_text_of_anything() -> None:
    text = 'version: 1\nname: "010"\nensemble: {size: 3}\nsteps: []\nowner: "on"\n'
    plan = load_plan(text, "p.yaml")
    assert (plan.name, plan.owner) == ("010", "on")


def test_aliases_that_grow_without_end_are_refused() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 9):
        laughs += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n"
    with pytest.raises(PlanError, match="at most 20000 values"):
        load_plan(laughs, "p.yaml")


def test_an_alias_of_itself_is_refused() -> None:
    with pytest.raises(PlanError, match="nested at most 30 deep"):
        load_plan("x-a: &a [*a]\n", "p.yaml")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(PlanError, match="nested at most 30 deep"):
        load_plan("x-a: " + "[" * 5000 + "]" * 5000, "p.yaml")


def test_a_plan_has_a_size() -> None:
    with pytest.raises(PlanError, match="at most 1000000 bytes"):
        load_plan("# " + "x" * 1_000_000, "p.yaml")
