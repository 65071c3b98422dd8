"""A run as one file: everything that is in its folder, and a manifest of it.

The same folder always becomes the same bytes: members are sorted, and carry neither times nor
owners. What is unpacked may come from anybody: only plain files with plain names are taken, none
leaves its folder, and each has to have the digest that the manifest names.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from chaos.documents import document_of
from chaos.errors import HistoryError, InfrastructureError
from chaos.store import RunResult, stored_result

SCHEMA: Final = "chaos-bundle/1"
SUFFIX: Final = ".tar.gz"
MANIFEST: Final = "manifest.json"
_MEMBERS_MAX: Final = 100_000
_BYTES_MAX: Final = 4 << 30
_CHUNK: Final = 1 << 20
_HEADER_MAX: Final = 16 << 20  # a member's long name, which is read in one go


def bundle_of(folder: Path) -> Path:
    """Where the bundle of the run in ``folder`` lies if nobody says otherwise: beside it."""
    return folder.with_name(folder.name + SUFFIX)


def pack(folder: Path, file: Path) -> None:
    """Put the run in ``folder`` into ``file``, in place of what was there.

    Raises:
        HistoryError: the folder holds no run.
        InfrastructureError: the file cannot be written.
    """
    try:
        result = stored_result(folder)
    except OSError as error:
        raise HistoryError(f"{folder} holds no run to bundle: {error}") from error
    if result is None:
        raise HistoryError(f"{folder} holds no run to bundle")
    paths = [path for path in sorted(folder.rglob("*")) if _plain(path)]
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        manifest = _manifest(folder, paths, result)
        with (
            temporary.open("wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            text = (json.dumps(manifest, indent=1) + "\n").encode()
            tar.addfile(_member(folder, MANIFEST, len(text)), io.BytesIO(text))
            for path in paths:
                with path.open("rb") as content:
                    name = path.relative_to(folder).as_posix()
                    tar.addfile(_member(folder, name, path.stat().st_size), content)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InfrastructureError(f"cannot write the bundle {file}: {error}") from error


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not path.name.endswith(".tmp")


def _manifest(folder: Path, paths: list[Path], result: RunResult) -> Mapping[str, object]:
    return {
        "schema": SCHEMA,
        "run": folder.name,
        "plan": result.plan,
        "cell": result.cell,
        "seed": result.seed,
        "system": result.system,
        "state": result.state.value,
        "exit_code": result.exit_code,
        "headline": result.headline,
        "reproduce": result.reproduce,
        "host": dict(result.environment),
        "files": {
            path.relative_to(folder).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": _digest(path),
            }
            for path in paths
        },
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(folder: Path, name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{folder.name}/{name}")
    member.size, member.mode, member.mtime = size, 0o644, 0
    return member


# ---- back again


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """The folder of the run in the bundle ``file``, for as long as it is looked at.

    Raises:
        HistoryError: it is no bundle, was damaged, or wants to be somewhere else.
    """
    with tempfile.TemporaryDirectory(prefix="chaos-bundle-") as scratch:
        try:
            folder = _unpack(file, Path(scratch))
            _check(file, folder)
        except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
            raise HistoryError(f"{file} holds no run; it is no bundle of one: {error}") from error
        yield folder


def _unpack(file: Path, scratch: Path) -> Path:
    roots: set[str] = set()
    left = _BYTES_MAX
    with _Bounded(file) as zipped, tarfile.open(fileobj=zipped, mode="r:") as tar:
        for number, member in enumerate(tar):
            if number >= _MEMBERS_MAX:
                raise HistoryError(f"{file} has more than {_MEMBERS_MAX} members; not unpacked")
            parts = _parts(file, member)
            roots.add(parts[0])
            left -= member.size
            if left < 0:
                raise HistoryError(f"{file} unpacks to more than {_BYTES_MAX} bytes; not unpacked")
            _write(tar, member, scratch.joinpath(*parts))
    if len(roots) != 1:
        raise HistoryError(f"{file} holds {len(roots)} folders instead of that of one run")
    return scratch / roots.pop()


class _Bounded(gzip.GzipFile):
    """What was zipped, of which nobody takes more at once than there may be memory for."""

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or what is left of them.

        Raises:
            tarfile.ReadError: it is more than any bundle has in one piece.
        """
        if size is None or not 0 <= size <= _HEADER_MAX:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _parts(file: Path, member: tarfile.TarInfo) -> tuple[str, ...]:
    """The names on the way to a member, of which none leads out."""
    path = PurePosixPath(member.name)
    if not member.isreg():
        raise HistoryError(f"{file} holds {member.name!r}, which is no plain file; not unpacked")
    outside = path.is_absolute() or ".." in path.parts or "\\" in member.name
    if outside or "\0" in member.name or len(path.parts) < 2:
        raise HistoryError(f"{file} holds {member.name!r}, outside of its folder; not unpacked")
    return path.parts


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None, "it is a plain file"
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("xb") as out:  # a name that is there twice is refused
        while piece := content.read(_CHUNK):
            out.write(piece)


def _check(file: Path, folder: Path) -> None:
    """Insist on the files that the manifest names, as it names them."""
    match document_of((folder / MANIFEST).read_text(encoding="utf-8")):
        case {"schema": str(schema)} if schema != SCHEMA:
            raise HistoryError(f"{file} is {schema}; this version of chaos reads {SCHEMA}")
        case {"schema": _, "files": dict(files)} if all(map(_has_digest, files.values())):
            pass
        case _:
            raise HistoryError(
                f"{file} holds no run: as a bundle, its manifest names no files with digests"
            )
    there = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    del there[MANIFEST]
    for name in sorted({*files, *there}):
        if name not in there or name not in files or _digest(there[name]) != files[name]["sha256"]:
            raise HistoryError(f"{file} was damaged: {name!r} is not as the manifest has it")


def _has_digest(told: object) -> bool:
    return isinstance(told, dict) and "sha256" in told
