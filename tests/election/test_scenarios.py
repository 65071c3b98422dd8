"""Golden stories: each file holds lines for one peer and, under ``----``, what it does.

``pytest tests/election/test_scenarios.py --rewrite`` writes the outputs anew; read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.election.story import Story

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.txt"))


def retold(text: str) -> str:
    """The file's text with the outputs that the peers give now."""
    blocks: list[str] = []
    story = Story()
    for block in text.strip("\n").split("\n\n"):
        commands, *_ = block.split("\n----\n")
        lines = commands.removesuffix("\n----").splitlines()
        spoken = [line for line in lines if not line.startswith("#")]
        if not spoken:
            blocks.append("\n".join(lines))
            continue
        answers = [answer for line in spoken for answer in story.tell(line)]
        blocks.append("\n".join([*lines, "----", *answers]))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_story_goes_as_written(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text()
    told = retold(text)
    if request.config.getoption("--rewrite"):
        path.write_text(told)
    else:
        assert told == text
