"""The worked example of the language, as it stands: it loads, and runs where a simulation can."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.election.config import parse_configuration
from chaos.election.ids import Sid
from chaos.ensemble import configuration_of
from chaos.plan.lint.linter import errors, lint
from chaos.plan.load import load_cells, load_plan
from chaos.plan.model import MetricExpected, SetTest
from chaos.verify.aborts import HostAbove, PeerCrashed
from tests.runner.stage import lead

FILE = Path(__file__).parents[2] / "docs" / "worked-example.yaml"
TEXT = FILE.read_text(encoding="utf-8")


def test_every_cell_of_it_loads_without_an_error() -> None:
    cells = load_cells(TEXT, str(FILE))
    assert [cell.cell for cell in cells] == [
        "jitter=0ms,finalize_wait=100ms",
        "jitter=0ms,finalize_wait=200ms",
        "jitter=5ms,finalize_wait=100ms",
        "jitter=5ms,finalize_wait=200ms",
        "jitter=20ms,finalize_wait=200ms",
        "jitter=50ms,finalize_wait=400ms",
    ]
    assert errors(lint(cells[0])) == ()


def test_a_quorum_of_it_needs_four_of_seven() -> None:
    ensemble = load_plan(TEXT, str(FILE)).ensemble
    verifier = parse_configuration(configuration_of(ensemble, str).text()).verifier
    assert sum(verifier.weight(sid) for sid in verifier.voters) == 7
    assert verifier.contains_quorum(frozenset(map(Sid, (2, 4, 5))))
    assert not verifier.contains_quorum(frozenset(map(Sid, (1, 2, 5))))


def test_its_words_mean_what_they_say() -> None:
    plan = load_plan(TEXT, str(FILE))
    load, crash = plan.abort_when
    assert isinstance(load, HostAbove)
    assert (load.name, load.above, load.for_ns) == ("host.load", 900_000, 5_000_000_000)
    assert isinstance(crash, PeerCrashed)
    assert crash.unless_injected
    assert (plan.cleanup.deadline_ns, plan.cleanup.verify) == (5_000_000_000, True)
    assert [one.issue for one in plan.known_issues] == ["#123"]
    against = plan.expectations[-1]
    assert isinstance(against, MetricExpected)
    assert against.against is not None
    assert against.against.test is SetTest.MANN_WHITNEY
    assert plan.repeat.paired


# To whom the newer configuration goes is drawn. Where it goes to a follower, whoever looks for a
# leader later hears of it from that follower, and the leader, which has not got it, refuses them.
SEEDS = {"to the leader": (2, 0, 2), "to a follower": (1, 1, 4)}


@pytest.mark.parametrize(("seed", "code", "newer"), SEEDS.values(), ids=SEEDS)
def test_it_finds_who_is_locked_out_by_a_newer_configuration(
    seed: int, code: int, newer: int, tmp_path: Path
) -> None:
    led = lead(load_plan(TEXT, "worked-example.yaml"), tmp_path, seed=seed)
    assert led.step("newer-config").targets == (newer,)
    assert led.result.exit_code == code, led.result.headline
    failing = [one.signature for one in led.result.verdicts if one.outcome.value == "fails"]
    assert failing == ([] if code == 0 else ["election.timeout@settled"])
