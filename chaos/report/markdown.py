"""A summary in Markdown, for the page of a job or for a comment: a table, then what did not pass.

GitHub cuts no summary that is too large, it refuses it: past ``room`` bytes the rest is left out,
and a line says where the whole of it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.report.cases import Case, Status, counts, findings
from chaos.runner.known import sentence

ROOM: Final = 1024 * 1024 - 1  # bytes; a step of a job has less than 1 MiB
SIGNS: Final = {
    Status.FAILED: "✗",
    Status.ERROR: "✗",
    Status.INCONCLUSIVE: "?",
    Status.FLAKY: "≈",
    Status.EXPECTED: "x",
    Status.SKIPPED: "–",
    Status.PASSED: "✓",
}
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$-])")
_TABLE: Final = "| | plan | system | runs | what was seen |\n|---|---|---|---|---|\n"


def markdown(cases: Sequence[Case], whole: str, room: int = ROOM) -> str:
    """The summary in at most ``room`` bytes of UTF-8; ``whole`` says where to find what is cut.

    Nothing at all if not even the line that says so would fit.
    """
    order = list(Status)
    worst = sorted(cases, key=lambda case: order.index(case.status))
    blocks = [_head(cases) + _TABLE, *map(_row, worst), "\n", *map(_told, _not_green(worst))]
    cut = f"\n\n*Cut short here: the summary would be too large. The whole of it: {plain(whole)}*\n"
    if sum(map(_size, blocks)) <= room:
        return "".join(blocks)
    left = room - _size(cut)
    kept: list[str] = []
    for block in blocks:
        left -= _size(block)
        if left < 0:
            break
        kept.append(block)
    return "".join([*kept, cut]) if kept else ""


def plain(text: str) -> str:
    """``text`` on one line, with nothing in it that Markdown or HTML would take for its own."""
    flat = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", "".join(c if c.isprintable() else ascii(c)[1:-1] for c in flat))


def _size(text: str) -> int:
    return len(text.encode())


def _head(cases: Sequence[Case]) -> str:
    told = [f"{n} {status.value}" for status, n in counts(cases).items() if n]
    return f"## chaos: {', '.join(told) or 'nothing ran'}\n\n"


def _row(case: Case) -> str:
    seen = case.headline if case.status is Status.PASSED else case.message
    if case.status is Status.FLAKY:
        many = len(case.earlier)
        attempts = "1 attempt" if many == 1 else f"{many} attempts"
        seen = f"passed after {attempts} that did not: {case.earlier[0].headline}"
    if case.retries:
        seen += f" ({case.retries})"
    said = (case.name, case.system, str(len(case.runs)), f"{case.status.value}: {seen}")
    return f"| {SIGNS[case.status]} | {' | '.join(map(plain, said))} |\n"


def _not_green(cases: Sequence[Case]) -> Iterator[Case]:
    """What there is more to say of: also a known issue that a green case has not seen."""
    quiet = (Status.PASSED, Status.SKIPPED)
    return (case for case in cases if case.status not in quiet or case.known or case.compared)


def _told(case: Case) -> str:
    """What did not hold, and how to have it again."""
    lines = [f"<details><summary>{SIGNS[case.status]} {_html(case.name)}</summary>\n"]
    for found in findings(case):
        place = f" ({plain(found.where)})" if found.where else ""
        place += f" {_quoted(found.signature)}" if found.signature else ""
        lines.append(f"- {found.outcome}: **{plain(found.name)}**: {plain(found.summary)}{place}")
    lines += [f"- {plain(sentence(*known))}" for known in case.known]
    lines += [f"- owner: {plain(case.owner)}"] if case.owner else []
    lines += [f"- {plain(line)}" for line in case.compared]
    run = case.earlier[0] if case.status is Status.FLAKY else case.telling
    if run is not None:
        lines.append(_code(run.reproduce))
    return "\n".join([*lines, "\n</details>\n\n"])


def _quoted(signature: str) -> str:
    """As code, so that it can be copied as it is; one that would end the code is plain text."""
    return plain(signature) if "`" in signature else f"`{signature}`"


def _html(text: str) -> str:
    flat = " ".join(text.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}sh\n{text}\n{fence}"
