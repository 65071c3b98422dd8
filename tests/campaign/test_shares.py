"""In how large a share of runs an expectation holds, and how sure that is."""

from __future__ import annotations

import pytest

from chaos.campaign.record import RunRecord
from chaos.campaign.shares import Share, shares

WORDS = {
    "never failed": (
        ["holds"] * 30,
        "quick held in all 30 runs: it fails in 9.5 % of runs at most (95 % sure)",
    ),
    "failed at times": (
        [*["holds"] * 27, *["fails"] * 3],
        "quick held in 27 of 30 runs: in 74.4 % to 96.5 % of runs (95 % sure)",
    ),
    "could not always tell": (
        ["holds", "holds", "unknown"],
        (
            "quick held in all 2 runs: it fails in 77.6 % of runs at most (95 % sure); "
            "1 more could not tell"
        ),
    ),
}


def run(outcome: str, repeat: int, *, warmup: bool = False, attempt: int = 1) -> RunRecord:
    verdicts = (
        {"name": "quick", "kind": "expectation", "outcome": outcome, "where": "p.yaml:9:5"},
        {"name": "peers_end_only_when_told", "kind": "expectation", "outcome": "holds"},
        {"name": "epoch_monotone", "kind": "invariant", "outcome": "holds", "where": "p.yaml:3:5"},
    )
    return RunRecord(
        "p", "", "simulated", 1, repeat, warmup, 0, "", "f", "", "", verdicts, attempt=attempt
    )


@pytest.mark.parametrize(("outcomes", "words"), WORDS.values(), ids=WORDS.keys())
def test_a_share_is_told_with_how_sure_it_is(outcomes: list[str], words: str) -> None:
    (share,) = shares(run(outcome, number) for number, outcome in enumerate(outcomes, 1))
    assert share.words() == words


def test_one_run_and_those_that_warm_up_are_no_share() -> None:
    assert shares([run("holds", 1), run("fails", 1, warmup=True), run("unknown", 2)]) == ()


def test_a_failure_is_one_however_the_next_attempt_ends() -> None:
    again = [run("unknown", 1), run("fails", 1, attempt=2), run("holds", 1, attempt=3)]
    assert shares([*again, run("holds", 2)]) == (Share("quick", 1, 1, 0),)
