"""Lines of a campaign are read as they were written; what counts of them follows from the codes."""

from __future__ import annotations

import pytest

from chaos.campaign.record import RunRecord, counted, line, read_records
from chaos.errors import HistoryError


def run(code: int, *, warmup: bool = False) -> RunRecord:
    return RunRecord("p", "size=3", "simulated", 1, 1, warmup, code, "so", "reports/x", "chaos run")


COUNTED = {
    "each run counts": ([0, 3, 4], [], None, [0, 3, 4], False),
    "what is not valid does not count if enough is": ([0, 0, 3, 4], [], 2, [0, 0], False),
    "too few are valid": ([0, 3, 4], [], 2, [0, 3], True),
    "a failure is valid, and counts": ([1, 7, 3], [], 2, [1, 7], False),
    "residue counts whatever is valid": ([0, 8], [], 1, [0, 8], False),
    "who warms up is kept out": ([0], [1, 3, 4], None, [0], False),
    "but for what breaks safety or is left behind": ([0], [7, 8], 1, [7, 8, 0], False),
    "who warms up makes nothing valid": ([3], [0, 0], 1, [3], True),
    "nothing ran": ([], [], None, [], False),
}


@pytest.mark.parametrize(
    ("codes", "warm", "least", "count", "short"), COUNTED.values(), ids=COUNTED.keys()
)
def test_what_counts(
    codes: list[int], warm: list[int], least: int | None, count: list[int], short: bool
) -> None:
    records = [*(run(code, warmup=True) for code in warm), *map(run, codes)]
    found, why = counted(records, least)
    assert (found, bool(why)) == (count, short)


def test_records_are_read_as_they_were_written() -> None:
    records = [run(0), run(1, warmup=True)]
    assert read_records(map(line, records)) == records


@pytest.mark.parametrize("cut", range(1, len(line(run(0)))))
def test_a_torn_last_line_leaves_those_before_it(cut: int) -> None:
    assert read_records([line(run(0)), line(run(1))[:-cut]]) == [run(0)]


WRONG = {
    "no JSON": "so\n",
    "another record": '{"format":1}\n',
    "no format": "{}\n",
    "a later format": line(run(0)).replace('"format":1', '"format":2'),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_campaign_is_told_with_its_line(text: str) -> None:
    with pytest.raises(HistoryError, match="line 2 is"):
        read_records([line(run(0)), text])


FAILED = {
    "held": (run(0), False),
    "failed": (run(1), True),
    "inconclusive": (run(3), False),
    "failed while it warmed up": (run(1, warmup=True), False),
    "unsafe while it warmed up": (run(7, warmup=True), True),
}


@pytest.mark.parametrize(("record", "failed"), FAILED.values(), ids=FAILED.keys())
def test_a_failure_that_ends_the_runs(record: RunRecord, failed: bool) -> None:
    assert record.failed is failed
