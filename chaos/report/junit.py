"""JUnit XML: one ``testcase`` for each cell of a plan, its repeats as properties.

The shape is what Jenkins, GitLab and GitHub's readers agree on: ``failure`` for what is tested,
``error`` for what kept it from being told, ``skipped`` with its reason. Inconclusive is an error:
a reader would show what is skipped as green. Runs that were run again are told in the words of
Maven Surefire (``surefire-test-report.xsd``), ``flakyFailure`` and ``rerunFailure``, which readers
that know none pass over: what is green there is red by the exit code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from chaos.campaign.record import RunRecord
from chaos.report.cases import TYPES, Case, Status, findings
from chaos.runner import codes
from chaos.runner.known import sentence

REPEATS_MAX: Final = 1000  # that are listed for one case
# what XML 1.0 has no way to write
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS: Final = (Status.ERROR, Status.INCONCLUSIVE)
_SKIPPED: Final = (Status.SKIPPED, Status.EXPECTED)  # neither green nor red


def junit(cases: Sequence[Case]) -> str:
    """The whole document; a suite for each plan, in the order in which they were run."""
    root = Xml.Element("testsuites", {"name": "chaos", **_figures(cases)})
    for plan, file in dict.fromkeys((case.plan, case.file) for case in cases):
        of_plan = [case for case in cases if (case.plan, case.file) == (plan, file)]
        suite = _element(root, "testsuite", name=plan, **_figures(of_plan))
        for case in of_plan:
            _testcase(suite, case)
    Xml.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"
    )


def legal(text: str) -> str:
    r"""``text`` with what XML cannot hold spelled out, as ``\\x1b`` or ``\\ud800``."""
    return _ILLEGAL.sub(lambda found: ascii(found.group())[1:-1], text)


def _figures(cases: Sequence[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.status is Status.FAILED for case in cases)),
        "errors": str(sum(case.status in _ERRORS for case in cases)),
        "skipped": str(sum(case.status in _SKIPPED for case in cases)),
        "time": _seconds(sum(case.took_ns for case in cases)),
    }


def _testcase(suite: Xml.Element, case: Case) -> None:
    told = {"name": case.name, "classname": f"{case.system}.{case.plan}", "file": case.file}
    one = _element(suite, "testcase", **told, time=_seconds(case.took_ns))
    _properties(one, case)
    match case.status:
        case Status.SKIPPED | Status.EXPECTED:
            _element(one, "skipped", message=case.message)
        case Status.FAILED:
            _why(one, "failure", case)
        case Status.ERROR | Status.INCONCLUSIVE:
            _why(one, "error", case)
        case Status.PASSED | Status.FLAKY:
            pass
    rerun = "flaky" if case.status is Status.FLAKY else "rerun"
    for run in case.earlier:
        kind = "Failure" if run.exit_code in codes.FAILURES else "Error"
        kept = _element(
            one,
            f"{rerun}{kind}",
            message=f"seed {run.seed}: {run.headline}",
            type=TYPES.get(run.exit_code, str(run.exit_code)),
        )
        place = [f"run: {run.folder}"] if run.folder else []
        trace = _element(kept, "stackTrace")
        trace.text = legal("\n".join([*place, f"reproduce: {run.reproduce}"]))


def _properties(one: Xml.Element, case: Case) -> None:
    within = _element(one, "properties")
    _property(within, "status", case.status.value)
    if case.owner:
        _property(within, "owner", case.owner)
    if case.tags:
        _property(within, "tags", ", ".join(case.tags))
    for number, known in enumerate(case.known, 1):
        _property(within, f"known_issue.{number}", sentence(*known))
    _property(within, "exit_code", str(case.exits))
    if case.retries:
        _property(within, "retries", case.retries)
    for number, line in enumerate(case.compared, 1):
        _property(within, f"compared.{number}", line)
    shown, left_out = _listed(case.runs)
    for run in shown:
        name = f"{'warmup' if run.warmup else 'repeat'}.{run.repeat}"
        _property(within, name, f"seed {run.seed}, exit code {run.exit_code}: {run.headline}")
    if left_out:
        _property(within, "repeats_left_out", str(left_out))


def _listed(runs: Sequence[RunRecord]) -> tuple[list[RunRecord], int]:
    """As many runs as are listed, in their order: those that passed are left out first."""
    passing = sorted(range(len(runs)), key=lambda at: runs[at].exit_code == codes.PASSED)
    return [runs[at] for at in sorted(passing[:REPEATS_MAX])], max(0, len(runs) - REPEATS_MAX)


def _why(one: Xml.Element, tag: str, case: Case) -> None:
    why = _element(one, tag, message=case.message, type=case.type)
    why.text = legal("\n".join(_lines(case)))


def _lines(case: Case) -> Iterable[str]:
    for found in findings(case):
        place = "".join(f"  {word}" for word in (found.where, found.signature) if word)
        yield f"{found.outcome}: {found.name}: {found.summary}{place}"
    if run := case.telling:
        yield from [f"run: {run.folder}"] if run.folder else []
        yield f"reproduce: {run.reproduce}"


def _property(within: Xml.Element, name: str, value: str) -> None:
    _element(within, "property", name=name, value=value)


def _element(parent: Xml.Element, tag: str, **attributes: str) -> Xml.Element:
    return Xml.SubElement(parent, tag, {key: legal(value) for key, value in attributes.items()})


def _seconds(time_ns: int) -> str:
    return f"{time_ns / 1e9:.3f}"
