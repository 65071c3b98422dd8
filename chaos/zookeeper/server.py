"""How a server is started: its command line, and the files that it reads.

Source: ZooKeeper 3.8 ``QuorumPeerConfig``; keys that it does not know become the property
``zookeeper.<key>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from chaos.election.config import Address, Configuration
from chaos.election.timings import Timings
from chaos.ensemble import PeerSetup
from chaos.errors import UnsupportedError
from chaos.zookeeper.disk import seed
from chaos.zookeeper.installation import Binding, Installation

CLIENT_PORT: Final = 2181
MAIN: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_CONFIG: Final = "zoo.cfg"
_ANY_HOST: Final = "0.0.0.0"  # noqa: S104  ZooKeeper's default; a server has a host of its own
_DATE: Final = "yyyy-MM-dd HH:mm:ss.SSS"
_PATTERN: Final = f"%d{{{_DATE}}} [%t] %p %c - %m%n"
_MEMORY: Final = (
    "-Xms32m",
    "-Xmx64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
)
_PROPERTIES: Final = (
    "-Djava.awt.headless=true",
    "-Duser.timezone=UTC",  # of the log's times
    "-Djava.net.preferIPv4Stack=true",
    "-Dzookeeper.4lw.commands.whitelist=*",
    "-Dzookeeper.admin.enableServer=false",
    "-Dzookeeper.jmx.log4j.disable=true",
    "-Dzookeeper.skipACL=yes",  # a reconfiguration asks for no digest
)
_SIMPLE: Final = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    f"-Dorg.slf4j.simpleLogger.dateTimeFormat={_DATE}",
)
_LOGBACK: Final = f"""\
<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>{_PATTERN}</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDERR"/></root>
</configuration>
"""
_LOG4J: Final = f"""\
log4j.rootLogger=INFO, STDERR
log4j.appender.STDERR=org.apache.log4j.ConsoleAppender
log4j.appender.STDERR.Target=System.err
log4j.appender.STDERR.layout=org.apache.log4j.PatternLayout
log4j.appender.STDERR.layout.ConversionPattern={_PATTERN}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """One server before it is started. ``properties`` are further lines of its ``zoo.cfg``.

    ``synced``: what it must not forget is on the disk before it goes on (``forceSync``).
    """

    peer: PeerSetup
    config: Configuration
    timings: Timings = Timings()
    reconfig_enabled: bool = True
    synced: bool = True
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def with_clients(config: Configuration, port: int = CLIENT_PORT) -> Configuration:
    """The configuration with ``;0.0.0.0:port`` at each member that names no client address.

    A server that has its client port from elsewhere adds it to its own entry alone. Then no
    two servers hold equal configurations, and each restarts its election links as soon as the
    first leader has given the configuration a version.
    """
    members = {
        sid: member if member.client else replace(member, client=Address(_ANY_HOST, port))
        for sid, member in config.members.items()
    }
    return replace(config, members=MappingProxyType(members))


def beyond(timings: Timings) -> list[str]:
    """What of ``timings`` no setting of a real server gives it, each with the value it has."""
    fixed = {
        "finalize": (timings.finalize_ms, 200),
        "leader_connect_attempts": (timings.leader_connect_attempts, 5),
    }
    return [
        f"{name} is {has} in every ZooKeeper; {wanted} was asked for"
        for name, (wanted, has) in fixed.items()
        if wanted != has
    ]


def command(installation: Installation, folder: Path, archive: Path | None = None) -> list[str]:
    """The command line. The log goes to standard error.

    ``folder`` is where :func:`write_files` wrote; ``archive`` holds classes ready to map.
    """
    shared = [] if archive is None else [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]
    classpath = ":".join(str(path) for path in installation.classpath)
    return [
        str(installation.java),
        *_MEMORY,
        *shared,
        *_PROPERTIES,
        *_log_options(installation.binding, folder),
        "-cp",
        classpath,
        MAIN,
        str(folder / _CONFIG),
    ]


def _log_options(binding: Binding, folder: Path) -> tuple[str, ...]:
    match binding:
        case Binding.SIMPLE:
            return _SIMPLE
        case Binding.LOGBACK:
            return (f"-Dlogback.configurationFile={folder / 'logback.xml'}",)
        case Binding.RELOAD4J | Binding.LOG4J:
            return (f"-Dlog4j.configuration={(folder / 'log4j.properties').as_uri()}",)


def write_files(folder: Path, server: Server) -> None:
    """Write ``zoo.cfg`` and the data of a server that has not run yet.

    A started server rewrites ``zoo.cfg``, so a restart must not write it again.

    Raises:
        UnsupportedError: the server is no member, or cannot start with such epochs and zxid.
    """
    if server.peer.sid not in server.config.members:
        raise UnsupportedError(f"server {server.peer.sid} is no member of its own configuration")
    folder.mkdir(parents=True, exist_ok=True)
    seed(folder / "data", server.peer, server.config.text())
    lines = [*_settings(folder, server), *_membership(folder, server)]
    (folder / _CONFIG).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "logback.xml").write_text(_LOGBACK, encoding="utf-8")
    (folder / "log4j.properties").write_text(_LOG4J, encoding="utf-8")


def _settings(folder: Path, server: Server) -> list[str]:
    timings = server.timings
    settings = {
        "tickTime": timings.tick_ms,
        "initLimit": timings.init_limit,
        "syncLimit": timings.sync_limit,
        "dataDir": folder / "data",
        "standaloneEnabled": "false",
        "reconfigEnabled": str(server.reconfig_enabled).lower(),
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "*",
        "forceSync": "yes" if server.synced else "no",
        "preAllocSize": 1024,  # KiB of each new log: the default of 64 MiB is slow to make
        "cnxTimeout": timings.connect_ms,
        "fastleader.minNotificationInterval": timings.notification_ms_min,
        "fastleader.maxNotificationInterval": timings.notification_ms_max,
        "leaderConnectDelayDuringRetryMs": timings.leader_connect_retry_ms,
        "leader.maxTimeToWaitForEpoch": timings.epoch_wait_ms,
        **server.properties,
    }
    return [f"{key}={value}" for key, value in settings.items()]


def _membership(folder: Path, server: Server) -> list[str]:
    """The members in ``zoo.cfg`` itself, or in a file whose name has their version."""
    lines = server.config.text().splitlines()[:-1]
    own = server.config.members[server.peer.sid]
    port = [] if own.client else [f"clientPort={CLIENT_PORT}"]
    kind = [] if own.votes else ["peerType=observer"]
    if not server.config.version:
        return [*port, *kind, *lines]
    # A server takes such a file for what it wrote itself: sorted, and no newline at the end.
    dynamic = folder / f"{_CONFIG}.dynamic.{server.config.version:x}"
    dynamic.write_text("\n".join(sorted(lines)), encoding="utf-8")
    return [*port, *kind, f"dynamicConfigFile={dynamic}"]
