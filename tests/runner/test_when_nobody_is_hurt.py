"""Probes, changes and random faults that begin at an event of the protocol."""

from __future__ import annotations

from pathlib import Path

from chaos.actions import Configure, LetGo
from chaos.history.events import Acted, Held, StepBegan
from tests.runner.stage import MS, Led, lead, plan

WEIGHTED = """\
version: 1
name: story
ensemble: {quorum: weighted, peers: [{id: 1}, {id: 2}, {id: 3}]}
"""
UP = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}\n"
SETTLED = "  - {id: settled, wait: {outcome: leader, seen_by: all}, within: 20s}\n"
KILL = "  - {id: stop, fault: kill, target: leader, with: {restart: after}, for: 2s}\n"


def story(step: str) -> str:
    return f"steps:\n{UP}{KILL}  - {{id: it, {step}}}\n{SETTLED}"


def begun(led: Led) -> StepBegan:
    return next(one for _, one in led.history.every(StepBegan) if one.step == "it")


def acts(led: Led) -> list[Acted]:
    return [one for _, one in led.history.every(Acted) if one.step == "it"]


def test_a_probe_asks_while_somebody_holds_at_the_event(tmp_path: Path) -> None:
    step = (
        "when: {event: quorum_seen, by: voters, as: next}, "
        "probe: roles, target: $next, equals: {role: looking}, within: 5s"
    )
    led = lead(plan(story(step)), tmp_path)
    assert led.step("it").outcome == "done", led.step("it").why
    (held,) = [one for _, one in led.history.every(Held)]
    assert begun(led).by == held.sid
    assert begun(led).targets == (held.sid,)
    assert led.verdict("settled")[0] == "holds"


def test_a_probe_whose_event_does_not_come_is_not_asked(tmp_path: Path) -> None:
    step = (
        "when: {event: packet_sent, packet: SNAP, by: voters}, "
        "probe: roles, target: all, equals: {reachable: true}, within: 300ms, otherwise: skip"
    )
    led = lead(plan(story(step)), tmp_path)
    assert led.step("it").outcome == "skipped"
    assert led.step("it").why == "no packet sent within 300ms"


def test_who_holds_for_a_change_goes_on_once_everybody_was_given_it(tmp_path: Path) -> None:
    step = (
        "when: {event: decided, by: voters, state: leading, as: next}, "
        "change: {weights: {1: 2}}, within: 5s"
    )
    led = lead(plan(story(step), WEIGHTED), tmp_path)
    kinds = [type(one.action) for one in acts(led)]
    assert kinds.index(Configure) < len(kinds) - 1 - kinds[::-1].index(LetGo)
    assert led.step("it").outcome == "done", led.step("it").why


def test_random_faults_count_their_pauses_from_the_event(tmp_path: Path) -> None:
    step = (
        "when: {event: decided, by: voters, state: leading, mode: observe}, within: 5s, "
        "random: {count: 2, every: 100ms, choose: [{fault: delay, target: all, "
        "with: {latency: 1ms}, for: 500ms, confirm: optional}]}"
    )
    led = lead(plan(story(step)), tmp_path)
    event_ns = begun(led).at_ns
    began = [led.step(f"it.{number}").began_ns for number in (1, 2)]
    zero = led.history.zero_ns
    assert [at + zero - event_ns for at in began if at is not None] == [100 * MS, 200 * MS]
