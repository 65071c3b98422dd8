"""What continuous integration is told: JUnit, a Markdown summary, and annotations for GitHub."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.campaign.record import RunRecord
from chaos.report.annotations import EACH_MAX, workflow_commands
from chaos.report.cases import Case, Status
from chaos.report.junit import REPEATS_MAX, junit, legal
from chaos.report.markdown import markdown, plain
from chaos.runner import codes
from chaos.verify.verdict import Kind, Outcome, Verdict

WHERE = "plans/p.yaml:8:5"


def a_run(code: int = codes.FAILED, repeat: int = 1) -> RunRecord:
    outcome = {codes.PASSED: "holds", codes.INCONCLUSIVE: "unknown"}.get(code, "fails")
    verdict = {"name": "next", "outcome": outcome, "summary": "none within 3s", "where": WHERE}
    return RunRecord(
        plan="p",
        cell="",
        system="simulated",
        seed=6 + repeat,
        repeat=repeat,
        warmup=False,
        exit_code=code,
        headline="all 5 verdicts hold" if code == codes.PASSED else "next: none within 3s",
        folder=f"reports/p-{repeat}",
        reproduce=f"chaos run p.yaml --seed {6 + repeat}",
        verdicts=(verdict,),
    )


def a_case(code: int = codes.FAILED, *runs: RunRecord) -> Case:
    found = runs or (a_run(code),)
    told = next((one.headline for one in found if one.exit_code == code), "")
    return Case("p", "plans/p.yaml", "", "simulated", code, told, found, took_ns=1_500_000_000)


PASSED = a_case(codes.PASSED)
FLAKY = replace(a_case(codes.PASSED), earlier=(a_run(codes.FAILED),))
SKIPPED = replace(a_case(codes.NOTHING_RAN), skipped="zookeeper cannot do step a (pause)", runs=())

# ---- JUnit

# the children of each element and the attributes that it has to have, as its readers agree on them
GRAMMAR = {
    "testsuites": (r"(testsuite )*", {"tests", "failures", "errors", "skipped"}),
    "testsuite": (r"(testcase )*", {"name", "tests", "failures", "errors", "skipped", "time"}),
    "testcase": (
        r"properties ((skipped |failure |error )(rerun(Failure|Error) )*|(flaky(Failure|Error) )*)",
        {"name", "classname", "time", "file"},
    ),
    "properties": (r"(property )+", set[str]()),
    "property": ("", {"name", "value"}),
    "skipped": ("", {"message"}),
    "failure": ("", {"message", "type"}),
    "error": ("", {"message", "type"}),
    "flakyFailure": ("stackTrace ", {"message", "type"}),
    "rerunFailure": ("stackTrace ", {"message", "type"}),
    "stackTrace": ("", set[str]()),
}


def well_formed(text: str) -> Xml.Element:
    """The document, after every element of it was held against the grammar."""
    root = Xml.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        children, needed = GRAMMAR[element.tag]
        assert re.fullmatch(children, "".join(f"{child.tag} " for child in element))
        assert needed <= set(element.attrib), element.tag
    for suite in root.iter("testsuite"):
        for figure, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert suite.get(figure) == str(len(list(suite.iter(tag))))
        assert suite.get("skipped") == str(len(list(suite.iter("skipped"))))
    return root


ELEMENTS = {
    "passed": (codes.PASSED, None, None),
    "an expectation": (codes.FAILED, "failure", "expectation"),
    "a regression": (codes.REGRESSED, "failure", "regression"),
    "safety": (codes.UNSAFE, "failure", "safety"),
    "inconclusive is not green": (codes.INCONCLUSIVE, "error", "inconclusive"),
    "the host": (codes.INFRASTRUCTURE, "error", "infrastructure"),
    "residue": (codes.RESIDUE, "error", "residue"),
    "interrupted": (codes.INTERRUPTED, "error", "interrupted"),
    "a bad plan": (codes.USAGE, "error", "usage"),
}


@pytest.mark.parametrize(("code", "tag", "kind"), ELEMENTS.values(), ids=ELEMENTS.keys())
def test_an_exit_code_is_an_element(code: int, tag: str | None, kind: str | None) -> None:
    one = next(well_formed(junit([a_case(code)])).iter("testcase"))
    told = [child for child in one if child.tag != "properties"]
    assert [child.tag for child in told] == ([] if tag is None else [tag])
    assert [child.get("type") for child in told] == ([] if kind is None else [kind])


def test_what_the_system_cannot_do_is_skipped_with_its_reason() -> None:
    root = well_formed(junit([SKIPPED]))
    skipped = next(root.iter("skipped"))
    assert skipped.get("message") == "zookeeper cannot do step a (pause)"
    assert root.get("skipped") == "1"


def test_a_case_names_the_repeat_that_fails_and_lists_all() -> None:
    runs = (a_run(codes.PASSED, 1), a_run(codes.FAILED, 2), a_run(codes.FAILED, 3))
    one = next(well_formed(junit([a_case(codes.FAILED, *runs)])).iter("testcase"))
    failure = one.find("failure")
    assert failure is not None
    assert failure.get("message") == "repeat 2 of 3, seed 8: next: none within 3s"
    assert failure.text is not None
    assert WHERE in failure.text
    assert "reproduce: chaos run p.yaml --seed 8" in failure.text
    told = {prop.get("name"): prop.get("value") for prop in one.iter("property")}
    assert told["repeat.1"] == "seed 7, exit code 0: all 5 verdicts hold"
    assert told["repeat.3"] == "seed 9, exit code 1: next: none within 3s"


def test_a_run_that_warms_up_is_not_the_reason() -> None:
    warm = replace(a_run(codes.FAILED, 1), warmup=True, seed=99)
    case = a_case(codes.FAILED, warm, a_run(codes.PASSED, 1), a_run(codes.FAILED, 2))
    assert case.message == "repeat 2 of 2, seed 8: next: none within 3s"


def test_of_very_many_repeats_those_that_passed_are_left_out_and_counted() -> None:
    runs = [a_run(codes.PASSED, number) for number in range(1, REPEATS_MAX + 3)]
    runs.append(a_run(codes.FAILED, REPEATS_MAX + 3))
    root = well_formed(junit([a_case(codes.FAILED, *runs)]))
    told = {prop.get("name"): prop.get("value") for prop in root.iter("property")}
    assert told["repeats_left_out"] == "3"
    assert f"repeat.{REPEATS_MAX + 3}" in told
    assert f"repeat.{REPEATS_MAX}" not in told


def test_cells_of_a_plan_are_a_suite() -> None:
    cells = [replace(PASSED, cell=cell) for cell in ("size=3", "size=5")]
    root = well_formed(junit([*cells, replace(PASSED, plan="q")]))
    assert [suite.get("name") for suite in root] == ["p", "q"]
    assert [one.get("name") for one in root.iter("testcase")] == ["p[size=3]", "p[size=5]", "q"]


def test_a_flaky_case_shows_the_run_that_did_not_pass() -> None:
    root = well_formed(
        junit([FLAKY, replace(a_case(codes.FAILED), earlier=(a_run(codes.FAILED),))])
    )
    flaky, failed = root.iter("testcase")
    assert [child.tag for child in flaky] == ["properties", "flakyFailure"]
    assert [child.tag for child in failed] == ["properties", "failure", "rerunFailure"]
    told = {prop.get("name"): prop.get("value") for prop in flaky.iter("property")}
    assert told["status"] == "flaky", "a reader that knows no flaky elements has a word for it"
    assert told["exit_code"] == "1", "the command counts it as a failure"


def test_what_was_made_again_by_itself_is_no_flake() -> None:
    case = replace(PASSED, retried=(a_run(codes.INFRASTRUCTURE), a_run(codes.INCONCLUSIVE)))
    one = next(well_formed(junit([case])).iter("testcase"))
    assert [child.tag for child in one] == ["properties"]
    told = {prop.get("name"): prop.get("value") for prop in one.iter("property")}
    assert told["retries"] == "1 infrastructure retry, 1 inconclusive retry"
    assert "1 infrastructure retry, 1 inconclusive retry" in markdown([case], "")


@given(text=st.text(st.characters(), max_size=30))
@settings(max_examples=60)
def test_no_text_breaks_the_document_or_is_lost(text: str) -> None:
    run = replace(a_run(), headline=text, reproduce=text, seed=1)
    case = replace(a_case(codes.FAILED, run), plan=text, file=text, headline=text)
    one = next(well_formed(junit([case])).iter("testcase"))
    assert one.get("name") == legal(text)


def test_what_xml_cannot_hold_is_spelled_out() -> None:
    assert legal("a\x1b[0m\x00\ud800\uffff") == r"a\x1b[0m\x00\ud800\uffff"
    assert legal("tab\t ümlaut ✓ \U0001f600") == "tab\t ümlaut ✓ \U0001f600"


# ---- Markdown


def test_the_summary_counts_first_and_puts_the_worst_on_top() -> None:
    text = markdown([PASSED, SKIPPED, FLAKY, a_case(codes.INCONCLUSIVE), a_case()], "reports")
    assert text.startswith(
        "## chaos: 1 failed, 1 inconclusive, 1 flaky, 1 skipped, 1 passed\n\n| | plan "
    )
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[2] for row in rows] == ["✗", "?", "≈", "–", "✓"]
    assert "chaos run p.yaml --seed 7" in text


def test_a_hostile_name_stays_in_its_cell() -> None:
    name = "a|b\n# <script>`x` [y](http://z) @all"
    text = markdown([replace(a_case(), plan=name, cell="")], "reports")
    row = next(line for line in text.splitlines() if line.startswith("| ✗"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert "<script>" not in text
    assert r"\@all" in plain(name)


@given(room=st.integers(0, 9000), many=st.integers(1, 40))
@settings(max_examples=60)
def test_a_summary_never_outgrows_its_room_and_says_where_the_rest_is(room: int, many: int) -> None:
    cases = [replace(a_case(), cell=f"size={number}") for number in range(many)]
    text = markdown(cases, "reports/junit.xml", room)
    assert len(text.encode()) <= room
    whole = markdown(cases, "reports/junit.xml")
    assert text in ("", whole) or plain("reports/junit.xml") in text


# ---- annotations


def test_a_finding_is_shown_at_its_line_of_the_plan() -> None:
    (line,) = workflow_commands([a_case()], "/repo/sub", "/repo")
    assert line == (
        "::error file=sub/plans/p.yaml,line=8,col=5,title=p%3A next::fails: none within 3s"
    )


def test_a_finding_without_a_place_is_shown_at_the_plan() -> None:
    broken = Verdict("one, leader", Kind.INVARIANT, Outcome.FAILS, "two: 100 %\nof it", (), 1, "")
    (line,) = workflow_commands(
        [replace(a_case(codes.UNSAFE), together=(broken,), runs=())], "/repo", ""
    )
    assert line == (
        "::error file=plans/p.yaml,title=p%3A one%2C leader::fails: two: 100 %25%0Aof it"
    )


HOST = a_case(codes.INFRASTRUCTURE, replace(a_run(codes.INFRASTRUCTURE), verdicts=()))
KINDS = {
    "failed": (a_case(), ["error"]),
    "the host": (
        a_case(codes.INFRASTRUCTURE, replace(a_run(codes.INFRASTRUCTURE), verdicts=())),
        ["error"],
    ),
    "inconclusive": (a_case(codes.INCONCLUSIVE), ["warning"]),
    "flaky": (FLAKY, ["warning"]),
    "skipped": (SKIPPED, ["notice"]),
    "passed": (PASSED, []),
}


@pytest.mark.parametrize(("case", "kinds"), KINDS.values(), ids=KINDS.keys())
def test_a_status_is_a_kind(case: Case, kinds: list[str]) -> None:
    found = workflow_commands([case], "/repo", "/repo")
    assert [line[2:].split(" ")[0] for line in found] == kinds


def test_there_are_at_most_ten_of_a_kind_and_the_rest_is_counted() -> None:
    cases = [replace(a_case(), cell=f"size={n}") for n in range(EACH_MAX + 5)]
    found = workflow_commands([*cases, a_case(codes.INCONCLUSIVE)], "/repo", "/repo")
    errors = [line for line in found if line.startswith("::error")]
    assert len(errors) == EACH_MAX
    assert errors[-1] == "::error title=chaos::and 6 more, in the summary"
    assert len(found) == EACH_MAX + 1


def test_only_what_passed_is_green() -> None:
    statuses = {a_case(code).status for code in codes.FAILURES | {2, 3, 4, 8, 130, 143}}
    assert Status.PASSED not in statuses | {FLAKY.status, SKIPPED.status}
