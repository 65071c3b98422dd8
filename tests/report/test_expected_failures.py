"""An expected failure is neither green nor red, and a known issue that is not seen is told."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest

from chaos.campaign.record import RunRecord
from chaos.report.annotations import workflow_commands
from chaos.report.cases import Case, Status, findings
from chaos.report.junit import junit
from chaos.report.markdown import markdown
from chaos.report.words import ending
from chaos.store import known_json
from chaos.verify.verdict import KnownMet, Met

SEEN = KnownMet("election.timeout@up", "#123", "2026-12-31", Met.SEEN, ("up",))
NOT_SEEN = replace(SEEN, met=Met.NOT_SEEN, names=())
OVER = replace(SEEN, met=Met.OVER)


def a_run(known: KnownMet, repeat: int = 1) -> RunRecord:
    fails = known.met is not Met.NOT_SEEN
    verdict = {
        "name": "up",
        "outcome": "fails" if fails else "holds",
        "summary": "not so within 1s",
        "where": "p.yaml:5:5",
        "signature": known.signature if fails else "",
        "known": known.issue if known.met is Met.SEEN else "",
    }
    return RunRecord(
        plan="p",
        cell="",
        system="simulated",
        seed=repeat,
        repeat=repeat,
        warmup=False,
        exit_code=1 if known.met is Met.OVER else 0,
        headline="said so",
        folder="",
        reproduce=f"chaos run p.yaml --seed {repeat}",
        verdicts=(verdict,),
        known=(known_json(known),),
    )


def a_case(*known: KnownMet) -> Case:
    runs = tuple(a_run(one, number) for number, one in enumerate(known, 1))
    code = max(run.exit_code for run in runs)
    return Case("p", "p.yaml", "", "simulated", code, "said so", runs)


WAYS = {
    "seen": (
        (SEEN, NOT_SEEN),
        Status.EXPECTED,
        "skipped",
        "seen in 1 of 2 runs: an expected failure until 2026-12-31",
    ),
    "not seen": ((NOT_SEEN, NOT_SEEN), Status.PASSED, None, "not seen in 2 runs: is it solved?"),
    "over": (
        (OVER, NOT_SEEN),
        Status.FAILED,
        "failure",
        "seen in 1 of 2 runs; it was to be solved by 2026-12-31",
    ),
}


@pytest.mark.parametrize(("known", "status", "tag", "told"), WAYS.values(), ids=WAYS)
def test_every_paper_tells_what_became_of_it(
    known: tuple[KnownMet, ...], status: Status, tag: str | None, told: str
) -> None:
    case = a_case(*known)
    assert case.status is status
    one = next(Xml.fromstring(junit([case])).iter("testcase"))
    assert [child.tag for child in one if child.tag != "properties"] == ([tag] if tag else [])
    properties = {each.get("name"): each.get("value") for each in one.iter("property")}
    assert properties["known_issue.1"] == f"known issue #123 (election.timeout@up) {told}"
    assert told.replace("-", r"\-") in markdown([case], "all")


def test_it_is_counted_apart_and_no_finding() -> None:
    case = a_case(SEEN)
    assert findings(case) == ()
    assert markdown([case], "all").startswith("## chaos: 1 expected failure\n")
    assert Xml.fromstring(junit([case])).get("skipped") == "1"
    [line] = workflow_commands([case], "/", "")
    assert line.startswith("::notice ")


def test_a_failure_is_told_with_its_signature() -> None:
    case = a_case(OVER)
    [found] = findings(case)
    assert found.signature == "election.timeout@up"
    assert "`election.timeout@up`" in markdown([case], "all")
    assert "election.timeout@up" in junit([case])


def test_what_only_all_runs_together_show_is_seen_in_all_of_them() -> None:
    case = replace(a_case(NOT_SEEN, NOT_SEEN), known_together=(SEEN,))
    assert case.known == ((SEEN, 2, 2),)
    assert case.status is Status.EXPECTED
    assert replace(case, known_together=(NOT_SEEN,)).known == ((NOT_SEEN, 0, 2),)


def test_the_page_of_a_run_is_headed_so() -> None:
    assert ending(0, expected=True)[1] == "EXPECTED FAILURE"
    assert ending(0, expected=False)[1] == "PASS"
    assert ending(1, expected=True)[1] == "FAIL"


def test_the_papers_name_whose_it_is() -> None:
    case = replace(a_case(OVER), owner="coordination-team", tags=("nightly", "pause"))
    properties = Xml.fromstring(junit([case])).iter("property")
    told = {each.get("name"): each.get("value") for each in properties}
    assert (told["owner"], told["tags"]) == ("coordination-team", "nightly, pause")
    assert "owner: coordination\\-team" in markdown([case], "all")
