"""The result of a run: its schema, and what is there of it before the run is over."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

from chaos.actions import Action, Evidence, Pause
from chaos.errors import HistoryError
from chaos.history.events import Acted
from chaos.store import RESULT, State, load, result_json, result_schema, stored_result
from tests.cli.command import environment
from tests.runner.stage import Puppet, lead, plan

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "plans" / "schema" / "result-v1.json"
STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
  - {id: next, wait: {outcome: leader}, within: 5s}
expect:
  - {id: x, outcome: leader, after: stop, within: 3s}
""")
KILLED = """
import os, signal, sys
from pathlib import Path
from chaos.actions import Resume
from tests.runner.stage import Puppet, lead
from tests.runner.test_result import STORY

class Dying(Puppet):
    def apply(self, action):
        if isinstance(action, Resume):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().apply(action)

lead(STORY, Path(sys.argv[1]), system=Dying(STORY.ensemble))
"""


def _fits(document: Mapping[str, object]) -> None:
    jsonschema.Draft202012Validator(result_schema()).validate(document)


def test_the_shipped_schema_is_that_of_the_record() -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == result_schema()


def test_a_result_satisfies_the_schema_and_is_read_back_as_it_was(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    document = json.loads((led.folder / RESULT).read_text(encoding="utf-8"))
    _fits(document)
    assert document == result_json(led.result)
    assert next(iter(document)) == "schema"
    assert load(led.folder)[0] == led.result


@pytest.mark.parametrize("wrong", ["state", "schema", "verdicts"])
def test_the_schema_refuses_what_is_no_result(wrong: str, tmp_path: Path) -> None:
    document = {**result_json(lead(STORY, tmp_path).result), wrong: "nonsense"}
    with pytest.raises(jsonschema.ValidationError):
        _fits(document)


def test_what_a_run_has_done_is_there_while_it_goes_on(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    class Curious(Puppet):
        def apply(self, action: Action) -> Evidence:
            folder = (tmp_path / "latest").resolve()
            document = json.loads((folder / RESULT).read_text(encoding="utf-8"))
            _fits(document)
            assert document["state"] == "running"
            seen.append({step["step"]: step["outcome"] for step in document["steps"]})
            return super().apply(action)

    lead(STORY, tmp_path, system=Curious(STORY.ensemble))
    assert seen == [
        {"up": "done", "stop": "not reached", "next": "not reached"},
        {"up": "done", "stop": "done", "next": "done"},
    ]


def test_a_tool_that_is_killed_leaves_the_steps_so_far(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=ROOT,
        env=environment(tmp_path),
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    folder = (tmp_path / "latest").resolve()
    result = stored_result(folder)
    assert result is not None
    _fits(result_json(result))
    assert (result.state, result.exit_code) == (State.RUNNING, 4)
    assert {step.step: step.outcome for step in result.steps} == {
        "up": "done",
        "stop": "done",
        "next": "done",
    }
    result, history = load(folder)
    assert result is None, "it was never judged"
    assert [type(event.action) for _, event in history.every(Acted)] == [Pause]


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    class Interrupting(Puppet):
        def apply(self, action: Action) -> Evidence:
            raise KeyboardInterrupt(action)

    with pytest.raises(KeyboardInterrupt):
        lead(STORY, tmp_path, system=Interrupting(STORY.ensemble))
    told = stored_result((tmp_path / "latest").resolve())
    assert told is not None
    assert told.state is State.BROKEN


def test_a_result_of_before_the_schema_is_still_read(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    document = result_json(led.result)
    del document["schema"], document["state"]
    (led.folder / RESULT).write_text(json.dumps({**document, "version": 1}), encoding="utf-8")
    assert load(led.folder)[0] == led.result
    (led.folder / RESULT).write_text("[]", encoding="utf-8")
    with pytest.raises(HistoryError, match="is no result"):
        load(led.folder)
