"""Random plans on unbroken peers: how many give an alarm.

Arguments: how many, the first, and ``told`` for plans that tell peers things at gates.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from chaos.election.rules import UNBROKEN
from chaos.hunt.drawn import drawn
from chaos.hunt.trial import trial
from chaos.plan.model import Plan
from tests.bench.told import told


def sweep(seeds: range, made: Callable[[int], Plan]) -> int:
    """Run the plans of these seeds, say what alarms, and count the runs that did."""
    alarmed = 0
    for seed in seeds:
        found = trial(made(seed), seed, UNBROKEN)
        alarms = [*found.properties, *found.conformance]
        alarmed += bool(alarms)
        for one in alarms:
            sys.stdout.write(f"seed {seed}: {one.check}: {one.why}\n")
            sys.stdout.flush()
    return alarmed


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began = time.monotonic()
    wrong = sweep(range(first, first + count), told if "told" in sys.argv[3:] else drawn)
    took = time.monotonic() - began
    sys.stdout.write(f"{count} runs from seed {first}: {wrong} alarmed, {took:.0f} s\n")
    sys.exit(1 if wrong else 0)
