"""What a run leaves in its folder, and on the host, however it ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.actions import Action, Evidence
from chaos.errors import HistoryError, InfrastructureError
from chaos.history.codec import Writer
from chaos.history.events import Event, RunBegan, StepBegan
from chaos.history.history import History
from chaos.plan.model import Cleanup
from chaos.runner.run import ResidueError
from chaos.store import HISTORY, RESULT, RunFolder, RunResult, State, load, put_text, stored_result
from tests.runner.stage import Puppet, lead, plan

STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
expect:
  - {id: x, outcome: leader, after: stop, within: 3s}
""")
EVENTS: tuple[Event, ...] = (
    RunBegan(0, "story", 1, "simulated", {"format": 1}),
    StepBegan(5, "up", 5),
    StepBegan(9, "stop", 9),
)


def test_a_run_is_loaded_as_it_was(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    result, history = load(led.folder)
    assert result == led.result
    assert history == led.history


def test_the_newest_run_is_called_latest(tmp_path: Path) -> None:
    first, second = (lead(STORY, tmp_path, seed) for seed in (1, 2))
    assert (tmp_path / "latest").resolve() == second.folder.resolve() != first.folder.resolve()


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    names: set[str] = set()
    for _ in range(3):
        with closing(RunFolder.create(tmp_path, "a plan/of mine", 7)) as folder:
            names.add(folder.path.name)
    assert len(names) == 3
    assert all("a-plan-of-mine-7" in name for name in names)


def test_what_was_appended_and_flushed_is_loaded_though_nothing_was_finished(
    tmp_path: Path,
) -> None:
    with closing(RunFolder.create(tmp_path, "story", 1)) as folder:
        for event in EVENTS:
            folder.append(event)
        folder.flush()
        assert load(folder.path) == (None, History(EVENTS))


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    writer = Writer()
    text = "".join(writer.lines(event) for event in EVENTS)
    (tmp_path / HISTORY).write_text(text[:-9], encoding="utf-8")
    assert load(tmp_path) == (None, History(EVENTS[:-1]))


def test_a_torn_line_amid_others_is_no_history(tmp_path: Path) -> None:
    writer = Writer()
    first, second, third = (writer.lines(event) for event in EVENTS)
    (tmp_path / HISTORY).write_text(first + second[:-9] + "\n" + third, encoding="utf-8")
    with pytest.raises(HistoryError):
        load(tmp_path)


def test_a_folder_without_a_history_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="holds no run"):
        load(tmp_path)


DAMAGED = {
    "no text": (HISTORY, b"\x00\xfd\x8e", "history.jsonl is no history"),
    "a line of nobody": (HISTORY, b'{"k":"Nope"}\n', r"history.jsonl: no event of format 1"),
    "a newer history": (
        HISTORY,
        b'{"k":"RunBegan","at_ns":0,"plan":"p","seed":1,"system":"s","facts":{"format":2}}\n',
        "history format 2; this version of chaos reads format 1",
    ),
    "half a result": (RESULT, b"{", "result.json is no result: Invalid JSON"),
    "a deep result": (RESULT, b"[" * 100_000, "result.json is no result: it is nested too deeply"),
    "another result": (RESULT, b"{}", "result.json is no result: plan"),
    "endless brackets": (RESULT, b"[" * 100_000, "result.json is no result: it is nested too deep"),
}


@pytest.mark.parametrize(("name", "content", "why"), DAMAGED.values(), ids=DAMAGED.keys())
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    led = lead(STORY, tmp_path)
    (led.folder / name).write_bytes(content)
    with pytest.raises(HistoryError, match=why):
        load(led.folder)


@pytest.mark.parametrize("name", [HISTORY, RESULT])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    led = lead(STORY, tmp_path)
    (led.folder / name).unlink()
    os.mkfifo(led.folder / name)
    with pytest.raises(HistoryError, match=rf"holds no run: .*{name} is no plain file"):
        load(led.folder)


def test_a_result_of_a_newer_schema_is_named(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    file = led.folder / RESULT
    text = file.read_text(encoding="utf-8").replace("chaos-result/1", "chaos-result/2")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match="chaos-result/2; this version of chaos reads chaos-res"):
        load(led.folder)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(InfrastructureError, match="cannot write runs to"):
        RunFolder.create(tmp_path / "out", "story", 1)


# ---- runs that break


def test_a_host_that_fails_leaves_a_readable_prefix(tmp_path: Path) -> None:
    system = Puppet(STORY.ensemble, breaks=frozenset({act.Pause}))
    with pytest.raises(InfrastructureError, match="the host is on fire"):
        lead(STORY, tmp_path, system=system)
    assert system.closes == 1
    folder = (tmp_path / "latest").resolve()
    result, history = load(folder)
    assert result is None
    told = stored_result(folder)
    assert told is not None
    assert (told.state, told.exit_code, told.headline) == (State.BROKEN, 4, "the host is on fire")
    assert [event.step for _, event in history.every(StepBegan)] == ["up", "stop"]


