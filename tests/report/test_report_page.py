"""The page as a reader, a browser policy and a hostile name see it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from chaos.election.ids import Sid
from chaos.history.events import Lost, RunBegan, RunEnded, Sampled
from chaos.history.history import History
from chaos.report.page import BYTES_MAX, render
from chaos.store import StepRecord
from chaos.verify.verdict import Kind, Measure, Outcome, Verdict
from tests.report.long_runs import chatter
from tests.report.runs import killed_under_loss, paused_then_cut, result_of

VOID = {"meta", "br"}
SECTIONS = [
    "environment",
    "plan",
    "timeline",
    "elections",
    "timings",
    "verdicts",
    "evidence",
    "messages",
    "host",
]
EMPTY = {
    "no event": History(()),
    "no peer": History.of([RunBegan(0, "p", 1, "processes"), RunEnded(5, "no peer came up")]),
    "samples only": History.of([Sampled(n, 0, 0, n) for n in range(3)]),
}
HOSTILE = "</script><img src=x onerror=alert(1)>]]>\u202egnp.exe\u2066 & \"quoted\" 'name'"


class Tree(HTMLParser):
    """Elements with their attributes and whole texts; refuses what is not well-formed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice: {names}"
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {n: v or "" for n, v in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1:] == [tag], f"</{tag}> closes {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def every(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


@cache
def page(name: str = "cut") -> str:
    history = paused_then_cut() if name == "cut" else killed_under_loss()
    return render(result_of(history), history)


@cache
def tree(name: str = "cut") -> Tree:
    return Tree(page(name))


RUNS = pytest.mark.parametrize("name", ["cut", "kill"])


@RUNS
def test_the_page_fetches_and_runs_nothing(name: str) -> None:
    text = page(name)
    for forbidden in ("http:", "https:", "//", "eval(", "blob:", "data:", "innerHTML", "@import"):
        assert forbidden not in text, forbidden
    tags = {tag for tag, _, _ in tree(name).elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "canvas"})
    assert not any(key.startswith("on") for _, found, _ in tree(name).elements for key in found)


@RUNS
def test_no_element_has_a_style_of_its_own(name: str) -> None:
    assert [found for _, found, _ in tree(name).elements if "style" in found] == []


@RUNS
def test_each_figure_says_what_it_shows_and_how_wide_it_is(name: str) -> None:
    figures = [found for found in tree(name).every("svg") if "aria-hidden" not in found]
    ids = {found["id"] for _, found, _ in tree(name).elements if "id" in found}
    assert {"timeline-figure", "waterfall", "canary", "election-1"} <= {f["id"] for f in figures}
    for found in figures:
        assert found["role"] == "img"
        assert set(found["aria-labelledby"].split()) <= ids
        assert int(found["width"]) > 0
        assert "viewbox" in found


@RUNS
def test_ids_are_unique_and_links_and_paints_lead_somewhere(name: str) -> None:
    elements = tree(name).elements
    ids = [found["id"] for _, found, _ in elements if "id" in found]
    assert sorted(ids) == sorted(set(ids))
    wanted = {found["href"][1:] for found in tree(name).every("a")}
    for _, found, _ in elements:
        for value in found.values():
            wanted |= set(re.findall(r"url\(#([\w-]+)\)", value))
    assert {"fault", "head", "looking"} <= wanted
    assert wanted - set(ids) == set()


def test_the_sections_come_in_their_order() -> None:
    found = [found["aria-labelledby"] for found in tree().every("section")]
    assert found == SECTIONS


def test_light_and_dark_are_asked_for_without_a_style_sheet() -> None:
    schemes = [m["content"] for m in tree().every("meta") if m.get("name") == "color-scheme"]
    assert schemes == ["light dark"]


def test_the_head_says_how_it_went_and_how_to_see_it_again() -> None:
    text = "".join(tree().text)
    assert "✗ FAIL" in text
    assert "next: peer 4 led after 1.22 s, asked for was 1 s" in text
    assert "chaos run plans/pause-then-cut.yaml --seed 7" in text


@pytest.mark.parametrize(
    ("code", "word"), [(0, "PASS"), (3, "INCONCLUSIVE"), (7, "UNSAFE"), (99, "EXIT 99")]
)
def test_the_exit_code_has_a_word(code: int, word: str) -> None:
    history = killed_under_loss()
    text = render(result_of(history, code), history)
    assert f"{word}</b>" in text


def test_a_disturbed_host_is_announced() -> None:
    history = killed_under_loss()
    result = replace(result_of(history), disturbed="a canary woke 90 ms late at 1.20 s")
    assert "a canary woke 90 ms late at 1.20 s" in render(result, history)
    assert "Disturbed" not in page("kill")


def test_a_step_shows_what_it_resolved_to_and_how_late_it_was() -> None:
    text = "".join(tree().text)
    assert "pause the leader (peer 5) for 2.5 s" in text
    assert "planned 1.9988\u00a0s · began 2.0000\u00a0s (+1.20\u00a0ms)" in text
    assert "Evidence: state T" in text


