"""Which configuration is in force: law H13.

``configuration_monotone``: the version of the committed configuration never falls, not even
over a restart. ``reconfigured_by_quorums``: a newer one takes force only where somebody has
decided it: at a leader whose NEWLEADER quorums of the old *and* the new acked; at a learner
whose leader said so; by what a notification or the tester brought.

Source: ZooKeeper 3.8 ``QuorumPeer.processReconfig``, ``Leader.lead``.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.election import packets as pk
from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Deliver,
    Entered,
    PacketRead,
    PersistConfig,
    Reconfigure,
    Serving,
)
from chaos.election.notification import ServerState
from chaos.election.records import RECONFIG, read_config
from chaos.errors import ConfigError
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.laws.past import Past
from chaos.verify.laws.watcher import names
from chaos.verify.rules import Electorate
from chaos.verify.standing import Standing
from chaos.verify.tester import ORDERS


class Configured:
    """The configurations of one incarnation."""

    def __init__(self, index: int, began: Began, past: Past, docket: Docket) -> None:
        self._sid = began.sid
        self._docket = docket
        self._past = past
        self._told: set[str] = set()  # texts that its leader sent
        version = parse_configuration(began.spec.config).version
        if past.version is None or version in past.unwritten:
            past.version = version  # the first; or a kill came before the last step's write
        else:
            self._rises(version, "comes back with", index, again=True)
        past.unwritten.clear()

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        heard = set(_brought(event))
        if not isinstance(event.happened, ORDERS):
            self._past.unwritten.clear()
        if isinstance(event.happened, PacketRead):
            self._told |= heard
        state, serves = standing.state, False  # who is a quorum alone does all in one step
        for effect in event.effects:
            match effect:
                case Entered(state=entered):
                    state = entered
                case Serving():
                    serves = state is ServerState.LEADING
                case PersistConfig(config=text, active=True):
                    config = parse_configuration(text)
                    if self._past.version is not None:
                        self._past.unwritten.add(self._past.version)
                    self._rises(config.version, "puts in force", index)
                    self._decided(config, index, standing, heard, leads=serves)
                case _:
                    pass

    def _rises(self, version: int, what: str, index: int, *, again: bool = False) -> None:
        before, wrong = self._past.version, ""
        assert before is not None
        if version < before or (version == before and not again):
            wrong = f"peer {self._sid} {what} configuration {version:x} after {before:x}"
        self._past.version = max(before, version)
        self._docket.case(Law.VERSIONS, wrong, index)

    def _decided(
        self,
        config: Configuration,
        index: int,
        standing: Standing,
        heard: set[str],
        *,
        leads: bool,
    ) -> None:
        wrong = ""
        text = config.text()
        if leads:
            acks = frozenset({self._sid, *standing.acks})
            old = standing.electorate
            both = Electorate(old.committed, config)
            if not both.quorum(acks):
                who = names(acks & both.voters)
                wrong = (
                    f"peer {self._sid} puts configuration {config.version:x} in force with the "
                    f"acks of {who} only: no quorum of the old and of the new"
                )
        elif text not in heard and text not in self._told:
            wrong = (
                f"peer {self._sid} puts configuration {config.version:x} in force, which nothing "
                "that it heard has decided"
            )
        self._docket.case(Law.RECONFIG, wrong, index, but=standing.given if leads else "")


def _brought(event: Stepped) -> Iterator[str]:
    """The configurations that an input carries, as the peer writes them."""
    texts: list[str | None] = []
    match event.happened:
        case Reconfigure(config=text):
            texts.append(text)
        case Deliver(notification=said):
            texts.append(said.config)
        case PacketRead(packet=pk.NewLeader(config=text)):
            texts.append(text)
        case PacketRead(packet=pk.Proposal(txn=txn) | pk.Inform(txn=txn)):
            texts.append(read_config(txn.body) if txn.kind == RECONFIG else None)
        case PacketRead(packet=pk.InformAndActivate(txn=txn)):
            texts.append(read_config(txn.body) if txn.kind == RECONFIG else None)
        case _:
            pass
    for text in texts:
        if text:
            try:
                yield parse_configuration(text).text()
            except ConfigError:
                continue
