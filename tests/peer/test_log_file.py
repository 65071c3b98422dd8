"""A log on disk is whole after any crash, and what was synced is in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.election.effects import Append, Restore, Truncate
from chaos.election.ids import Sid, Zxid, zxid_of
from chaos.election.packets import Txn
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.peer import disk, log_file
from chaos.peer.log_file import Kept

ONE = "server.1=127.0.0.1:2888:3888:participant\nversion=1"
SPEC = PeerSpec(Sid(1), ONE)
ENTRY = 8 + 32 + len(b"record")  # bytes on disk


def txns(first: int, last: int, body: bytes = b"record") -> tuple[Txn, ...]:
    return tuple(Txn(zxid_of(1, n), -n, n, 7 * n, -10, body) for n in range(first, last + 1))


def test_a_restart_finds_what_was_appended(tmp_path: Path) -> None:
    disk.load(tmp_path, replace(SPEC, zxid=zxid_of(1)))
    disk.write_log(tmp_path, Append(txns(1, 2)))
    disk.write_log(tmp_path, Append(txns(3, 3, b"")))
    found = disk.load(tmp_path, SPEC)
    assert (found.zxid, found.tree, found.log) == (zxid_of(1), b"", txns(1, 2) + txns(3, 3, b""))
    assert found.last_zxid == zxid_of(1, 3)


def test_a_peer_born_with_transactions_keeps_them(tmp_path: Path) -> None:
    born = replace(SPEC, zxid=zxid_of(1), tree=b"tree", log=txns(1, 2))
    assert disk.load(tmp_path, born) == born
    assert disk.load(tmp_path, SPEC) == born


def test_what_is_truncated_is_gone_and_more_can_follow(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_log(tmp_path, Append(txns(1, 5)))
    disk.write_log(tmp_path, Truncate(zxid_of(1, 2)))
    disk.write_log(tmp_path, Append(txns(3, 3, b"other")))
    assert disk.load(tmp_path, SPEC).log == txns(1, 2) + txns(3, 3, b"other")
    disk.write_log(tmp_path, Truncate(Zxid(0)))
    assert disk.load(tmp_path, SPEC).log == ()


def test_nothing_is_truncated_where_nothing_is(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_log(tmp_path, Truncate(Zxid(0)))
    assert disk.load(tmp_path, SPEC).log == ()


def test_a_snap_replaces_tree_and_log(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_log(tmp_path, Append(txns(1, 5)))
    disk.write_log(tmp_path, Restore(zxid_of(2), b"tree", txns(7, 8)))
    found = disk.load(tmp_path, SPEC)
    assert (found.zxid, found.tree, found.log) == (zxid_of(2), b"tree", txns(7, 8))
    assert (tmp_path / "zxid").read_text() == f"{zxid_of(2)}\n"


def test_a_moved_zxid_empties_the_log_and_keeps_the_tree(tmp_path: Path) -> None:
    disk.load(tmp_path, replace(SPEC, tree=b"tree", log=txns(1, 2)))
    disk.write_number(tmp_path, "zxid", 99)
    found = disk.load(tmp_path, SPEC)
    assert (found.zxid, found.tree, found.log) == (99, b"tree", ())


def test_wiping_forgets_the_log(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_log(tmp_path, Append(txns(1, 2)))
    disk.wipe(tmp_path)
    assert disk.load(tmp_path, SPEC) == SPEC


@settings(deadline=None, max_examples=60)
@given(lost=st.integers(1, 200), torn=st.binary(max_size=60))
def test_a_torn_tail_is_dropped_and_more_can_follow(
    tmp_path_factory: pytest.TempPathFactory, lost: int, torn: bytes
) -> None:
    """Whatever a crash leaves of the last entries: whole ones stay, and it grows again."""
    home = tmp_path_factory.mktemp("log")
    log_file.write(home, Kept(Zxid(0), b"tree", txns(1, 5)))
    path = home / "log"
    data = path.read_bytes()
    path.write_bytes(data[:-lost])
    found = log_file.load(home)
    assert found is not None
    assert found.txns == txns(1, 5)[: len(found.txns)]
    assert len(found.txns) == 5 - -(-lost // ENTRY)
    assert log_file.append(home, txns(9, 9))
    again = log_file.load(home)
    assert again is not None
    assert again.txns == found.txns + txns(9, 9)
    with path.open("ab") as file:
        file.write(torn[:8])  # less than an entry's head
    assert log_file.load(home) == replace(again, torn=len(torn[:8]))
    assert log_file.load(home) == again


def test_a_last_entry_with_a_wrong_checksum_is_torn(tmp_path: Path) -> None:
    log_file.write(tmp_path, Kept(Zxid(0), b"", txns(1, 3)))
    data = bytearray((tmp_path / "log").read_bytes())
    data[-1] ^= 1
    (tmp_path / "log").write_bytes(data)
    found = log_file.load(tmp_path)
    assert found is not None
    assert found.txns == txns(1, 2)


DAMAGE = {
    "an entry before the last": (-60, "is damaged at byte"),
    "a length before the last": (-3 * ENTRY, "is damaged at byte"),
    "a length of the one before": (-2 * ENTRY + 3, "is damaged at byte"),
    "the head": (9, "is no log"),
    "the magic": (0, "is no log"),
}


@pytest.mark.parametrize(("at", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_an_error_that_names_the_file(tmp_path: Path, at: int, words: str) -> None:
    """Bit rot is no crash: dropping what was acked would lose it."""
    log_file.write(tmp_path, Kept(Zxid(0), b"tree", txns(1, 3)))
    data = bytearray((tmp_path / "log").read_bytes())
    data[at] ^= 1
    (tmp_path / "log").write_bytes(data)
    with pytest.raises(InfrastructureError, match=words):
        log_file.load(tmp_path)


def test_a_disk_that_refuses_the_log_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "log.tmp").mkdir()
    assert log_file.append(tmp_path, txns(1, 1)) is False
    with pytest.raises(InfrastructureError, match="cannot write"):
        log_file.write(tmp_path, Kept(Zxid(0), b"", ()))
    (tmp_path / "log").mkdir()
    with pytest.raises(InfrastructureError, match="cannot"):
        log_file.append(tmp_path, txns(1, 1))
    with pytest.raises(InfrastructureError, match="cannot read"):
        log_file.load(tmp_path)


def test_a_snap_that_cannot_be_written_leaves_the_old_log(tmp_path: Path) -> None:
    disk.load(tmp_path, SPEC)
    disk.write_log(tmp_path, Append(txns(1, 5)))
    (tmp_path / "log.tmp").mkdir()
    with pytest.raises(InfrastructureError, match="cannot write"):
        disk.write_log(tmp_path, Restore(zxid_of(2), b"tree", ()))
    assert disk.load(tmp_path, SPEC).log == txns(1, 5)
