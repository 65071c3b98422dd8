"""Plans run by the command line, and what came of them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYSTEMS = ("simulated", "processes", "zookeeper", "mixed")
HOLDS, CANNOT = "holds", "cannot"
_CODES = {0: HOLDS, 5: CANNOT}
_TIMEOUT_S = 110


@dataclass(frozen=True, slots=True)
class Ran:
    """One plan on one system. ``folder`` is that of its run, ``why`` what it said."""

    code: int
    why: str
    folder: Path | None

    @property
    def outcome(self) -> str:
        """``holds``, ``cannot`` (it was refused before it began), or the exit code."""
        return _CODES.get(self.code, f"exit {self.code}")


def run(plan: Path, system: str, out: Path, retries: int = 2) -> Ran:
    """Run a plan; what a busy host left undecided, as it may in a whole suite, is run again."""
    command = [sys.executable, "-m", "chaos.cli", "run", str(plan), "--system", system]
    if retries:
        command += ["--retries", str(retries), "--retry-inconclusive"]
    done = subprocess.run(
        [*command, "--out", str(out), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    told = json.loads(done.stdout) if done.stdout else {}
    for one in reversed(told.get("runs", ())):  # the last is the one that counts
        return Ran(done.returncode, one["headline"], Path(one["folder"]))
    skipped = [one["reason"] for one in told.get("skipped", ())]
    return Ran(done.returncode, "; ".join(skipped) or done.stderr, None)
