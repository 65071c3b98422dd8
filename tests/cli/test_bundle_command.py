"""``chaos bundle``, ``chaos report``, and bundles where a run's folder is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.command import FAILING, PAUSE, chaos

RUN = ("run", "plan.yaml", "--system", "simulated", "--seed", "1")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder of the command, what it printed, and the bundle that it made."""
    folder = tmp_path_factory.mktemp("failed")
    (folder / "plan.yaml").write_text(FAILING, encoding="utf-8")
    done = chaos(folder, *RUN)
    assert done.returncode == 1
    (bundle,) = [path.name for path in (folder / "reports").glob("*.tar.gz")]
    return folder, done.stdout, f"reports/{bundle}"


def test_a_run_that_fails_says_where_its_bundle_is(failed: tuple[Path, str, str]) -> None:
    _, said, bundle = failed
    assert f"bundle: {bundle}\n" in said
    assert said.splitlines()[-1].startswith("reproduce: ")


def test_a_run_that_passes_makes_none(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PAUSE, encoding="utf-8")
    done = chaos(tmp_path, *RUN)
    assert done.returncode == 0
    assert list((tmp_path / "reports").glob("*.tar.gz")) == []
    made = chaos(tmp_path, "bundle", "reports/latest", "-o", "mine.tar.gz")
    assert (made.returncode, made.stdout) == (0, "mine.tar.gz\n")


COMMANDS = {
    "judge": (("judge",), 1, "run by chaos"),
    "show": (("show",), 1, "stop-it"),
    "explain": (("explain",), 0, "FAILS next"),
    "replay": (("replay",), 1, "every verdict is the same"),
    "report": (("report", "-o", "page.html"), 0, "page.html"),
}


@pytest.mark.parametrize(("command", "code", "said"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_bundle_goes_where_a_folder_does(
    command: tuple[str, ...], code: int, said: str, failed: tuple[Path, str, str]
) -> None:
    folder, _, bundle = failed
    done = chaos(folder, *command, bundle)
    assert done.returncode == code, done.stderr
    assert said in done.stdout
    if command[0] == "replay":
        assert f"chaos.cli replay {bundle}" in done.stdout or f"replay {bundle}" in done.stdout


def test_a_page_is_drawn_beside_a_bundle(failed: tuple[Path, str, str]) -> None:
    folder, _, bundle = failed
    done = chaos(folder, "report", bundle)
    page = folder / done.stdout.strip()
    assert page.name == Path(bundle).name.replace(".tar.gz", ".html")
    assert "pause-too-short" in page.read_text(encoding="utf-8")


def test_no_page_is_drawn_of_a_history_without_its_end(
    failed: tuple[Path, str, str], tmp_path: Path
) -> None:
    """It would show the verdicts of a whole run beside half of what happened."""
    folder, _, _ = failed
    run = tmp_path / "run"
    shutil.copytree((folder / "reports" / "latest").resolve(), run)
    history = run / "history.jsonl"
    whole = history.read_bytes()
    history.write_bytes(whole[: whole.rindex(b"\n", 0, len(whole) // 2) + 1])
    done = chaos(tmp_path, "report", "run")
    assert done.returncode == 2
    assert "the history lacks its end" in done.stderr
    history.write_bytes(whole)
    assert chaos(tmp_path, "report", "run").returncode == 0


def test_what_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_text("no", encoding="utf-8")
    done = chaos(tmp_path, "judge", "x.tar.gz")
    assert done.returncode == 2
    assert "x.tar.gz holds no run; it is no bundle of one" in done.stderr
