"""What came of each run of a campaign: one JSON line a run, written when the run has ended.

The file is a readable prefix at any moment: a line is handed to the kernel whole, and a torn
last line is left out when it is read again. Whoever compares runs reads these lines; all else
of a run is in its folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from chaos.documents import object_of
from chaos.errors import HistoryError
from chaos.runner import codes
from chaos.store import RunResult, result_json

FORMAT: Final = 1
DECIDED: Final = frozenset({codes.PASSED, codes.FAILED, codes.REGRESSED, codes.UNSAFE})


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. ``verdicts`` and ``measures`` are as ``result.json`` holds them.

    ``repeat`` counts the runs of its cell from 1, those that warm up apart; ``attempt`` how often
    this one has been made, with the same seed.
    """

    plan: str
    cell: str
    system: str
    seed: int
    repeat: int
    warmup: bool
    exit_code: int
    headline: str
    folder: str
    reproduce: str
    disturbed: str = ""
    verdicts: tuple[object, ...] = ()
    measures: tuple[object, ...] = ()
    known: tuple[object, ...] = ()  # issues of the plan, as result.json has them
    attempt: int = 1
    format: int = FORMAT

    @property
    def valid(self) -> bool:
        """The run told whether the plan's expectations hold."""
        return self.exit_code in DECIDED

    @property
    def failed(self) -> bool:
        """The run shows a failure that counts; one that warms up only does if safety broke."""
        return self.exit_code == codes.UNSAFE or (
            not self.warmup and self.exit_code in codes.FAILURES
        )


def record_of(result: RunResult, folder: Path, attempt: int = 1) -> RunRecord:
    """The record of a run that was judged."""
    told = result_json(result)
    verdicts, measures, known = told["verdicts"], told["measures"], told["known_issues"]
    assert isinstance(verdicts, list)
    assert isinstance(measures, list)
    assert isinstance(known, list)
    return RunRecord(
        plan=result.plan,
        cell=result.cell,
        system=result.system,
        seed=result.seed,
        repeat=result.repeat,
        warmup=result.warmup,
        exit_code=result.exit_code,
        headline=result.headline,
        folder=str(folder),
        reproduce=result.reproduce,
        disturbed=result.disturbed,
        verdicts=tuple(verdicts),
        measures=tuple(measures),
        known=tuple(known),
        attempt=attempt,
    )


def fresh_file(out: Path) -> Path:
    """A new file ``out/<time>-campaign.jsonl``, with a number where two share a second.

    Raises:
        OSError: it cannot be made.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    out.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        more = "" if number == 1 else f".{number}"
        path = out / f"{stamp}-campaign{more}.jsonl"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def line(record: RunRecord) -> str:
    """A record as a line of JSON."""
    return json.dumps(asdict(record), separators=(",", ":")) + "\n"


def read_records(lines: Iterable[str]) -> list[RunRecord]:
    """The records of a campaign's file, but for a last line that was torn.

    Raises:
        HistoryError: it is no campaign, or of a format that this version does not know.
    """
    found: list[RunRecord] = []
    for number, text in enumerate(lines, 1):
        if not text.endswith("\n"):
            break
        try:
            told = object_of(text)
            if told["format"] != FORMAT:
                raise HistoryError(
                    f"line {number} is of format {told['format']}; this version reads {FORMAT}"
                )
            for key in ("verdicts", "measures", "known"):
                told[key] = tuple(told.get(key, ()))
            found.append(RunRecord(**told))
        except (ValueError, KeyError, TypeError) as error:
            raise HistoryError(f"line {number} is no run of a campaign: {error}") from error
    return found


def counted(records: Sequence[RunRecord], min_valid: int | None) -> tuple[list[int], str]:
    """The exit codes that count for one cell, and what is missing, empty if nothing is.

    With ``min_valid``, that many runs have to be valid, and those that are not do not count by
    themselves; without it every run does. A run that warms up is no evidence for an
    expectation, but safety broken in it is broken, and what it left on the host is there.
    """
    always = {codes.UNSAFE, codes.RESIDUE}
    proper = [one for one in records if not one.warmup]
    found = [one.exit_code for one in records if one.warmup and one.exit_code in always]
    if min_valid is None:
        return [*found, *(one.exit_code for one in proper)], ""
    found += [one.exit_code for one in proper if one.valid or one.exit_code in always]
    valid = sum(one.valid for one in proper)
    if valid >= min_valid:
        return found, ""
    why = f"{valid} of {len(proper)} runs were valid; the plan asks for {min_valid}"
    return [*found, codes.INCONCLUSIVE], why
