"""A run as one file: the same bytes each time, and nothing that leaves its folder."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.bundle import bundle_of, pack, unpacked
from chaos.errors import HistoryError, InfrastructureError
from chaos.runner.rejudge import rejudge
from chaos.store import PLAN, load
from tests.runner.stage import Led, lead, plan

STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
expect:
  - {id: x, outcome: leader, after: stop, within: 10ms}
""")


@pytest.fixture
def led(tmp_path: Path) -> Led:
    found = lead(STORY, tmp_path / "runs")
    (found.folder / PLAN).write_text(STORY.text, encoding="utf-8")
    return found


def test_a_run_comes_back_as_it_was(led: Led, tmp_path: Path) -> None:
    file = tmp_path / "one.tar.gz"
    pack(led.folder, file)
    with unpacked(file) as folder:
        assert load(folder) == (led.result, led.history)
        assert folder.name == led.folder.name
    assert not folder.exists()


def test_the_same_run_makes_the_same_bytes(led: Led, tmp_path: Path) -> None:
    first, second = tmp_path / "one.tar.gz", tmp_path / "another.tar.gz"
    pack(led.folder, first)
    for path in led.folder.iterdir():
        path.touch()
    pack(led.folder, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_bundle_is_judged_as_its_run_is(led: Led) -> None:
    file = bundle_of(led.folder)
    pack(led.folder, file)
    again = rejudge(file)
    assert again.verdicts == rejudge(led.folder).verdicts
    assert (again.exit_code, again.changes, again.run.folder) == (1, (), file)


def test_the_manifest_says_what_and_where_it_was(led: Led, tmp_path: Path) -> None:
    file = tmp_path / "one.tar.gz"
    pack(led.folder, file)
    with tarfile.open(file) as tar:
        content = tar.extractfile(f"{led.folder.name}/manifest.json")
        assert content is not None
        told = json.load(content)
    assert (told["schema"], told["seed"], told["exit_code"]) == ("chaos-bundle/1", 1, 1)
    assert told["host"]["kernel"]
    assert {"history.jsonl", "result.json", "resolved.json", "plan.yaml"} <= set(told["files"])


def test_a_folder_without_a_run_is_not_bundled(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="holds no run to bundle"):
        pack(tmp_path, tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(led: Led, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot write the bundle"):
        pack(led.folder, tmp_path / "nowhere" / "x.tar.gz")


# ---- what comes from strangers


def _plain(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = 4
    return member


def _link(name: str, kind: bytes, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


STRANGERS: dict[str, tuple[list[tarfile.TarInfo], str]] = {
    "a way up": ([_plain("run/../../evil")], "outside of its folder"),
    "an absolute path": ([_plain("/run/evil")], "outside of its folder"),
    "no folder": ([_plain("evil")], "outside of its folder"),
    "a way up of another system": ([_plain("run\\..\\evil")], "outside of its folder"),
    "a link": ([_link("run/evil", tarfile.SYMTYPE, "/etc")], "no plain file"),
    "a hard link": ([_link("run/evil", tarfile.LNKTYPE, "/etc/passwd")], "no plain file"),
    "a device": ([_link("run/evil", tarfile.CHRTYPE, "")], "no plain file"),
    "a name twice": ([_plain("run/x"), _plain("run/x")], "File exists"),
    "two runs": ([_plain("run/x"), _plain("other/x")], "holds 2 folders"),
    "nothing": ([], "holds 0 folders"),
    "no manifest": ([_plain("run/x")], "manifest.json"),
    "no manifest to speak of": ([_plain("run/manifest.json")], "it is no bundle of one"),
}


@pytest.mark.parametrize(("members", "why"), STRANGERS.values(), ids=STRANGERS.keys())
def test_what_is_no_bundle_is_refused(
    members: list[tarfile.TarInfo], why: str, tmp_path: Path
) -> None:
    file = tmp_path / "evil.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(HistoryError, match=why), unpacked(file):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar.gz"]


MANIFESTS = {
    "bottomless": b"[" * 100_000,
    "files without digests": b'{"schema": "chaos-bundle/1", "files": {"x": {}}}',
    "files that are numbers": b'{"schema": "chaos-bundle/1", "files": {"x": 1}}',
}


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_a_manifest_that_says_nothing_is_refused(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "evil.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        for name, content in (("run/manifest.json", text), ("run/x", b"evil")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(HistoryError, match="holds no run"), unpacked(file):
        pass


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_of_gigabytes_is_not_read(kind: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("run/x")
    header.type, header.size = kind, 1 << 30
    file = tmp_path / "evil.tar.gz"
    file.write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 16)))
    with pytest.raises(HistoryError, match="a header of 1073741824 bytes"), unpacked(file):
        pass


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _no_zip(data: bytes) -> bytes:
    return b"PK" + data


@pytest.mark.parametrize("damage", [_cut, _no_zip])
def test_what_was_damaged_is_refused(
    damage: Callable[[bytes], bytes], led: Led, tmp_path: Path
) -> None:
    file = tmp_path / "one.tar.gz"
    pack(led.folder, file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(HistoryError, match="is no bundle"), unpacked(file):
        pass


@pytest.mark.parametrize("more", [True, False], ids=["a file more", "another text"])
def test_what_the_manifest_has_otherwise_is_refused(more: bool, led: Led, tmp_path: Path) -> None:
    file, forged = tmp_path / "one.tar.gz", tmp_path / "forged.tar.gz"
    pack(led.folder, file)
    with unpacked(file) as folder:
        (folder / ("more" if more else PLAN)).write_text("other", encoding="utf-8")
        with tarfile.open(forged, "w:gz") as tar:
            for path in folder.iterdir():
                tar.add(path, f"{folder.name}/{path.name}")
    with pytest.raises(HistoryError, match="was damaged"), unpacked(forged):
        pass
