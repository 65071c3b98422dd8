"""``chaos explain``, ``chaos show`` and ``chaos validate --explain``: trees and stories."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import ENDLESS, FAILING, PAUSE, chaos, runs

ARGUMENTS = ("run", "--system", "simulated", "--quiet", "--json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A run that failed, and two that passed: of its seed by --set, and of another plan."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "failing.yaml").write_text(FAILING, encoding="utf-8")
    (folder / "other.yaml").write_text(PAUSE, encoding="utf-8")
    more = {
        "failing": ("failing.yaml", "--seed", "1"),
        "passing": ("failing.yaml", "--seed", "2", "--set", "expect.next.within=3s"),
        "other": ("other.yaml", "--seed", "1", "--set", "steps.stop-it.for=300ms"),
    }
    return folder, {
        name: str(runs(chaos(folder, *ARGUMENTS, *rest).stdout)[0]["folder"])
        for name, rest in more.items()
    }


@pytest.fixture
def stored(made: tuple[Path, dict[str, str]], tmp_path: Path) -> dict[str, str]:
    """A copy of them, for one test to change."""
    folder, names = made
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    return names


def test_a_failing_run_is_explained_beside_one_that_passed(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    done = chaos(tmp_path, "explain", stored["failing"])
    assert done.returncode == 0, done.stderr
    assert "FAILS next: no leader among {1, 2}" in done.stdout
    assert "\n  > " in done.stdout
    assert "(seed 2 instead of 1, with other values --set):" in done.stdout
    assert "every lane did the same things in the same order" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_expected_failure_is_explained_as_such(tmp_path: Path) -> None:
    known = """known_issues:
  - {signature: "*@next", issue: "#7", until: "2999-12-31", counts_as: expected_failure}
"""
    (tmp_path / "known.yaml").write_text(FAILING + known, encoding="utf-8")
    (run,) = runs(chaos(tmp_path, *ARGUMENTS, "known.yaml", "--seed", "1").stdout)
    done = chaos(tmp_path, "explain", str(run["folder"]))
    assert "FAILS next: no leader among {1, 2}" in done.stdout
    assert "\n  expected, by a known issue of the plan: #7" in done.stdout


def test_a_sibling_can_be_named_and_need_not_have_passed(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    done = chaos(tmp_path, "explain", stored["failing"], "--sibling", stored["failing"])
    assert "(as asked; it did not pass either):" in done.stdout
    assert "only times differ" in done.stdout


def test_without_a_sibling_it_is_said_how_to_make_one(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    for path in (tmp_path / stored["passing"]).iterdir():
        path.unlink() if path.is_file() else None
    done = chaos(tmp_path, "explain", stored["failing"])
    assert "chaos run failing.yaml --system simulated --seed 2 --repeat 5" in done.stdout


def test_what_makes_a_sibling_runs_the_plan_as_it_was_run_and_beside_it(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(ENDLESS, encoding="utf-8")
    hold = ("--set", "steps.never.wait.hold_for=2s")
    ran = chaos(tmp_path, "run", "plan.yaml", "--system", "simulated", *hold, "--out", "a b")
    assert ran.returncode == 1
    done = chaos(tmp_path, "explain", "a b/latest")
    hint = next(line for line in done.stdout.splitlines() if "other seeds: " in line)
    assert "steps.never.wait.hold_for=2s" in hint
    assert hint.endswith("--repeat 5 --out 'a b'")


def test_an_explanation_is_data_and_works_for_a_run_that_was_cut_short(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    (tmp_path / stored["failing"] / "result.json").unlink()
    done = chaos(tmp_path, "explain", "--json", stored["failing"])
    told = json.loads(done.stdout)
    assert (told["version"], told["cut_short"]) == (1, True)
    assert [one["name"] for one in told["verdicts"]] == ["next"]
    assert (told["sibling"]["seed"], told["divergence"]) == (2, None)


def test_where_two_runs_part_is_told_with_both_sides(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    command = ("explain", stored["failing"], "--sibling", stored["other"])
    done = chaos(tmp_path, *command)
    assert "the first difference is in the lane of peer" in done.stdout
    assert "    there nothing more" in done.stdout
    parted = json.loads(chaos(tmp_path, *command, "--json").stdout)["divergence"]
    assert parted["here"]["text"] == "is LOOKING (election)"
    assert (parted["there"], len(parted["before"])) == (None, 3)


def test_a_run_is_shown_as_its_plans_tree_with_the_failing_place_marked(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    done = chaos(tmp_path, "show", stored["failing"])
    assert done.returncode == 1
    assert "✓ 2 stop-it: pause the leader for 5s" in done.stdout
    assert "✗ expects next: " in done.stdout
    assert "<-- FAILS: no leader among {1, 2}" in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:-1])) <= 80
    told = json.loads(chaos(tmp_path, "show", "--json", stored["failing"]).stdout)
    assert [one["number"] for one in told["tree"]] == ["1", "2"]


def test_a_failing_run_ends_with_its_tree_and_a_passing_one_does_not(tmp_path: Path) -> None:
    for name, text, tree in (("bad", FAILING, True), ("good", PAUSE, False)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        done = chaos(tmp_path, "run", "--system", "simulated", "--seed", "1", f"{name}.yaml")
        assert ("✓ 2 stop-it: pause" in done.stdout) is tree
        assert ("\n✗ expect next: no leader among {1, 2}" in done.stdout) is tree
        assert done.stdout.rstrip().splitlines()[-1].startswith("reproduce: ")


def test_a_plan_is_explained_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PAUSE, encoding="utf-8")
    done = chaos(tmp_path, "validate", "--explain", "plan.yaml")
    assert done.returncode == 0
    assert "  2 stop-it: pause the leader for 5s, call it $old" in done.stdout
    assert "      hits: peer 1 or peer 2 or peer 3" in done.stdout
    assert "an election: detect 700 to 1400 ms" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = json.loads(chaos(tmp_path, "validate", "--explain", "--json", "plan.yaml").stdout)
    (plan,) = told["plans"]
    assert plan["explained"]["tree"][1]["election"]["detect"]["least"] == 700_000_000


def test_a_folder_without_a_run_is_bad_usage(tmp_path: Path) -> None:
    assert chaos(tmp_path, "explain", "nowhere").returncode == 2
    assert chaos(tmp_path, "show", "nowhere").returncode == 2
