"""On a terminal a run is watched live and ends with its verdicts; a dumb one gets plain lines."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.command import CHAOS, PAUSE, environment

XTERM = {"TERM": "xterm-256color"}
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(PAUSE, encoding="utf-8")
    big = PAUSE.replace("{size: 3}", "{size: 13}")
    (tmp_path / "big.yaml").write_text(big, encoding="utf-8")
    return tmp_path


def on_a_terminal(
    folder: Path,
    *arguments: str,
    rows: int = 40,
    columns: int = 100,
    env: Mapping[str, str] = XTERM,
) -> str:
    """Everything that a terminal of this size is sent."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [*CHAOS, *arguments],
        cwd=folder,
        env=environment(folder, **{**XTERM, **env}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    sent = bytearray()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        try:
            while chunk := screen.read(1 << 16):
                sent += chunk
        except OSError:  # the other end has closed
            pass
    assert process.wait(60) == 0, sent.decode()
    return sent.decode()


def lines(sent: str) -> list[str]:
    return [line.rstrip() for line in ESCAPES.sub("", sent).replace("\r", "").split("\n")]


RUN = ("run", "good.yaml", "--system", "simulated", "--seed", "4")


def test_a_run_is_drawn_and_ends_with_its_verdicts(folder: Path) -> None:
    sent = on_a_terminal(folder, *RUN)
    drawn = lines(sent)
    assert any(re.fullmatch(r" +3   ★ leader +3 +1 +1 +3 at 0x0", line) for line in drawn)
    assert any("stop-it: pause the leader" in line for line in drawn)
    title = max(n for n, line in enumerate(drawn) if "pause-the-leader  simulated" in line)
    end = drawn[title:]
    assert "★" not in "".join(end), "the live table is gone before the verdicts are printed"
    assert any(line.startswith("✓  next") for line in end)
    assert end[-2].startswith("reproduce: chaos run good.yaml")
    assert sent.count("\x1b[?25l") == sent.count("\x1b[?25h") == 1, "the cursor comes back"


def test_long_verdicts_wrap_within_their_column(folder: Path) -> None:
    drawn = lines(on_a_terminal(folder, *RUN, columns=60))
    end = drawn[max(n for n, line in enumerate(drawn) if "pause-the-leader  simulated" in line) :]
    place = next(line for line in end if line.startswith("✓  up")).index("satisfied")
    at = next(n for n, line in enumerate(end) if line.startswith("✓  next"))
    assert end[at + 1].startswith(" " * place)
    assert not end[at + 1].startswith(" " * (place + 1))
    assert all(len(line) <= 60 for line in end if line.startswith(("✓  ", "   ")))


def test_more_peers_than_rows_are_counted(folder: Path) -> None:
    sent = on_a_terminal(folder, "run", "big.yaml", "--system", "simulated", rows=12)
    drawn = lines(sent)
    assert any(re.search(r"… +\d+ follower", line) for line in drawn)
    assert any("★ leader" in line for line in drawn)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=["dumb", "no colour"])
def test_no_escape_code_where_none_is_wanted(env: dict[str, str], folder: Path) -> None:
    sent = on_a_terminal(folder, *RUN, env=env)
    assert "\x1b" not in sent
    assert "stop-it: pause the leader" in sent
    assert lines(sent)[-2] == "reproduce: chaos run good.yaml --system simulated --seed 4"


def test_quiet_draws_nothing(folder: Path) -> None:
    drawn = lines(on_a_terminal(folder, *RUN, "--quiet"))
    told, rest = drawn
    assert re.fullmatch(r"✓ pause-the-leader seed 4: all \d+ verdicts hold", told)
    assert rest == ""


NOTED = PAUSE.replace(
    "expect:", '  - {id: said, note: "\\e[31mred\\n::error::nothing", why: "\\e[2J"}\nexpect:'
)
COMMANDS = {
    "run": RUN,
    "run, told plainly": (*RUN, "--quiet"),
    "validate": ("validate", "good.yaml"),
    "explain a plan": ("validate", "--explain", "good.yaml"),
    "show": ("show", "reports/latest"),
    "judge": ("judge", "reports/latest"),
    "explain": ("explain", "reports/latest"),
}


def test_what_a_plan_says_steers_no_terminal(folder: Path) -> None:
    (folder / "good.yaml").write_text(NOTED, encoding="utf-8")
    for name, command in COMMANDS.items():
        sent = on_a_terminal(folder, *command, env={"TERM": "dumb"})
        assert "\x1b" not in sent, name
        assert not any(line.startswith("::") for line in lines(sent)), name
    shown = lines(on_a_terminal(folder, *RUN))
    assert any("said: note: ⟨001B⟩[31mred ::error::nothing" in line for line in shown)
