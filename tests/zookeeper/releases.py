"""Folders that look like ZooKeeper's releases, and a Java that tells a version."""

from __future__ import annotations

import zipfile
from pathlib import Path


def java(folder: Path, version: str) -> Path:
    """A ``java`` that answers ``-version`` as Java does, on standard error."""
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
    path.chmod(0o755)
    return folder


def release(folder: Path, *jars: str) -> Path:
    for name in jars:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    return folder
