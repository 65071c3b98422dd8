"""One simulated run of one plan with peers of given rules, and everything that it gives away.

Two ways to be caught are kept apart. *Properties* are what somebody sees who knows neither our
core nor our journals: waits and expectations of the plan, and safety as packets and logs show
it (:mod:`chaos.verify.foreign`). *Conformance* compares: journals with the unbroken core, the
same with the plain oracle, links with their unbroken twin.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from chaos.election.rules import Rules
from chaos.errors import InfrastructureError
from chaos.history.history import History
from chaos.hunt.nowhere import Nowhere
from chaos.plan.model import Plan
from chaos.runner.run import perform
from chaos.runner.show import Silent
from chaos.runner.task import Task
from chaos.systems.simulated import Simulated
from chaos.verify.checks import ALWAYS, CONFORMANCE
from chaos.verify.foreign.outside import from_outside
from chaos.verify.verdict import Kind, Outcome, Verdict
from chaos.zoo.twin import watched

EVENTS_MAX: Final = 100_000  # of one run; unbroken peers need far fewer
BOUNDS: Final = "stays_within_bounds"
CRASH: Final = "no_peer_crashes"
LINKS: Final = "links"
ORACLE: Final = "oracle"
_STRANGERS: Final = tuple(check for check in ALWAYS if check is not CONFORMANCE)
_SEEN: Final = {Kind.STEP, Kind.EXPECTATION}


@dataclass(frozen=True, slots=True)
class Catch:
    """A verdict that gives a bug away: the check's name, and what it said."""

    check: str
    why: str


@dataclass(slots=True)
class Trial:
    """What one run gave away."""

    plan: str
    seed: int
    properties: list[Catch] = field(default_factory=list)
    conformance: list[Catch] = field(default_factory=list)


def trial(plan: Plan, seed: int, rules: Rules) -> Trial:
    """Run ``plan`` once, simulated, every peer by ``rules``."""
    found = Trial(plan.name, seed)
    links: list[str] = []
    # A law that journals show to be broken must not hide what a stranger would have seen later.
    task = Task(plan, seed, "", to_the_end=True)
    system = Simulated(
        plan.ensemble, seed, events_max=EVENTS_MAX, core=watched(rules, links.append)
    )
    try:
        with TemporaryDirectory() as path:
            folder = Nowhere(Path(path))
            result, history = perform(task, system, folder, Silent())
    except InfrastructureError as error:
        found.properties.append(Catch(BOUNDS, str(error)))
    except Exception as error:
        if not _of_rules(error):
            raise
        found.properties.append(Catch(CRASH, f"{type(error).__name__}: {error}"))
    else:
        _judge(found, plan, result.verdicts, history)
    if links:
        found.conformance.append(Catch(LINKS, links[0]))
    return found


def _of_rules(error: Exception) -> bool:
    """Whether the rules of a peer fell over, and not the tool around them."""
    frames = traceback.walk_tb(error.__traceback__)
    names = [frame.f_globals.get("__name__", "") for frame, _ in frames]
    return any(name.startswith(("chaos.election.", "chaos.zoo.")) for name in names)


def _judge(found: Trial, plan: Plan, verdicts: tuple[Verdict, ...], history: History) -> None:
    excused = {one.name for one in plan.invariants if one.except_after}
    failed = [one for one in verdicts if one.outcome is Outcome.FAILS]
    found.properties += [Catch(one.name, one.summary) for one in failed if one.kind in _SEEN]
    outside = from_outside(history)
    for check in _STRANGERS:
        if check.name in excused:
            continue  # the plan reaches into the memory of its peers, which no stranger sees
        seen = check.check(outside)
        if seen.outcome is Outcome.FAILS:
            found.properties.append(Catch(seen.name, seen.summary))
    for one in failed:
        if one.name == CONFORMANCE.name:
            found.conformance.insert(0, Catch(one.name, one.summary))
        elif one.kind is Kind.INVARIANT:
            found.conformance.append(Catch(f"{ORACLE}: {one.name}", one.summary))
