"""What is written before a server starts."""

from __future__ import annotations

import struct
from pathlib import Path
from types import MappingProxyType
from zlib import adler32

import pytest

from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.election.timings import Timings
from chaos.ensemble import PeerSetup
from chaos.errors import UnsupportedError
from chaos.zookeeper.disk import (
    TXNS_MAX,
    log,
    prepared_txns,
    set_epochs,
    set_zxid,
    smallest_tree,
    snapshot,
)
from chaos.zookeeper.dynamic import in_force
from chaos.zookeeper.installation import Binding, Installation
from chaos.zookeeper.server import Server, beyond, command, with_clients, write_files

INSTALLATION = Installation(Path("/opt/java"), (Path("/a.jar"), Path("/b.jar")), "3.8.0", "17")


def _config(version: int = 0, observers: tuple[int, ...] = ()) -> Configuration:
    members = {
        Sid(n): Member(
            Sid(n),
            ((Address(f"10.77.0.{n}", 2888), Address(f"10.77.0.{n}", 3888)),),
            votes=n not in observers,
        )
        for n in (1, 2, 3)
    }
    return with_clients(Configuration(MappingProxyType(members), version))


def _lines(folder: Path) -> list[str]:
    return (folder / "zoo.cfg").read_text().splitlines()


def test_a_first_configuration_stands_in_the_file_itself(tmp_path: Path) -> None:
    write_files(tmp_path, Server(PeerSetup(Sid(2)), _config(), Timings(tick_ms=100)))
    lines = _lines(tmp_path)
    assert "server.3=10.77.0.3:2888:3888:participant;0.0.0.0:2181" in lines
    assert {"tickTime=100", "reconfigEnabled=true", "forceSync=yes"} <= set(lines)
    assert not any(line.startswith(("version", "clientPort")) for line in lines)
    assert (tmp_path / "data" / "myid").read_text() == "2"
    assert not (tmp_path / "data" / "version-2").exists()


def test_a_configuration_with_a_version_stands_in_a_file_named_by_it(tmp_path: Path) -> None:
    write_files(tmp_path, Server(PeerSetup(Sid(2)), _config(0x100000007)))
    name = tmp_path / "zoo.cfg.dynamic.100000007"
    assert f"dynamicConfigFile={name}" in _lines(tmp_path)
    assert name.read_text().splitlines() == sorted(_config().text().splitlines()[:-1])
    assert not any(line.startswith("server.") for line in _lines(tmp_path))


def test_an_observer_says_so(tmp_path: Path) -> None:
    write_files(tmp_path, Server(PeerSetup(Sid(3), votes=False), _config(observers=(3,))))
    assert "peerType=observer" in _lines(tmp_path)


def test_a_clients_address_that_is_there_stays() -> None:
    once = _config()
    assert dict(with_clients(once, 999).members) == dict(once.members)


def test_what_was_started_with_can_be_truncated_to_any_of_its_transactions(tmp_path: Path) -> None:
    peer = PeerSetup(
        Sid(1),
        zxid=zxid_of(5, 3),
        accepted_epoch=PeerEpoch(7),
        current_epoch=PeerEpoch(6),
    )
    write_files(tmp_path, Server(peer, _config()))
    version = tmp_path / "data" / "version-2"
    assert {path.name: path.read_bytes()[:4] for path in version.iterdir()} == {
        "acceptedEpoch": b"7",
        "currentEpoch": b"6",
        "snapshot.0": b"ZKSN",
        "log.500000001": b"ZKLG",
    }


def test_an_epoch_without_transactions_is_a_snapshot(tmp_path: Path) -> None:
    five = PeerEpoch(5)
    peer = PeerSetup(Sid(1), zxid=zxid_of(5), accepted_epoch=five, current_epoch=five)
    write_files(tmp_path, Server(peer, _config()))
    names = {path.name for path in (tmp_path / "data" / "version-2").iterdir()}
    assert names == {"acceptedEpoch", "currentEpoch", "snapshot.500000000"}


IMPOSSIBLE = {
    "zxid of a later epoch": PeerSetup(Sid(1), zxid=zxid_of(5, 3)),
    "current above accepted": PeerSetup(Sid(1), current_epoch=PeerEpoch(2)),
    "no member": PeerSetup(Sid(9)),
}