def test_what_is_left_behind_is_the_outcome_of_a_run(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path, system=Puppet(STORY.ensemble, residue="left behind: process 7"))
    assert led.result.exit_code == 8
    assert led.result.headline == "left behind: process 7"
    assert led.verdict("x")[0] == "holds", "its verdicts stand none the less"


def test_a_host_that_fails_and_keeps_something_says_both(tmp_path: Path) -> None:
    system = Puppet(STORY.ensemble, breaks=frozenset({act.Pause}), residue="left behind: process 7")
    with pytest.raises(ResidueError, match="the host is on fire; then left behind: process 7"):
        lead(STORY, tmp_path, system=system)


def test_an_interruption_passes_after_everything_was_closed(tmp_path: Path) -> None:
    class Interrupting(Puppet):
        def apply(self, action: Action) -> Evidence:
            raise KeyboardInterrupt(action)

    system = Interrupting(STORY.ensemble)
    with pytest.raises(KeyboardInterrupt):
        lead(STORY, tmp_path, system=system)
    assert system.closes == 1


# ---- the ledger


UNVERIFIED = replace(STORY, cleanup=Cleanup(verify=False))


class OnHost(Puppet):
    """A system that claims a process: the first one, which no recovery would end for it."""

    def pids(self) -> Mapping[int, str]:
        return {1: "not ours"}

    def apply(self, action: Action) -> Evidence:
        (ledger,) = self.ledgers()
        assert '"process": 1' in ledger.read_text(encoding="utf-8")
        return super().apply(action)

    def ledgers(self) -> list[Path]:
        return list(self.state.rglob("*.ledger"))

    state = Path()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_processes_are_in_a_ledger_while_a_run_goes_on(state: Path, tmp_path: Path) -> None:
    system = OnHost(STORY.ensemble)
    system.state = state
    lead(UNVERIFIED, tmp_path / "a", system=system)
    assert [type(action) for action in system.applied] == [act.Pause, act.Resume]
    assert system.ledgers() == []


def test_a_ledger_stays_while_something_is_left(state: Path, tmp_path: Path) -> None:
    system = OnHost(STORY.ensemble, residue="left behind: process 1")
    system.state = state
    lead(UNVERIFIED, tmp_path / "a", system=system)
    assert len(system.ledgers()) == 1


def test_a_broken_run_closes_its_ledger_too(state: Path, tmp_path: Path) -> None:
    system = OnHost(STORY.ensemble, breaks=frozenset({act.Pause}))
    system.state = state
    with pytest.raises(InfrastructureError):
        lead(UNVERIFIED, tmp_path / "a", system=system)
    assert system.ledgers() == []


def test_folders_of_one_name_do_not_quarrel_over_a_ledger(state: Path, tmp_path: Path) -> None:
    held = OnHost(STORY.ensemble, residue="left behind: process 1")
    held.state = state
    one = lead(UNVERIFIED, tmp_path / "a", system=held)
    (ledger,) = held.ledgers()
    assert one.folder.name in ledger.name
    assert ledger.name != f"{one.folder.name}.ledger"


def test_a_system_without_processes_needs_no_ledger(state: Path, tmp_path: Path) -> None:
    lead(STORY, tmp_path / "a")
    assert not state.exists()


class Clock:
    """It goes on by ``step_ns`` each time that it is looked at."""

    def __init__(self, step_ns: int) -> None:
        self.step_ns = step_ns
        self.at_ns = 0

    def now_ns(self) -> int:
        self.at_ns += self.step_ns
        return self.at_ns


@pytest.mark.parametrize(("text", "most"), [("", 200), ("x" * 65536, 11)], ids=["small", "large"])
def test_no_step_waits_for_the_account_of_all_others(text: str, most: int, tmp_path: Path) -> None:
    """A large one that takes 1 ms is given every 20 ms at most, and the last one is not lost."""
    led = lead(STORY, tmp_path / "runs")
    clock, made = Clock(1_000_000), list[int]()
    with closing(RunFolder(tmp_path, clock.now_ns)) as folder:

        def account(number: int) -> RunResult:
            made.append(number)
            return replace(led.result, seed=number, plan_text=text)

        for number in range(1, 201):
            folder.progress(partial(account, number))
        assert most // 2 <= len(made) <= most
        assert made[0] == 1, "the first is given at once"
        clock.at_ns += 20_000_000
        folder.append(EVENTS[0])
        assert made[-1] == 200
        told = stored_result(tmp_path)
        assert told is not None
        assert told.seed == 200


def test_what_is_no_regular_file_stays_what_it_is(tmp_path: Path) -> None:
    """A link is followed, a pipe is written to; neither is replaced by a file."""
    real, link, pipe = tmp_path / "real", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(real)
    put_text(link, "through the link")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "through the link"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        put_text(pipe, "into the pipe")
        assert os.read(reader, 100) == b"into the pipe"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
