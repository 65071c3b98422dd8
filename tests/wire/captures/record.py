"""Records what real ZooKeeper servers say to each other; README.md says how to run it.

Each server has a network namespace of its own, joined by a veth pair to a namespace in the
middle that forwards. There every packet that comes in is captured once.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
JAVA = (
    "java -Xms32m -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
    " -Djava.awt.headless=true -Dzookeeper.4lw.commands.whitelist=*"
    " -Dzookeeper.admin.enableServer=false -Dzookeeper.jmx.log4j.disable=true"
    " -Dzookeeper.forceSync=no -Dzookeeper.skipACL=yes -Dzookeeper.snapshotSizeFactor=-1"
    " -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
    " org.apache.zookeeper.server.quorum.QuorumPeerMain"
)
PORTS = (2888, 3888)
IP_FRAMES = (socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))  # incoming ones alone
WAIT_S = 60.0


class Zoo(Protocol):
    """What is used of a kazoo client."""

    def start(self, timeout: float) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def create(self, path: str, value: bytes = b"", ephemeral: bool = False) -> str: ...
    def set(self, path: str, value: bytes) -> object: ...
    def sync(self, path: str) -> str: ...
    def exists(self, path: str) -> object: ...
    def reconfig(self, joining: str | None, leaving: str | None, new_members: None) -> object: ...


def host(sid: int) -> str:
    return f"10.77.0.{sid}"


def run(*command: str) -> None:
    subprocess.run(command, check=True)


# ---- the capture


def capture(path: Path, stop: threading.Event) -> None:
    with path.open("wb") as file, socket.socket(*IP_FRAMES) as sock:
        file.write(struct.pack("<IHHQII", 0xA1B23C4D, 2, 4, 0, 1 << 18, 1))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        sock.settimeout(0.1)
        while not stop.is_set():
            try:
                frame = sock.recv(1 << 18)
            except TimeoutError:
                continue
            if frame[23] == 6:
                start = 14 + 4 * (frame[14] & 15)
                if not set(struct.unpack_from(">HH", frame, start)).isdisjoint(PORTS):
                    at = divmod(time.monotonic_ns(), 10**9)
                    file.write(struct.pack("<IIII", *at, len(frame), len(frame)) + frame)


@contextmanager
def captured(path: Path) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=capture, args=(path, stop))
    thread.start()
    try:
        yield
    finally:
        threading.Event().wait(0.3)  # what is on its way
        stop.set()
        thread.join()


# ---- the ensemble


class Ensemble:
    def __init__(self, folder: Path, name: str, lines: Sequence[str]) -> None:
        self.folder = folder
        self.name = name
        self.lines = lines
        self.servers: dict[int, subprocess.Popen[bytes]] = {}

    def prepare(self, sid: int) -> None:
        space, inner, outer = f"{self.name}-{sid}", f"i{sid}", f"o{sid}"
        run("ip", "netns", "add", space)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
        run("ip", "link", "set", outer, "up")
        run("ip", "address", "add", "10.77.255.254/32", "dev", outer)
        run("ip", "route", "add", f"{host(sid)}/32", "dev", outer)
        for command in (
            "link set lo up",
            f"link set {inner} up",
            f"address add {host(sid)}/32 dev {inner}",
            f"route add 10.77.255.254/32 dev {inner}",
            f"route add default via 10.77.255.254 dev {inner} src {host(sid)}",
        ):
            run("ip", "-n", space, *command.split())
        place = self.folder / str(sid)
        (place / "data").mkdir(parents=True)
        (place / "data" / "myid").write_text(str(sid))
        settings = (
            "tickTime=400\ninitLimit=10\nsyncLimit=3\nadmin.enableServer=false\n"
            "4lw.commands.whitelist=*\nstandaloneEnabled=false\nreconfigEnabled=true\n"
        )
        text = "\n".join(self.lines)
        (place / "zoo.cfg").write_text(f"{settings}dataDir={place}/data\n{text}\n")

    def start(self, sid: int) -> None:
        place = self.folder / str(sid)
        space = ["ip", "netns", "exec", f"{self.name}-{sid}"]
        with (place / "log").open("ab") as log:
            command = [*space, *JAVA.split(), str(place / "zoo.cfg")]
            self.servers[sid] = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)

    def kill(self, sid: int) -> None:
        server = self.servers.pop(sid)
        server.kill()
        server.wait()

    def stop(self, sid: int) -> None:
        self.servers[sid].send_signal(signal.SIGSTOP)

    def go_on(self, sid: int) -> None:
        self.servers[sid].send_signal(signal.SIGCONT)

    def forget(self, sid: int) -> None:
        shutil.rmtree(self.folder / str(sid) / "data" / "version-2")

    def end(self) -> None:
        for sid in list(self.servers):
            self.kill(sid)

    def mode(self, sid: int) -> str:
        try:
            with socket.create_connection((host(sid), 2181), timeout=1) as sock:
                sock.sendall(b"srvr")
                answer = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
        except OSError:
            return ""
        return next((li[6:] for li in answer.splitlines() if li.startswith("Mode: ")), "")

    def settle(self) -> dict[int, str]:
        """Wait until every server that runs serves; the mode of each."""
        found: dict[int, str] = {}

        def serving() -> bool:
            found.update({sid: self.mode(sid) for sid in self.servers})
            return all(found.values())

        wait(serving, f"{self.name}: no quorum serves")
        modes = {sid: found[sid] for sid in self.servers}
        sys.stdout.write(f"{self.name} {modes}\n")
        return modes

    def leader(self) -> int:
        return next(sid for sid, mode in self.settle().items() if mode == "leader")

    def client(self, *sids: int) -> Zoo:
        kazoo = importlib.import_module("kazoo.client")
        hosts = ",".join(f"{host(sid)}:2181" for sid in sids)
        client: Zoo = kazoo.KazooClient(hosts=hosts, timeout=6, randomize_hosts=False)
        client.start(20)
        return client


def wait(met: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + WAIT_S
    while not met():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        threading.Event().wait(0.05)


@contextmanager
def ensemble(name: str, lines: Sequence[str], sids: Sequence[int]) -> Iterator[Ensemble]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = Ensemble(folder, name, lines)
        stack.callback(made.end)
        for sid in sids:
            stack.callback(subprocess.run, ["ip", "netns", "delete", f"{name}-{sid}"], check=False)
            stack.callback(subprocess.run, ["ip", "link", "delete", f"o{sid}"], check=False)
            made.prepare(sid)
        stack.enter_context(captured(HERE / f"{name}.pcap"))
        for sid in sids:
            made.start(sid)
        yield made


def lines_of(sids: Sequence[int], observers: Sequence[int] = ()) -> list[str]:
    roles = {sid: "observer" if sid in observers else "participant" for sid in sids}
    return [f"server.{sid}={host(sid)}:2888:3888:{roles[sid]};2181" for sid in sids]


# ---- what is recorded


def three() -> None:
    """A session that moves, a follower that comes back, a leader killed that comes back empty."""
    sids = (1, 2, 3)
    with ensemble("three", lines_of(sids), sids) as zk:
        leader = zk.leader()
        first, second = (sid for sid in sids if sid != leader)
        client = zk.client(first, second)
        client.create("/n", b"one", ephemeral=False)
        client.set("/n", b"two" * 9)
        client.sync("/n")
        zk.kill(first)
        wait(lambda: zk.mode(second) == "follower", "no follower is left")
        client.create("/e", b"", ephemeral=True)  # through the other follower: the session moved
        zk.start(first)
        zk.settle()
        zk.kill(leader)
        zk.settle()
        wait(lambda: bool(client.exists("/n")), "the session is lost")
        zk.forget(leader)
        zk.start(leader)  # with nothing on its disk: it gets the whole tree, and the sessions
        zk.settle()
        client.stop()
        client.close()


def observers() -> None:
    """Two observers, a session through one, two reconfigurations, a leader killed."""
    sids = (1, 2, 3, 4, 5)
    with ensemble("observers", lines_of(sids, (4, 5)), sids) as zk:
        leader = zk.leader()
        client = zk.client(4)
        client.create("/n", b"seen", ephemeral=False)
        client.sync("/n")
        other = next(sid for sid in (1, 2, 3) if sid != leader)
        # A new client port says so to everybody and changes no quorum; then an observer leaves.
        client.reconfig(f"server.{other}={host(other)}:2888:3888:participant;2182", None, None)
        client.reconfig(f"server.{other}={host(other)}:2888:3888:participant;2181", None, None)
        client.stop()
        client.close()
        zk.settle()
        zk.kill(leader)
        zk.settle()


def groups() -> None:
    """Three groups, one of which has a weight, a session, a leader killed."""
    sids = (1, 2, 3, 4, 5)
    groups = ["group.1=1:2", "group.2=3:4", "group.3=5", "weight.1=2"]
    weights = [f"weight.{sid}=1" for sid in (2, 3, 4, 5)]
    with ensemble("groups", [*lines_of(sids), *groups, *weights], sids) as zk:
        leader = zk.leader()
        client = zk.client(next(sid for sid in sids if sid != leader))
        client.create("/n", b"seen", ephemeral=False)
        client.stop()
        client.close()
        zk.kill(leader)
        zk.settle()


def paused() -> None:
    """A leader is stopped until another one serves, then goes on and follows."""
    sids = (1, 2, 3)
    with ensemble("paused", lines_of(sids), sids) as zk:
        leader = zk.leader()
        others = [sid for sid in sids if sid != leader]
        client = zk.client(*others)
        client.create("/n", b"seen", ephemeral=False)
        client.stop()
        client.close()
        zk.stop(leader)
        wait(lambda: "leader" in {zk.mode(sid) for sid in others}, "nobody else leads")
        zk.go_on(leader)
        wait(lambda: zk.mode(leader) == "follower", "the old leader does not follow")
        zk.settle()


RECORDINGS = {"three": three, "observers": observers, "groups": groups, "paused": paused}


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        run("ip", "link", "set", "lo", "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for name in sys.argv[2:] or RECORDINGS:
            RECORDINGS[name]()
        return
    # A mount namespace, so that names of network namespaces stay here as well.
    inside = 'mount -t tmpfs none /run && mkdir /run/netns && exec "$@"'
    command = [sys.executable, __file__, "--inside", *sys.argv[1:]]
    os.execvp("unshare", ["unshare", "-nm", "sh", "-c", inside, "sh", *command])


if __name__ == "__main__":
    main()
