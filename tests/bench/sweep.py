"""Random plans on unbroken peers: how many give an alarm. Arguments: how many, and the first."""

from __future__ import annotations

import sys
import time

from chaos.election.rules import UNBROKEN
from chaos.hunt.drawn import drawn
from chaos.hunt.trial import trial


def sweep(seeds: range) -> int:
    """Run the plans of these seeds, say what alarms, and count the runs that did."""
    alarmed = 0
    for seed in seeds:
        found = trial(drawn(seed), seed, UNBROKEN)
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
    wrong = sweep(range(first, first + count))
    took = time.monotonic() - began
    sys.stdout.write(f"{count} runs from seed {first}: {wrong} alarmed, {took:.0f} s\n")
    sys.exit(1 if wrong else 0)
