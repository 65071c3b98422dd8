"""What this host allows, each thing tried and not guessed: for ``chaos doctor``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import chaos
from chaos.sandbox.blocks import BACKENDS
from chaos.sandbox.lines import Json
from chaos.sandbox.namespace import TCP_KNOBS

_PROBE_S: Final = 20
_PROBE: Final = (
    "import sys; sys.path[:0] = [sys.argv[1]]; from chaos.sandbox.probe import main; main()"
)
_MEMORY_MIB: Final = 256
_RESOLUTION_NS: Final = 1000


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that a run can use; ``remedy`` says what would make it available."""

    name: str
    available: bool
    detail: str
    remedy: str = ""


def abilities() -> list[Ability]:
    """Try everything; takes about a tenth of a second."""
    found = _probe()
    return [
        _namespaces(found),
        _blocks(found),
        _severing(found),
        _servers(found),
        _captures(found),
        _losing(found),
        _back_off(found),
        _addresses(),
        _memory(),
        _cores(),
        _pressure(),
        _clock(),
    ]


def _probe() -> Mapping[str, str]:
    root = str(Path(chaos.__file__).parent.parent)
    try:
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(  # noqa: S603  our own interpreter
                [sys.executable, "-I", "-S", "-c", _PROBE, root, folder],
                capture_output=True,
                text=True,
                timeout=_PROBE_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    try:
        found: Json = json.loads(ended.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"error": ended.stderr.strip().rpartition("\n")[2] or "the probe said nothing"}
    return {name: str(value) for name, value in found.items()}


def _namespaces(found: Mapping[str, str]) -> Ability:
    name = "namespaces"
    if "error" in found:
        detail, _, remedy = found["error"].partition("; ")
        return Ability(name, available=False, detail=detail, remedy=remedy)
    return Ability(name, available=True, detail=f"{found['namespaces']}; /proc {found['proc']}")


def _blocks(found: Mapping[str, str]) -> Ability:
    works = [name for name in BACKENDS if found.get(name) == ""]
    if works:
        return Ability("kernel blocks", available=True, detail=f"by {' or '.join(works)}")
    return Ability(
        "kernel blocks",
        available=False,
        detail="; ".join(found[name] for name in BACKENDS if name in found) or "no namespaces",
        remedy="a kernel with nf_tables; until then peers block themselves (in-process)",
    )


def _severing(found: Mapping[str, str]) -> Ability:
    why = found.get("sever", "no namespaces")
    return Ability(
        "idle connections can be reset",
        available=not why,
        detail=why or "by sock_diag",
        remedy="a kernel with CONFIG_INET_DIAG_DESTROY" if why else "",
    )


def _servers(found: Mapping[str, str]) -> Ability:
    why = found.get("servers", "no namespaces")
    return Ability(
        "a network namespace for each server",
        available=not why,
        detail=why or "joined by veth pairs",
        remedy="a kernel with CONFIG_VETH, and what namespaces need" if why else "",
    )


def _captures(found: Mapping[str, str]) -> Ability:
    why = found.get("capture", "no namespaces")
    return Ability(
        "packets between servers can be captured",
        available=not why,
        detail=why or "by AF_PACKET",
        remedy="a kernel with CONFIG_PACKET, and what namespaces need" if why else "",
    )


def _losing(found: Mapping[str, str]) -> Ability:
    why = found.get("lose", "no namespaces")
    return Ability(
        "a share of packets can be lost",
        available=not why,
        detail=why or "by lots of nf_tables",
        remedy="a kernel with CONFIG_NFT_NUMGEN, and what kernel blocks need" if why else "",
    )


def _back_off(found: Mapping[str, str]) -> Ability:
    settings = {knob: found.get(knob, "no namespaces") for knob in TCP_KNOBS}
    bounded = all(text.startswith(TCP_KNOBS[knob]) for knob, text in settings.items())
    return Ability(
        "TCP back-off can be bounded",
        available=bounded,
        detail=", ".join(f"{knob} {text}" for knob, text in settings.items()),
        remedy="" if bounded else "Linux 6.15 or newer; without, healing a silent drop is late",
    )


def _addresses() -> Ability:
    name = "an address for each peer"
    try:
        with socket.create_server(("127.2.0.1", 0)):
            return Ability(name, available=True, detail="all of 127.0.0.0/8 is local")
    except OSError as error:
        return Ability(name, available=False, detail=str(error), remedy="run on Linux")


def _memory() -> Ability:
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError as error:
        return Ability("memory", available=False, detail=str(error), remedy="run on Linux")
    line = next((one for one in text.splitlines() if one.startswith("MemAvailable:")), "x: 0")
    mib = int(line.split()[1]) // 1024
    enough = mib >= _MEMORY_MIB
    return Ability(
        "memory", enough, f"{mib} MiB free", "" if enough else f"free {_MEMORY_MIB} MiB or more"
    )


def _cores() -> Ability:
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    enough = count > 1
    return Ability(
        "processors",
        enough,
        f"{count} usable",
        "" if enough else "allow two or more, or times will include waiting for the processor",
    )


def _pressure() -> Ability:
    name = "CPU pressure (PSI)"
    try:
        line = Path("/proc/pressure/cpu").read_text().partition("\n")[0]
    except OSError as error:
        return Ability(name, available=False, detail=str(error), remedy="boot with psi=1")
    return Ability(name, available=True, detail=line)


def _clock() -> Ability:
    resolution = round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9)
    fine = resolution <= _RESOLUTION_NS
    return Ability(
        "clock",
        fine,
        f"CLOCK_MONOTONIC counts {resolution} ns",
        "" if fine else "use a kernel with high resolution timers",
    )
