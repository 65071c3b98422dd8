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
    """Be server ``sid`` of ``config`` until SIGINT or SIGTERM.

    Raises:
        InfrastructureError: the configuration cannot be read, or the peer cannot start.
    """
    try:
        text = config.read_text(encoding="utf-8").strip()
        members = parse_configuration(text).members
    except OSError as error:
        raise InfrastructureError(f"{config}: {error.strerror}") from error
    except ConfigError as error:
        sys.stderr.write(f"chaos: {config}: {error}\n")
        return codes.USAGE
    if sid not in members:
        known = ", ".join(map(str, sorted(members)))
        sys.stderr.write(f"chaos: {config} has no server.{sid}; it has {known}\n")
        return codes.USAGE
    data.mkdir(parents=True, exist_ok=True)
    home = data.resolve()
    spec = PeerSpec(Sid(sid), text, timings=Timings(tick_ms=tick_ms))
    birth = Birth(spec, disk.next_incarnation(home), str(home), f"hand/{sid}", wait=False)
    sys.stderr.write(
        f"peer {sid} at {members[Sid(sid)].election}, journal {birth.journal}; Ctrl-C ends it\n"
    )
    return run_by_hand(birth)
