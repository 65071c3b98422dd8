"""Random plans on unbroken peers that are processes: how many give an alarm.

Arguments: how many plans, the first seed, minutes after which no run is begun, runs at a time.
The plans are those of ``make sweep``. What alarms stays in ``reports/sweep``: the plan, the run's
folder and its bundle. A run that is inconclusive is named, and is no alarm.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

from chaos.campaign.pool import pool
from chaos.campaign.sweep import sweep
from chaos.cli.one_run import Done, Order, perform_order
from chaos.errors import ChaosError
from chaos.hunt.drawn import drawn_text
from chaos.runner import codes

OUT: Final = Path("reports/sweep")
SYSTEM: Final = "processes"
_ALARMS: Final = {codes.FAILED, codes.UNSAFE, codes.RESIDUE}


def order_of(seed: int) -> Order:
    """The run of a seed's plan, which is written down so that it can be run again."""
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / f"drawn-{seed}.yaml"
    file.write_text(drawn_text(seed), encoding="utf-8")
    return Order(
        text=file.read_text(encoding="utf-8"),
        file=str(file),
        overrides=(),
        cell="",
        seed=seed,
        repeat=1,
        warmup=False,
        reproduce=f"chaos run {file} --system {SYSTEM} --seed {seed}",
        system=SYSTEM,
        network="auto",
        out=OUT,
        zookeeper_home=None,
    )


def run_seeds(
    seeds: range, until_s: float, executor: Executor, workers: int
) -> Iterator[tuple[int, int, str]]:
    """Each seed with its run's exit code and the run in a line, as the runs end."""
    orders = map(order_of, seeds)
    found: Iterator[tuple[Order, Future[Done]]] = sweep(
        orders,
        perform_order,
        executor,
        parallel=workers,
        enough=lambda: time.monotonic() > until_s,
    )
    for order, future in found:
        try:
            done = future.result()
        except ChaosError as error:
            yield order.seed, codes.INFRASTRUCTURE, f"{error}\n  {order.reproduce}"
            continue
        code, told = done.result.exit_code, done.result.headline
        if code == codes.PASSED:
            shutil.rmtree(done.folder)
            Path(order.file).unlink()
        else:
            told = f"{told}\n  {order.reproduce}\n  {done.folder}"
        yield order.seed, code, told


def main(runs: int = 20, first: int = 0, minutes: int = 30, workers: int = 1) -> int:
    """Run them, say how it goes, and 1 if a run alarmed or the host failed one."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    wrong = 0
    with pool(workers) as executor:
        seeds = range(first, first + runs)
        for seed, code, told in run_seeds(seeds, began + 60 * minutes, executor, workers):
            word = _word(code)
            counts[word] += 1
            wrong += word in {"alarm", "failed by the host"}
            progress = f"[{counts.total()}/{runs} {time.monotonic() - began:.0f} s]"
            sys.stdout.write(f"{progress} seed {seed}: {word}: {told}\n")
            sys.stdout.flush()
    figures = ", ".join(f"{many} {word}" for word, many in sorted(counts.items()))
    took = time.monotonic() - began
    sys.stdout.write(
        f"{counts.total()} of {runs} runs from seed {first}: {figures}; {took:.0f} s\n"
    )
    return 1 if wrong or not counts else 0


def _word(code: int) -> str:
    if code in _ALARMS:
        return "alarm"
    if code == codes.PASSED:
        return "quiet"
    return "inconclusive" if code == codes.INCONCLUSIVE else "failed by the host"


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
