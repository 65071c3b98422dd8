"""``chaos peer``: one peer in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path

from chaos.election.config import parse_configuration
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.errors import ConfigError, InfrastructureError
from chaos.peer import disk
from chaos.peer.birth import Birth
from chaos.peer.hand import run_by_hand
from chaos.runner import codes


def run_peer(config: Path, sid: int, data: Path, tick_ms: int) -> int:
    """Be server ``sid`` of ``config`` until SIGINT or SIGTERM; the exit code.

    Raises:
        InfrastructureError: the data folder cannot be used.
    """
    try:
        text = config.read_text(encoding="utf-8").strip()
        members = parse_configuration(text).members
    except OSError as error:
        return _unusable(f"{config}: {error.strerror}; name a file of server.N= lines")
    except (ConfigError, UnicodeDecodeError) as error:
        return _unusable(f"{config}: {error}")
    if sid not in members:
        known = ", ".join(map(str, sorted(members)))
        return _unusable(f"{config} has no server.{sid}; it has {known}")
    home = _home(data)
    spec = PeerSpec(Sid(sid), text, timings=Timings(tick_ms=tick_ms))
    birth = Birth(spec, disk.next_incarnation(home), str(home), f"hand/{sid}", wait=False)
    sys.stderr.write(
        f"peer {sid} at {members[Sid(sid)].election}, journal {birth.journal}; Ctrl-C ends it\n"
    )
    # A peer without a harness says on stderr itself what it ended of.
    return codes.PASSED if run_by_hand(birth) == codes.PASSED else codes.INFRASTRUCTURE


def _unusable(why: str) -> int:
    sys.stderr.write(f"chaos: {why}\n")
    return codes.USAGE


def _home(data: Path) -> Path:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"--data {data}: {error.strerror}; name a folder") from error
    return data.resolve()