def test_the_plan_is_there_by_line() -> None:
    lines = [found["id"] for found in tree().every("li") if found.get("id", "").startswith("L")]
    assert lines == [f"L{n}" for n in range(1, 11)]
    assert 'id="L6"><code>  - {id: up, wait: {outcome: leader}, within: 5s}' in page()


def test_a_verdict_leads_to_its_evidence_in_words() -> None:
    history = paused_then_cut()
    verdict = next(v for v in result_of(history).verdicts if v.outcome is Outcome.FAILS)
    for index in verdict.evidence:
        assert f'href="#e{index}"' in page()
        assert f'id="e{index}"' in page()
    assert "steps down: the leader is silent" in "".join(tree().text)


def test_what_is_not_green_comes_first_and_unknown_is_not_green() -> None:
    outcomes = re.findall(r'<td class="o-([a-z-]+)">(.) ', page())
    assert outcomes == [("fails", "✗"), ("unknown", "?"), ("holds", "✓"), ("not-exercised", "·")]


def test_a_censored_measure_is_shown_as_such() -> None:
    assert "→ did not end" in "".join(tree().text)
    assert "1 did not end" in "".join(tree().text)


@pytest.mark.parametrize("history", EMPTY.values(), ids=EMPTY.keys())
def test_a_run_without_peers_has_a_page(history: History) -> None:
    result = replace(result_of(killed_under_loss()), verdicts=(), measures=(), steps=())
    text = render(result, history)
    assert "No peer left a line in this history." in text
    Tree(text)


def test_an_answer_to_a_stranger_that_got_lost_has_its_cross() -> None:
    history = killed_under_loss()
    stranger = Sid(1 << 62)
    strange = [replace(e, to=stranger) if isinstance(e, Lost) else e for e in history.events]
    assert strange != list(history.events)
    text = render(result_of(history), History.of(strange))
    assert "lost" in text
    Tree(text)


def test_a_name_is_harmless_and_reads_as_it_is() -> None:
    history = killed_under_loss()
    base = result_of(history)
    step = StepRecord(HOSTILE, HOSTILE, HOSTILE, "x:1:1", 0, 0, 0, (1,), "done", HOSTILE)
    result = replace(
        base,
        plan=HOSTILE,
        plan_file=HOSTILE,
        plan_text=HOSTILE,
        headline=HOSTILE,
        reproduce=HOSTILE,
        disturbed=HOSTILE,
        environment={HOSTILE: HOSTILE},
        steps=(replace(step, step="kill-it"), step),
        verdicts=(Verdict(HOSTILE, Kind.INVARIANT, Outcome.FAILS, HOSTILE),),
    )
    text = render(result, history)
    found = Tree(text)
    assert not {"\u202e", "\u2066"} & set(text)
    assert "⟨202E⟩" in text
    assert {tag for tag, _, _ in found.elements}.isdisjoint({"img", "script"})
    assert "<img" not in text
    assert any("</script><img src=x onerror=alert(1)>]]>⟨202E⟩" in part for part in found.text)


def test_a_step_that_was_done_and_is_not_green_is_marked_in_the_plan() -> None:
    history = killed_under_loss()
    step = StepRecord("cut", "fault", "cut it", "x:1:1", 0, 0, 0, (1,), "done", "")
    wrong = "it was over in the instant in which it began"
    unsure = Verdict("cut", Kind.EVIDENCE, Outcome.UNKNOWN, wrong)
    base = replace(result_of(history), steps=(step,))
    pages = [render(replace(base, verdicts=all_), history) for all_ in ((), (unsure,))]
    mark = re.compile(r'<li id="step-1"><span class="o-([a-z-]+)" title="[^"]*">(.)<')
    assert [mark.findall(text) for text in pages] == [[("done", "✓")], [("unknown", "?")]]
    assert f"<p>{wrong}</p>" in pages[1]


def test_a_typical_run_stays_small() -> None:
    assert len(page().encode()) < 300_000


def test_a_hundred_thousand_events_stay_under_the_cap_and_say_that_they_share_lines() -> None:
    history = chatter(100_000)
    assert len(history.events) >= 100_000
    text = render(result_of(history), history)
    assert len(text.encode()) < BYTES_MAX
    assert "messages are drawn as" in text
    assert "messages are drawn as" not in page()


def test_a_page_that_is_too_large_is_cut_and_says_so() -> None:
    history = paused_then_cut()
    whole = len(page().encode())
    text = render(result_of(history), history, bytes_max=whole - 1)
    assert len(text.encode()) < whole
    assert "Cut short" in text
    assert "Cut short" not in page()
    Tree(text)


def test_without_phases_elections_are_undivided() -> None:
    history = killed_under_loss()
    measures = (
        Measure("election.total", "k", 5, 0, 1),
        Measure("election.phase.vote", "k", 3, 0, 1),
    )
    result = replace(result_of(history), measures=measures)
    divided, whole = (render(result, history, phases=phases) for phases in (True, False))
    for word in ("Detect: from", ", handshake ", "handshake: ", "election.phase.vote"):
        assert word in divided, word
        assert word not in whole, word
    assert "election.total" in whole
    assert Tree(whole).every("section") == Tree(divided).every("section")
