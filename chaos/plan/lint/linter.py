"""The linter: every rule over one plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from chaos.plan.lint import (
    rules_again,
    rules_asked,
    rules_end,
    rules_fault,
    rules_leader,
    rules_limits,
    rules_quorum,
    rules_resend,
    rules_sets,
    rules_time,
)
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.model import Plan

RULES: Final[tuple[Callable[[Context], Iterator[Finding]], ...]] = (
    rules_quorum.never_leads,
    rules_quorum.quorum_remains,
    rules_quorum.says_nothing,
    rules_quorum.role_of_the_absent,
    rules_asked.asked_of_the_absent,
    rules_asked.waits_for_the_absent,
    rules_asked.no_epoch_at_all,
    rules_asked.nobody_observes,
    rules_asked.never_measured,
    rules_leader.never_same,
    rules_leader.never_leaderless,
    rules_time.held_too_long,
    rules_time.too_short,
    rules_time.shorter_than_detection,
    rules_time.metric_bounds,
    rules_time.empty_span,
    rules_end.outlives_run,
    rules_end.noise_outlives_run,
    rules_end.judged_too_late,
    rules_time.past_at,
    rules_time.released_late,
    rules_time.plain_pause,
    rules_time.no_leader_yet,
    rules_time.armed_late,
    rules_resend.resend_trap,
    rules_again.already_down,
    rules_again.twice_at_once,
    rules_again.no_link,
    rules_fault.nobody_left,
    rules_fault.dialed_back,
    rules_fault.idle_port,
    rules_fault.closed_port,
    rules_fault.idle_disk,
    rules_fault.nothing_at_stake,
    rules_fault.already_true,
    rules_fault.nothing_before,
    rules_fault.small_share,
    rules_fault.nothing_cut,
    rules_fault.nothing_judged,
    rules_sets.too_few_runs,
    rules_sets.pairs_unused,
    rules_limits.never_aborts,
    rules_limits.never_known,
)


def lint(plan: Plan) -> tuple[Finding, ...]:
    """Everything that the rules find, in the order of the text."""
    context = Context(plan)
    found = {finding for rule in RULES for finding in rule(context)}
    return tuple(sorted(found, key=lambda one: (one.where, one.rule, one.about)))


def errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that say that a plan can never hold, or never be done."""
    return tuple(one for one in findings if one.severity is Severity.ERROR)
