"""What a peer keeps across its starts: epochs, zxid and configurations, and its log.

The small ones are texts. ``zxid`` says where the log begins; where there is a log file, that
says so itself, and the text is for readers.

Source: ZooKeeper 3.8 ``QuorumPeer.writeLongToFile`` and ``AtomicFileWritingIdiom``: a file is
written beside its place, synced, renamed, and its folder synced, so that a crash leaves the
old text or the new one.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from typing import Final

from chaos.election.config import parse_configuration
from chaos.election.effects import Append, Restore, Truncate
from chaos.election.ids import PeerEpoch, Zxid
from chaos.election.spec import PeerSpec
from chaos.errors import ConfigError, InfrastructureError
from chaos.peer import log_file
from chaos.peer.log_file import Kept

ACCEPTED: Final = "acceptedEpoch"
CURRENT: Final = "currentEpoch"
ZXID: Final = "zxid"
CONFIG: Final = "config"
NEXT: Final = "config.next"

_NUMBERS: Final = frozenset({ACCEPTED, CURRENT, ZXID})
_FILES: Final = (ACCEPTED, CURRENT, ZXID, CONFIG, NEXT, log_file.NAME)
_JOURNAL: Final = re.compile(r"journal-(\d+)\.jsonl")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}\s*")

Folder = str | os.PathLike[str]


class DiskError(InfrastructureError):
    """What has to be kept cannot be: the peer that promised to keep it ends."""


def write_number(home: Folder, name: str, value: int) -> None:
    """Keep ``value`` under ``name``: acceptedEpoch, currentEpoch or zxid.

    With another zxid the log is empty, and begins and ends there; the tree stays.

    Raises:
        InfrastructureError: the disk refuses.
    """
    assert name in _NUMBERS, f"a peer keeps no {name}"
    _write(home, name, f"{value}\n")
    kept = log_file.load(home) if name == ZXID else None
    if kept is not None:
        log_file.write(home, Kept(Zxid(value), kept.tree, ()))


def write_log(home: Folder, effect: Append | Truncate | Restore) -> None:
    """Change the log, synced.

    Raises:
        InfrastructureError: the disk refuses.
    """
    match effect:
        case Append(txns=txns):
            if not log_file.append(home, txns):
                begins = Zxid(_number(home, ZXID, Zxid(0)))
                log_file.write(home, Kept(begins, b"", txns))
        case Truncate(zxid=zxid):
            log_file.truncate(home, zxid)
        case Restore(zxid=zxid, tree=tree, txns=txns):
            log_file.write(home, Kept(zxid, tree, txns))
            _write(home, ZXID, f"{zxid}\n")


def write_config(home: Folder, text: str, *, active: bool) -> None:
    """Keep a configuration: the committed one if ``active``, else the proposed one.

    A committed configuration ends a proposed one that is no newer.

    Raises:
        InfrastructureError: the disk refuses.
    """
    _write(home, CONFIG if active else NEXT, text)
    if not active:
        return
    proposed = _read(home, NEXT)
    if proposed is not None and not _newer(proposed, text):
        _remove(home, (NEXT,))


def load(home: Folder, spec: PeerSpec) -> PeerSpec:
    """``spec`` with everything that ``home`` knows better; writes down what it does not know.

    What it writes down here is not synced: after a crash it would be written again.

    Raises:
        InfrastructureError: a file does not hold what it should, or the disk refuses.
    """
    _make(home)
    config = _read(home, CONFIG)
    if config is None:
        _write(home, CONFIG, spec.config, sync=False)
        if spec.last_seen is not None:
            _write(home, NEXT, spec.last_seen, sync=False)
        config = spec.config
    try:
        parse_configuration(config)
    except ConfigError as error:
        raise InfrastructureError(f"{os.path.join(home, CONFIG)}: {error}") from error
    begins = Zxid(_number(home, ZXID, spec.zxid))
    kept = log_file.load(home) or _first_log(home, begins, spec)
    return replace(
        spec,
        config=config,
        last_seen=_read(home, NEXT),
        accepted_epoch=PeerEpoch(_number(home, ACCEPTED, spec.accepted_epoch)),
        current_epoch=PeerEpoch(_number(home, CURRENT, spec.current_epoch)),
        zxid=kept.begins,
        tree=kept.tree,
        log=kept.txns,
    )


def wipe(home: Folder) -> None:
    """Forget all data; journals stay.

    Raises:
        InfrastructureError: the disk refuses.
    """
    _remove(home, _FILES)


def next_incarnation(home: Folder) -> int:
    """The number of the next start in ``home``: one more than its last journal has."""
    if not os.path.isdir(home):
        return 0
    found = (_JOURNAL.fullmatch(name) for name in os.listdir(home))
    return max((int(match.group(1)) + 1 for match in found if match), default=0)


# ----


def _first_log(home: Folder, begins: Zxid, spec: PeerSpec) -> Kept:
    """A peer that is born with transactions writes them down; another has no log file yet."""
    kept = Kept(begins, spec.tree, spec.log)
    if spec.tree or spec.log:
        log_file.write(home, kept)
    return kept


def _newer(proposed: str, committed: str) -> bool:
    try:
        return parse_configuration(proposed).version > parse_configuration(committed).version
    except ConfigError:
        return False  # a proposal that does not parse can never take force


def _make(home: Folder) -> None:
    try:
        os.makedirs(home, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"no folder for a peer's data: {error}") from error


def _read(home: Folder, name: str) -> str | None:
    path = os.path.join(home, name)
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, os.fstat(file).st_size).decode()
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InfrastructureError(f"cannot read {path}: {error}") from error


def _number(home: Folder, name: str, born_with: int) -> int:
    text = _read(home, name)
    if text is None:
        _write(home, name, f"{born_with}\n", sync=False)
        return born_with
    if not _DECIMAL.fullmatch(text):
        path = os.path.join(home, name)
        raise InfrastructureError(
            f"{path} holds {text[:40]!r}, no decimal number; remove it or mend it"
        )
    return int(text)


def _write(home: Folder, name: str, text: str, *, sync: bool = True) -> None:
    path = os.path.join(home, name)
    temporary = f"{path}.tmp"
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            data = text.encode()
            while data:
                data = data[os.write(file, data) :]
            if sync:
                os.fsync(file)
        finally:
            os.close(file)
        os.replace(temporary, path)
        if sync:
            _sync(home)
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error}") from error


def _remove(home: Folder, names: tuple[str, ...]) -> None:
    try:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(home, name))
        _sync(home)
    except OSError as error:
        raise InfrastructureError(f"cannot remove data of {home}: {error}") from error


def _sync(home: Folder) -> None:
    """Make a rename last: the entry is in the folder, not in the file."""
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
