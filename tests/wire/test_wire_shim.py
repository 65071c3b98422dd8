"""The laws of message faults: exact, independent of one another, first in first out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from statistics import mean, median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Port
from chaos.election.ids import Sid
from chaos.wire.shim import BOTH, ELECTION, Fate, LinkShim
from chaos.wire.spread import Distribution, longest_ns

MS = 1_000_000
ONE, TWO = Sid(1), Sid(2)
FAR = 10**9  # between two messages, so that order holds nobody back


def delays(
    shim: LinkShim, target: Sid = ONE, port: str = Port.ELECTION, n: int = 200, start: int = 0
) -> list[int]:
    times = [(start + number) * FAR for number in range(n)]
    return [shim.fate(target, port, at).due_ns - at for at in times]


def losses(shim: LinkShim, target: Sid = ONE, n: int = 200) -> list[str]:
    return [shim.fate(target, Port.ELECTION, at).lost_by for at in range(n)]


def slowed(seed: str = "7", name: str = "slow") -> LinkShim:
    shim = LinkShim(seed)
    shim.slow(name, {ONE: (40 * MS, 10 * MS)})
    return shim


def losing(ppm: int, seed: str = "7") -> LinkShim:
    shim = LinkShim(seed)
    shim.lose("lose", frozenset({ONE}), ppm)
    return shim


def test_the_ports_are_called_as_in_actions() -> None:
    assert str(Port.ELECTION) == ELECTION
    assert {port.value for port in Port} == BOTH


def test_without_a_rule_a_message_goes_out_at_once() -> None:
    assert LinkShim("7").fate(ONE, Port.ELECTION, 5) == Fate("", 5)


@pytest.mark.parametrize("port", Port)
def test_slow_delays_either_port_within_its_jitter(port: Port) -> None:
    seen = delays(slowed(), port=port)
    assert all(30 * MS <= delay <= 50 * MS for delay in seen)
    assert min(seen) < 33 * MS
    assert max(seen) > 47 * MS


def test_a_slow_port_leaves_the_other_and_its_draws_alone() -> None:
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (40 * MS, 10 * MS)}, ports=frozenset({Port.ELECTION.value}))
    assert set(delays(shim, port=Port.QUORUM)) == {0}
    assert delays(shim, port=Port.ELECTION) == delays(slowed(), port=Port.ELECTION)
    counts = shim.clear("slow")
    assert counts["seen"] == counts["delayed"] == 200


def test_without_jitter_the_latency_is_exact() -> None:
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (40 * MS, 0)})
    assert set(delays(shim)) == {40 * MS}


def test_a_jitter_above_the_latency_never_sends_into_the_past() -> None:
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (1 * MS, 10 * MS)})
    seen = delays(shim)
    assert min(seen) == 0
    assert max(seen) <= 11 * MS


def shaped(distribution: Distribution, latency: int = 40 * MS, n: int = 4000) -> list[int]:
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (latency, 10 * MS)}, distribution)
    return delays(shim, n=n)


def test_normal_delays_have_jitter_as_their_standard_deviation_and_end_at_three() -> None:
    seen = shaped(Distribution.NORMAL)
    assert 39.5 * MS < mean(seen) < 40.5 * MS
    assert 9.5 * MS < stdev(seen) < 10.3 * MS  # 9.87 once truncated
    assert 10 * MS <= min(seen) < 15 * MS
    assert 65 * MS < max(seen) <= 70 * MS
    within_one = sum(30 * MS <= delay <= 50 * MS for delay in seen) / len(seen)
    assert 0.66 < within_one < 0.71


def test_exponential_delays_are_never_below_their_latency_and_end_at_five_means() -> None:
    seen = shaped(Distribution.EXPONENTIAL)
    assert min(seen) >= 40 * MS
    assert 80 * MS < max(seen) <= 90 * MS
    assert 49.2 * MS < mean(seen) < 50.2 * MS  # 9.66 above it once truncated
    assert 46.3 * MS < median(seen) < 47.4 * MS  # ln 2 of the mean above it


def test_pareto_delays_have_a_long_tail_that_ends_at_twenty_means() -> None:
    seen = shaped(Distribution.PARETO)
    assert min(seen) >= 40 * MS
    assert 120 * MS < max(seen) <= 240 * MS
    assert 49 * MS < mean(seen) < 50.5 * MS  # 9.8 above it once truncated
    assert 45 * MS < median(seen) < 45.4 * MS  # 2 (2^(1/3) - 1) means above it
    beyond_five = sum(delay > 90 * MS for delay in seen) / len(seen)
    assert 0.015 < beyond_five < 0.032, "(1 + 5/2)^-3, where an exponential has 0.0067"


@pytest.mark.parametrize("distribution", Distribution)
def test_no_delay_is_negative_or_longer_than_is_said(distribution: Distribution) -> None:
    seen = shaped(distribution, latency=5 * MS)
    assert all(0 <= delay <= longest_ns(distribution, 5 * MS, 10 * MS) for delay in seen)
    assert set(delays_without_jitter(distribution)) == {40 * MS}


def delays_without_jitter(distribution: Distribution) -> list[int]:
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (40 * MS, 0)}, distribution)
    return delays(shim, n=20)


def test_other_targets_are_left_alone() -> None:
    shim = slowed()
    shim.lose("lose", frozenset({ONE}), 1_000_000)
    assert delays(shim, TWO) == [0] * 200


PPM = {"none": (0, 0, 0), "half": (500_000, 900, 1100), "all": (1_000_000, 2000, 2000)}


@pytest.mark.parametrize(("ppm", "low", "high"), PPM.values(), ids=PPM.keys())
def test_lose_loses_its_share(ppm: int, low: int, high: int) -> None:
    assert low <= losses(losing(ppm), n=2000).count("lose") <= high


def test_lose_leaves_the_quorum_port_alone() -> None:
    shim = losing(1_000_000)
    assert shim.fate(ONE, Port.QUORUM, 5) == Fate("", 5)
    assert shim.clear("lose") == {"seen": 0, "lost": 0}


def test_delays_of_several_rules_add_up() -> None:
    shim = LinkShim("7")
    shim.slow("a", {ONE: (40 * MS, 0)})
    shim.slow("b", {ONE: (2 * MS, 0), TWO: (1 * MS, 0)})
    assert delays(shim, n=3) == [42 * MS] * 3
    assert delays(shim, TWO, n=3) == [1 * MS] * 3


def test_the_first_rule_that_loses_a_message_is_named_and_counts_it() -> None:
    shim = losing(1_000_000)
    shim.lose("later", frozenset({ONE}), 1_000_000)
    assert losses(shim, n=3) == ["lose"] * 3
    assert shim.clear("lose") == {"seen": 3, "lost": 3}
    assert shim.clear("later") == {"seen": 3, "lost": 0}


OTHERS: dict[str, Callable[[LinkShim], None]] = {
    "another slow rule elsewhere": lambda shim: shim.slow("b", {TWO: (1, 1)}),
    "another loss on another target": lambda shim: shim.lose("c", frozenset({TWO}), 500_000),
    "another target of the rule": lambda shim: shim.slow("slow", {TWO: (40 * MS, 10 * MS)}),
    "a loss that never hits": lambda shim: shim.lose("d", frozenset({ONE}), 0),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_another_rule_or_target_leaves_the_draws_alone(other: Callable[[LinkShim], None]) -> None:
    shim = slowed()
    other(shim)
    found: list[int] = []
    for at in range(0, 50 * FAR, FAR):
        shim.fate(TWO, Port.ELECTION, at)
        shim.fate(ONE, Port.QUORUM, at)
        found.append(shim.fate(ONE, Port.ELECTION, at).due_ns - at)
    assert found == delays(slowed(), n=50)


def test_a_message_lost_by_one_rule_uses_up_the_draw_of_another() -> None:
    shim = slowed()
    shim.lose("lose", frozenset({ONE}), 500_000)
    alone = delays(slowed(), n=50)
    kept = 0
    for number, delay_ns in enumerate(alone):
        fate = shim.fate(ONE, Port.ELECTION, number * FAR)
        if not fate.lost_by:
            assert fate.due_ns == number * FAR + delay_ns
            kept += 1
    assert 10 < kept < 40


def test_seeds_and_names_choose_the_draws() -> None:
    assert delays(slowed("7")) == delays(slowed("7"))
    assert delays(slowed("7")) != delays(slowed("8"))
    assert delays(slowed("7")) != delays(slowed("7", "other"))
    assert losses(losing(500_000)) != losses(losing(500_000, "8"))


def test_targets_and_ports_have_draws_of_their_own() -> None:
    shim = slowed()
    shim.slow("slow", {TWO: (40 * MS, 10 * MS)})
    seen = [delays(shim, target, port, n=20) for target in (ONE, TWO) for port in Port]
    assert all(seen.count(one) == 1 for one in seen)


def test_the_draws_are_these_in_every_process() -> None:
    told = "from chaos.wire.shim import LinkShim as S; s = S('7'); s.slow('slow', {1: (40, 40)}); "
    told += "print([s.fate(1, 'election', at * 1000).due_ns - at * 1000 for at in range(8)])"
    said = {
        subprocess.run(
            [sys.executable, "-c", told],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    shim = LinkShim("7")
    shim.slow("slow", {ONE: (40, 40)})
    assert said == {f"{delays(shim, n=8)}\n"}


def test_clear_counts_what_a_slow_rule_touched() -> None:
    shim = slowed()
    total = sum(delays(shim, n=10))
    assert shim.clear("slow") == {"seen": 10, "delayed": 10, "delay_ns": total}
    assert delays(shim, n=2, start=10) == [0, 0]


def test_a_lost_message_is_seen_by_a_slow_rule_but_not_delayed() -> None:
    shim = slowed()
    shim.lose("lose", frozenset({ONE}), 1_000_000)
    losses(shim, n=4)
    assert shim.clear("slow") == {"seen": 4, "delayed": 0, "delay_ns": 0}


def test_rules_of_one_name_are_cleared_together() -> None:
    shim = slowed(name="both")
    shim.lose("both", frozenset({ONE}), 0)
    total = sum(delays(shim, n=3))
    counts = {"seen": 3, "delayed": 3, "delay_ns": total, "lost": 0}
    assert shim.clear("both") == counts
    assert shim.clear("both") == {}


def test_new_numbers_for_a_target_replace_the_old_and_keep_the_counts() -> None:
    shim = slowed()
    delays(shim, n=3)
    shim.slow("slow", {ONE: (1 * MS, 0)})
    assert delays(shim, n=2, start=3) == [1 * MS] * 2
    assert shim.clear("slow")["seen"] == 5


def test_a_message_waits_for_those_before_it_when_the_rule_has_ended() -> None:
    shim = slowed()
    due = shim.fate(ONE, Port.ELECTION, 0).due_ns
    shim.clear("slow")
    assert shim.fate(ONE, Port.ELECTION, 1) == Fate("", due)
    assert shim.fate(ONE, Port.QUORUM, 1) == Fate("", 1)
    assert shim.fate(TWO, Port.ELECTION, 1) == Fate("", 1)
    assert shim.fate(ONE, Port.ELECTION, due + 1) == Fate("", due + 1)
    assert shim._due == {}


STEPS = st.tuples(
    st.sampled_from([ONE, TWO]),
    st.sampled_from(list(Port)),
    st.integers(0, 30 * MS),
    st.sampled_from(["", "", "", "slow", "clear"]),
)


@given(st.lists(STEPS, max_size=60))
def test_a_link_stays_first_in_first_out(steps: list[tuple[Sid, Port, int, str]]) -> None:
    shim = slowed()
    shim.slow("wild", {ONE: (5 * MS, 60 * MS), TWO: (0, 60 * MS)})
    now_ns = 0
    last: dict[tuple[Sid, Port], int] = {}
    for target, port, passed_ns, change in steps:
        now_ns += passed_ns
        if change == "slow":
            shim.slow("slow", {target: (40 * MS, 0)})
        elif change == "clear":
            shim.clear("slow")
        due_ns = shim.fate(target, port, now_ns).due_ns
        assert due_ns >= max(now_ns, last.get((target, port), 0))
        last[target, port] = due_ns
