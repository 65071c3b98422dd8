"""What a restart finds is what was kept, and what was kept is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.peer import disk

ONE = "server.1=127.0.0.1:2888:3888:participant\nversion=1"
TWO = ONE.replace("version=1", "version=2")
SPEC = PeerSpec(Sid(1), ONE, None, PeerEpoch(3), PeerEpoch(2), Zxid(9))


def test_a_first_start_writes_the_spec_down(tmp_path: Path) -> None:
    assert disk.load(tmp_path / "new", SPEC) == SPEC
    kept = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    assert kept == {"acceptedEpoch": "3\n", "currentEpoch": "2\n", "zxid": "9\n", "config": ONE}


def test_a_restart_prefers_the_disk(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_number(tmp_path, "acceptedEpoch", 7)
    disk.write_number(tmp_path, "zxid", -1)
    disk.write_config(tmp_path, TWO, active=False)
    found = disk.load(tmp_path, SPEC)
    assert found == replace(SPEC, accepted_epoch=PeerEpoch(7), zxid=Zxid(-1), last_seen=TWO)


def test_a_committed_configuration_ends_a_proposal_that_is_no_newer(tmp_path: Path) -> None:
    disk.load(tmp_path, replace(SPEC, last_seen=TWO))
    assert disk.load(tmp_path, SPEC).last_seen == TWO
    disk.write_config(tmp_path, TWO, active=True)
    found = disk.load(tmp_path, replace(SPEC, last_seen=TWO))
    assert (found.config, found.last_seen) == (TWO, None)


def test_wiping_keeps_journals(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_number(tmp_path, "currentEpoch", 8)
    (tmp_path / "journal-0.jsonl").write_text("")
    disk.wipe(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["journal-0.jsonl"]
    assert disk.load(tmp_path, SPEC) == SPEC


def test_the_next_incarnation_comes_after_the_last_journal(tmp_path: Path) -> None:
    assert disk.next_incarnation(tmp_path / "none") == 0
    for inc in (0, 2, 10):
        (tmp_path / f"journal-{inc}.jsonl").write_text("")
    assert disk.next_incarnation(tmp_path) == 11


@pytest.mark.parametrize("text", ["", "seven", "1.5", "0x10", "99999999999999999999"])
def test_a_file_without_a_number_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    disk.load(tmp_path, SPEC)
    (tmp_path / "currentEpoch").write_text(text)
    with pytest.raises(InfrastructureError, match="currentEpoch"):
        disk.load(tmp_path, SPEC)


def test_a_configuration_that_does_not_parse_is_an_error_that_names_it(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    (tmp_path / "config").write_text("server.1=nowhere")
    with pytest.raises(InfrastructureError, match="config: "):
        disk.load(tmp_path, SPEC)


def test_a_disk_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "zxid.tmp").mkdir()
    with pytest.raises(InfrastructureError, match="cannot write"):
        disk.write_number(tmp_path, "zxid", 1)


def test_row_58_a_fresh_folder_has_both_epochs_at_zero(tmp_path: Path) -> None:
    """Zab1_0Test.testInitialAcceptedCurrent."""
    found = disk.load(tmp_path, PeerSpec(Sid(1), ONE))
    assert (found.accepted_epoch, found.current_epoch) == (0, 0)
    assert disk.load(tmp_path, SPEC).accepted_epoch == 0  # from now on the disk says so


def test_row_60_an_epoch_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """EpochWriteFailureTest (ZOOKEEPER-2307): the peer ends with an error, its disk stays whole."""
    disk.load(tmp_path, SPEC)
    (tmp_path / "acceptedEpoch.tmp").mkdir()
    with pytest.raises(InfrastructureError, match="acceptedEpoch"):
        disk.write_number(tmp_path, "acceptedEpoch", 8)
    assert disk.load(tmp_path, SPEC).accepted_epoch == 3
    (tmp_path / "acceptedEpoch.tmp").rmdir()
    disk.write_number(tmp_path, "acceptedEpoch", 8)
    assert disk.load(tmp_path, SPEC).accepted_epoch == 8


def test_row_61_what_a_torn_write_left_beside_is_not_read(tmp_path: Path) -> None:
    """A log may be ahead of its epoch after a crash; the peer starts, and NEWLEADER mends it."""
    disk.load(tmp_path, SPEC)
    (tmp_path / "currentEpoch.tmp").write_text("99\n")
    assert disk.load(tmp_path, SPEC).current_epoch == 2
    disk.write_number(tmp_path, "currentEpoch", 3)
    assert disk.load(tmp_path, SPEC).current_epoch == 3