@pytest.mark.parametrize("peer", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_no_server_starts_with_is_refused(tmp_path: Path, peer: PeerSetup) -> None:
    with pytest.raises(UnsupportedError, match=f"server {peer.sid}"):
        write_files(tmp_path, Server(peer, _config()))


def _down(folder: Path) -> Path:
    """The data of a server that stopped at transaction 3 of epoch 5, with a later snapshot."""
    five = PeerEpoch(5)
    peer = PeerSetup(Sid(1), zxid=zxid_of(5, 3), accepted_epoch=five, current_epoch=five)
    write_files(folder, Server(peer, _config()))
    (folder / "data" / "version-2" / "snapshot.500000003").write_bytes(b"whatever it wrote")
    return folder / "data"


def _kept(data: Path) -> dict[str, str]:
    names = {path.name: "" for path in (data / "version-2").iterdir()}
    epochs = ("acceptedEpoch", "currentEpoch")
    return names | {name: (data / "version-2" / name).read_text() for name in epochs}


def test_a_server_that_is_down_is_set_back_to_an_old_backup(tmp_path: Path) -> None:
    data = _down(tmp_path)
    set_zxid(data, zxid_of(4, 2), _config().text())
    names = ("snapshot.0", "log.400000001")
    files = dict.fromkeys(names, "")
    assert _kept(data) == files | {"acceptedEpoch": "5", "currentEpoch": "5"}
    set_epochs(data, None, 4)
    assert _kept(data) == files | {"acceptedEpoch": "5", "currentEpoch": "4"}
    set_zxid(data, zxid_of(0), _config().text())
    assert set(_kept(data)) == {"snapshot.0", "acceptedEpoch", "currentEpoch"}


def test_a_server_that_never_ran_is_given_data(tmp_path: Path) -> None:
    write_files(tmp_path, Server(PeerSetup(Sid(2)), _config()))
    set_epochs(tmp_path / "data", 3, 3)
    set_zxid(tmp_path / "data", zxid_of(3), _config().text())
    assert set(_kept(tmp_path / "data")) == {"snapshot.300000000", "acceptedEpoch", "currentEpoch"}


def test_what_no_server_would_come_back_with_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    data = _down(tmp_path)
    before = _kept(data)
    with pytest.raises(UnsupportedError, match="epoch 5, above its current epoch 4"):
        set_epochs(data, 4, 4)
    with pytest.raises(UnsupportedError, match="current epoch 5 is above its accepted epoch 4"):
        set_epochs(data, 4, None)
    with pytest.raises(UnsupportedError, match="epoch 6, above its current epoch 5"):
        set_zxid(data, zxid_of(6), _config().text())
    assert _kept(data) == before


def test_a_long_log_begins_late() -> None:
    txns = prepared_txns(zxid_of(1, 5000))
    assert (len(txns), txns[-1].zxid) == (TXNS_MAX, zxid_of(1, 5000))
    assert [txn.zxid for txn in prepared_txns(zxid_of(2, 2))] == [zxid_of(2, 1), zxid_of(2, 2)]
    assert prepared_txns(zxid_of(2, 0)) == ()


def test_a_log_holds_sums_of_its_transactions() -> None:
    written = log(prepared_txns(zxid_of(1, 1)))
    check, size = struct.unpack_from(">qi", written, 16)
    record = written[28 : 28 + size]
    assert (check, written[28 + size :]) == (adler32(record), b"B")


def test_a_snapshot_ends_with_its_sum() -> None:
    written = snapshot(smallest_tree("version=0"))
    (check,) = struct.unpack(">q", written[-13:-5])
    assert (check, written[-5:]) == (adler32(written[:-13]), b"\x00\x00\x00\x01/")


LOGS = {
    Binding.SIMPLE: "simpleLogger.dateTimeFormat",
    Binding.LOGBACK: "logback.configurationFile=/run/1/logback.xml",
    Binding.RELOAD4J: "log4j.configuration=file:///run/1/log4j.properties",
}


@pytest.mark.parametrize(("binding", "says"), LOGS.items(), ids=LOGS.keys())
def test_every_log_is_made_to_look_the_same(binding: Binding, says: str) -> None:
    installation = Installation(INSTALLATION.java, INSTALLATION.classpath, "3.9.3", "17", binding)
    line = " ".join(command(installation, Path("/run/1"), Path("/c.jsa")))
    assert says in line
    assert "-XX:SharedArchiveFile=/c.jsa" in line
    assert line.endswith(
        "-cp /a.jar:/b.jar org.apache.zookeeper.server.quorum.QuorumPeerMain /run/1/zoo.cfg"
    )


def test_what_a_real_server_cannot_be_told_is_named() -> None:
    assert beyond(Timings()) == []
    assert beyond(Timings(finalize_ms=20)) == [
        "finalize is 200 in every ZooKeeper; 20 was asked for"
    ]


def test_the_configuration_in_force_is_the_newest_that_the_folder_has(tmp_path: Path) -> None:
    assert in_force(tmp_path / "nowhere", 0) is None
    wanted = _config(0x100000003, observers=(2,))
    members = "\n".join(wanted.text().splitlines()[:-1])
    for version in ("1", "100000003", "a"):
        (tmp_path / f"zoo.cfg.dynamic.{version}").write_text(members, encoding="utf-8")
    (tmp_path / "zoo.cfg.dynamic.next").write_text(members, encoding="utf-8")
    found = in_force(tmp_path, 1)
    assert found is not None
    assert found.text() == wanted.text()
    assert in_force(tmp_path, 0x100000003) is None


def test_a_configuration_that_is_just_being_written_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "zoo.cfg.dynamic.5").write_text("server.1=10.77", encoding="utf-8")
    assert in_force(tmp_path, 1) is None
