"""Each fault that is done to real servers bites, says so, and ends.

A run whose fault cannot be shown to have bitten is no success, so a plan that passes is the
proof. Faults that a plan of ``plans/`` does to servers have theirs in ``test_plans_on_servers``
and ``test_rows_on_systems``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.actions import Block, Launch, Pause, Resume, SetEpochs, Unblock
from chaos.history.events import Acted, Appeared, Event
from chaos.store import load
from chaos.zookeeper.installation import Installation
from tests.zookeeper.runs import run

PLAN = """\
version: 1
name: {name}
ensemble:
{ensemble}
  timings:
    tick: 100ms
    connect_timeout: 500ms
    notification: {{first: 200ms, max: 1s}}
steps:
{steps}
  - {{id: settled, wait: {{outcome: leader, seen_by: all, hold_for: 200ms}}, within: 10s}}
"""
THREE = "  size: 3\n  defaults: {config_version: 1}"
SHUT = """\
  - id: shut
    at: 0ms
    fault: block_port
    target: 3
    with: {{port: quorum, direction: both, how: {how}}}
    for: 1200ms
  - {{id: over, after: {{step: shut, edge: ended}}, wait: {{outcome: leader}}, within: 10s}}"""
UP = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 200ms}, within: 8s}\n"
# Servers may have linked up before time zero, and a refusal is for new links: server 3 makes one.
REDIALLED = (
    UP.replace("{", "{{").replace("}", "}}")
    + """\
  - id: shut
    fault: block_port
    target: 1
    with: {{port: election, direction: both, how: {how}}}
    for: 4s
  - {{id: dials, fault: kill, target: 3, with: {{restart: after}}, for: 100ms}}
  - {{id: over, after: {{step: shut, edge: ended}}, wait: {{outcome: leader}}, within: 10s}}"""
)
RELEASED = """\
  - {id: stopped, fault: pause, target: 1}
  - {id: alone, fault: isolate, target: 2}
  - {id: a-while, wait: {time: 700ms}, why: its leader gives it up meanwhile}
  - {id: later, release: [stopped, alone]}"""
WIPED = (
    UP
    + """\
  - {id: wiped, fault: kill, target: 1, with: {restart: after, wipe: true}, for: 100ms}
  - id: joined
    after: {step: wiped, edge: ended}
    wait: {outcome: leader, seen_by: all, hold_for: 200ms}
    within: 8s
"""
)
GONE = "  - {id: gone, fault: kill, target: 1, with: {restart: after}, for: 600ms}\n"
BACK = """\
  - {id: bad, fault: skew_peer_epoch, target: 1, with: {accepted: {to: 0}, current: {to: 0}}}"""
STATES = """\
  peers:
    - {id: 1, zxid: "0x300000002", epoch: 3, accepted_epoch: 5}
    - {id: 2, zxid: "0x200000007", epoch: 3}
    - {id: 3}
  defaults: {config_version: 1}"""


def events(tmp_path: Path, name: str, ensemble: str, steps: str) -> tuple[Event, ...]:
    """A plan is run on real servers, and passes."""
    plan = tmp_path / f"{name}.yaml"
    plan.write_text(PLAN.format(name=name, ensemble=ensemble, steps=steps), encoding="utf-8")
    ran = run(plan, "zookeeper", tmp_path / "out")
    assert ran.code == 0, ran.why
    assert ran.folder is not None
    _, history = load(ran.folder)
    return history.events


@pytest.mark.live
@pytest.mark.parametrize("how", ["silent", "reset", "refuse"])
@pytest.mark.parametrize("port", ["election", "quorum"])
def test_a_blocked_port_stops_packets(
    installation: Installation, tmp_path: Path, port: str, how: str
) -> None:
    del installation
    steps = REDIALLED.format(how=how) if port == "election" else SHUT.format(how=how)
    acted = [e for e in events(tmp_path, "block", THREE, steps) if isinstance(e, Acted)]
    shut = [one for one in acted if one.step == "shut"]
    assert [type(one.action) for one in shut] == [Block, Unblock]
    packets = shut[1].evidence.facts["packets"]
    assert isinstance(packets, int)
    assert packets > 0


@pytest.mark.live
def test_what_is_released_late_ends_when_it_is_released(
    installation: Installation, tmp_path: Path
) -> None:
    del installation
    found = events(tmp_path, "release", THREE, UP + RELEASED)
    acted = {type(one.action): one for one in found if isinstance(one, Acted)}
    assert acted[Resume].at_ns - acted[Pause].at_ns > 700_000_000
    assert acted[Unblock].at_ns - acted[Block].at_ns > 700_000_000
    assert Launch not in acted


@pytest.mark.live
def test_each_server_starts_with_the_epochs_and_the_zxid_of_the_plan(
    installation: Installation, tmp_path: Path
) -> None:
    del installation
    found = events(tmp_path, "states", STATES, UP)
    began = sorted((one for one in found if isinstance(one, Appeared)), key=lambda one: one.sid)
    states = [(one.zxid, one.current_epoch, one.accepted_epoch) for one in began]
    assert states == [(0x300000002, 3, 5), (0x200000007, 3, 3), (0, 0, 0)]


REFUSED = {
    "its data are newer": (GONE, "epoch 1, above its current epoch 0"),
    "it runs": ("", "set them while it is down"),
}


@pytest.mark.live
@pytest.mark.parametrize(("gone", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_epochs_that_a_server_cannot_be_given_are_refused(
    installation: Installation, tmp_path: Path, gone: str, why: str
) -> None:
    """Server 1 is wiped and joins late, so its data are of epoch 1."""
    del installation
    plan = tmp_path / "back.yaml"
    steps = WIPED + gone + BACK
    plan.write_text(PLAN.format(name="back", ensemble=THREE, steps=steps), encoding="utf-8")
    ran = run(plan, "zookeeper", tmp_path / "out", retries=0)
    assert ran.code == 3, ran.why
    assert ran.folder is not None
    _, history = load(ran.folder)
    (bad,) = (
        one
        for one in history.events
        if isinstance(one, Acted) and isinstance(one.action, SetEpochs)
    )
    assert why in str(bad.evidence.facts["error"])
