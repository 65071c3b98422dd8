"""What the first process of a run's namespaces becomes: the network agent.

A module of its own, since the first process imports it only once it has forked the zygote, for
which a run waits: both then import at the same time.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from chaos.election.ids import Sid
from chaos.sandbox.addresses import PRIVATE, ROUTED
from chaos.sandbox.agent import Agent
from chaos.sandbox.blocks import Blocks, choose_backend
from chaos.sandbox.lines import Lines
from chaos.sandbox.nft import Hook
from chaos.sandbox.routed import Place
from chaos.sandbox.spawned import Spawned


@dataclass(frozen=True, slots=True)
class Post:
    """Where the agent stands: its channels to the harness, the servers' places, the zygote."""

    lines: Lines
    spawner: socket.socket
    places: Mapping[Sid, Place]
    zygote: int


def attend(post: Post, backend: str, facts: Mapping[str, str]) -> Agent:
    """Choose how packets are stopped, and tell the harness that the world is ready.

    Raises:
        InfrastructureError: the ``backend`` that was asked for, or any, does not work here.
    """
    chosen = choose_backend(backend, Hook.FORWARD if post.places else Hook.INPUT)
    refused = {"nft_refused": chosen.why} if chosen.why else {}
    post.lines.send({"ready": {**facts, "nft": chosen.backend.name, **refused}})
    descriptors = {sid: one.descriptor for sid, one in post.places.items()}
    spawned = Spawned(post.spawner, descriptors)
    blocks = Blocks(chosen.backend, [one.sockets for one in post.places.values()])
    addresses = ROUTED if post.places else PRIVATE
    return Agent(post.lines, post.zygote, blocks, addresses, spawned)
