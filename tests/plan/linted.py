"""Small plans for the linter, and what it finds in them."""

from __future__ import annotations

from chaos.plan.lint.finding import Finding
from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan

UP = "{id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}"
WEIGHTED = (
    "quorum: weighted, peers: [{id: 1}, {id: 2}, {id: 3, weight: 2}, {id: 4, weight: 2}, {id: 5}]"
)
GROUPS = (
    "quorum: hierarchical, peers: [{id: 1, group: 1}, {id: 2, group: 1}, {id: 3, group: 2},"
    " {id: 4, group: 2}, {id: 5, group: 3}, {id: 6, group: 3}]"
)
ZONES = (
    "quorum: weighted, peers: [{id: 1, zone: east}, {id: 2, zone: east}, {id: 3, zone: west,"
    " weight: 2}, {id: 4, zone: west, weight: 2}, {id: 5, zone: north}]"
)
NOISE = (
    "{id: noise, random: {count: 3, every: 100ms, choose: [{fault: delay,"
    " target: {pick: 1, of: links}, with: {latency: 5ms..25ms}, for: 500ms}]}}"
)
ASK = "{id: ask, probe: roles, target: [4, 5], equals: {reachable: true}, within: 2s}"


def plan(*steps: str, expect: str = "", ensemble: str = "size: 5", more: str = "") -> str:
    lines = ["version: 1", "name: x", f"ensemble: {{{ensemble}}}", "steps:"]
    lines += [f"  - {step}" for step in steps]
    if expect:
        lines += ["expect:", f"  - {{id: e, {expect}}}"]
    return "\n".join([*lines, more])


def found(text: str) -> tuple[Finding, ...]:
    return lint(load_plan(text, "x.yaml"))


def pause(whom: str, for_: str = "5s", fault: str = "pause") -> str:
    return f"{{id: f, fault: {fault}, target: {whom}, as: old, for: {for_}}}"


NEXT = "outcome: leader, among: {of: voters, except: [$old]}, after: f"
ELSE = "outcome: leader, after: f, within: 3s"
