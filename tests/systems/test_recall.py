"""What clients are asked before a run ends, and what becomes of their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from chaos.errors import InfrastructureError
from chaos.history.events import Listed, Recalled
from chaos.systems.recall import Recall, promised


class Told:
    """Answers by the path that is asked for; an error is said as often as it stands there."""

    def __init__(self, answers: Mapping[str, list[list[str] | str]]) -> None:
        self.answers = answers

    def ask(self, do: str, **asked: int | str) -> Mapping[str, object]:
        assert do == "children"
        left = self.answers[str(asked["path"])]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, str):
            raise InfrastructureError(answer)
        return {"ok": True, "children": answer}


class Worked:
    def __init__(self, *names: str) -> None:
        self.names = names

    def workloads(self) -> tuple[str, ...]:
        return self.names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ends = ["acknowledged", "acknowledged", "unknown", "unknown", "failed"]
    lines = [
        json.dumps({"path": f"/chaos-w/{n:08d}", "outcome": end}) for n, end in enumerate(ends)
    ]
    torn = '{"path": "/chaos-w/00000009", "outc'
    (tmp_path / "writes-w.jsonl").write_text("\n".join([*lines, torn]), encoding="utf-8")
    return tmp_path


def asked(
    folder: Path, answers: Mapping[str, list[list[str] | str]], wait_ns: int = 10**10
) -> Recalled | Listed:
    (found,) = Recall(Told(answers), Worked("w"), folder, wait_ns).ask(ours=False)
    return found


def test_a_record_tells_what_was_promised_and_a_torn_end_is_left_out(folder: Path) -> None:
    found = promised(folder / "writes-w.jsonl")
    assert found.acknowledged == ["/chaos-w/00000000", "/chaos-w/00000001"]
    assert found.unknown == {"/chaos-w/00000002", "/chaos-w/00000003"}


def test_what_was_acknowledged_is_there_and_what_is_unknown_may_be(folder: Path) -> None:
    found = asked(folder, {"/chaos-w": [["00000000", "00000001", "00000003"]]})
    assert isinstance(found, Recalled)
    assert (found.acknowledged, found.missing, found.unknown_present) == (2, (), 1)


def test_what_was_acknowledged_and_is_not_there_is_named(folder: Path) -> None:
    found = asked(folder, {"/chaos-w": [["00000000"]]})
    assert isinstance(found, Recalled)
    assert found.missing == ("/chaos-w/00000001",)


def test_a_root_that_is_gone_has_lost_everything(folder: Path) -> None:
    found = asked(folder, {"/chaos-w": ["children: NoNodeError"]})
    assert isinstance(found, Recalled)
    assert len(found.missing) == found.acknowledged == 2


def test_who_cannot_answer_yet_is_asked_again(folder: Path) -> None:
    found = asked(folder, {"/chaos-w": ["children: no session", ["00000000", "00000001"]]})
    assert isinstance(found, Recalled)
    assert (found.missing, found.why) == ((), "")


def test_when_the_time_is_up_the_reason_is_told(folder: Path) -> None:
    found = asked(folder, {"/chaos-w": ["children: no session"]}, wait_ns=-1)
    assert isinstance(found, Recalled)
    assert (found.acknowledged, found.why) == (2, "children: no session")


def test_the_nodes_of_our_own_leaders_are_looked_for_where_there_may_be_some(folder: Path) -> None:
    answers: dict[str, list[list[str] | str]] = {
        "/chaos-w": [["00000000", "00000001"]],
        "/": [["chaos-100000001", "chaos-w", "zookeeper"]],
    }
    _, found = Recall(Told(answers), Worked("w"), folder).ask(ours=True)
    assert isinstance(found, Listed)
    assert (found.path, found.names) == ("/", ("chaos-100000001", "chaos-w"))


def test_without_a_workload_nobody_is_asked(folder: Path) -> None:
    assert list(Recall(Told({}), Worked(), folder).ask(ours=True)) == []


def test_without_its_record_nobody_knows_what_a_workload_was_promised(folder: Path) -> None:
    (folder / "writes-w.jsonl").unlink()
    found = asked(folder, {"/chaos-w": [["00000000"]]})
    assert isinstance(found, Recalled)
    assert "the record of its writes" in found.why


def test_where_nothing_was_promised_nothing_is_missed(folder: Path) -> None:
    (folder / "writes-w.jsonl").write_text("", encoding="utf-8")
    found = asked(folder, {"/chaos-w": ["children: no session"]}, wait_ns=-1)
    assert isinstance(found, Recalled)
    assert (found.acknowledged, found.missing, found.why) == (0, (), "")
