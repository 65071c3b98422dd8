"""Plans of ``plans/`` pass on real servers, and on real servers beside our own peers.

In every test run a choice of them, in which each fault that can be done from outside has its
turn; ``--every-plan`` takes them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.runner.rejudge import rejudge
from chaos.zookeeper.installation import Installation
from tests.zookeeper.runs import ROOT, run

PLANS = sorted(path.stem for path in (ROOT / "plans").glob("*.yaml"))
CHOSEN = {
    "zookeeper": (
        "config-bump-changes-members",
        "election-port-blocked",
        "leader-pause",
        "lossy-election",
        "majority-lost-then-healed",
        "one-way-block",
        "outsiders",
        "stale-epoch-rejoins",
    ),
    "mixed": (
        "config-bump-while-looking",
        "isolate-leader",
        "promise-overtakes",
        "quorum-port-blocked",
        "round-skew-forward",
        "zero-weight-never-leads",
    ),
}
# What no real server can do; the plan is skipped, with the reason, before a process starts.
CANNOT = {
    "zookeeper": {
        "config-bump-while-looking",
        "cpu-stress",
        "dirty-links",
        "disks",
        "round-skew-backward",
        "round-skew-forward",
        "round-wraps",
        "slow-links",
        "timers-drift",
        "two-configs-need-both-quorums",
        "votes-out-of-order",
        "zxid-skew",
    },
    "mixed": {
        "config-bump-changes-members",
        "cpu-stress",
        "dirty-links",
        "slow-links",
        "two-configs-need-both-quorums",
        "votes-out-of-order",
    },
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "system" not in metafunc.fixturenames:
        return
    every = metafunc.config.getoption("--every-plan")
    cases = [(system, name) for system in CHOSEN for name in (PLANS if every else CHOSEN[system])]
    metafunc.parametrize(("system", "name"), cases, ids=[f"{s}-{n}" for s, n in cases])


def test_there_are_the_plans_that_are_named() -> None:
    assert {*CHOSEN["zookeeper"], *CHOSEN["mixed"], *CANNOT["zookeeper"]} <= set(PLANS)


@pytest.mark.live
def test_a_plan_passes_on_servers(
    installation: Installation, tmp_path: Path, system: str, name: str
) -> None:
    del installation
    ran = run(Path("plans") / f"{name}.yaml", system, tmp_path)
    assert ran.code == (5 if name in CANNOT[system] else 0), ran.why
    if name in CANNOT[system]:
        return
    assert ran.folder is not None
    again = rejudge(ran.folder)
    assert again.run.result is not None
    assert again.verdicts == again.run.result.verdicts
