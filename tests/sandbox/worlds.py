"""Worlds whose peers do as a test tells them."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chaos.election.ids import Sid
from chaos.sandbox.lines import Json
from chaos.sandbox.nft_library import LIBRARY, LibraryBackend
from chaos.systems.world import Inside, PeerProcess, World

HERE = str(Path(__file__).parent)
PYTHONS = (sys.executable, shutil.which("python3", path=os.defpath))
NOBODY = 65534
ORDINARY = 1000
OTHERS = {  # commands that run another as somebody who is not root
    "user": ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"],
    "no rights": ["unshare", "-U", f"--map-user={ORDINARY}", f"--map-group={ORDINARY}"],
}


@cache
def why_no_namespaces() -> str:
    """What another program than ours says when it tries; empty if it can make them.

    Tests skip by this, and not by what a world says: a world that wrongly finds nothing
    possible is to fail them.
    """
    if shutil.which("unshare") is None:
        return "there is no unshare to try with"
    trial = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "true"]
    return subprocess.run(trial, check=False, capture_output=True, text=True).stderr.strip()


def why_no_backend(name: str) -> str:
    """Why a backend cannot be expected to work here; empty if it must."""
    if name == LibraryBackend.name:
        try:
            ctypes.CDLL(LIBRARY)
        except OSError as error:
            return str(error)
    return why_no_namespaces()


def interpreter_for(who: Sequence[str]) -> str:
    """An interpreter that a command of :data:`OTHERS` can run; empty where there is none."""
    new_enough = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in PYTHONS:
        trial = [*who, "sh", "-c", 'exec "$0" -c "$1"', python or "false", new_enough]
        if subprocess.run(trial, check=False, capture_output=True).returncode == 0:
            return str(python)
    return ""


def obedient(backend: str = "") -> Inside:
    """A world of the fake zygote."""
    return Inside("fake_zygote:serve", (HERE,), backend)


@dataclass(frozen=True)
class Puppet:
    """A peer that does as it is told."""

    process: PeerProcess
    host: str

    def do(self, what: str, **how: str) -> Json:
        """Tell it, and wait for what it says: the outcome, or the name of an error."""
        self.process.control.settimeout(20)
        self.process.control.send(json.dumps({"do": what, "host": self.host, **how}).encode())
        found: Json = json.loads(self.process.control.recv(1 << 18))
        return found


def puppet(world: World, sid: int, **birth: str) -> Puppet:
    """Fork one."""
    netns = world.netns_of(Sid(sid))
    process = world.fork(json.dumps({"sid": sid, "netns": netns, **birth}))
    return Puppet(process, world.host_of(Sid(sid)))
