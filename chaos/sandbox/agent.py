"""The first process of a run's namespaces: it reaps, changes blocks and starts programs.

It ends when the harness closes one of its sockets or when the zygote ends, and the kernel then
kills every process that is left in the namespace.
"""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass, replace

from chaos.actions import How
from chaos.errors import ChaosError
from chaos.sandbox.addresses import AddressBlock, host_of
from chaos.sandbox.blocks import Blocks
from chaos.sandbox.cuts import cut_of
from chaos.sandbox.lines import Json, JsonObject, Lines
from chaos.sandbox.rules import Rules, rules_of
from chaos.sandbox.spawned import Spawned


@dataclass(frozen=True, slots=True)
class Agent:
    """What the first process looks after: the zygote, blocks and programs."""

    channel: Lines
    zygote: int
    blocks: Blocks
    addresses: AddressBlock
    spawned: Spawned

    def serve(self) -> int:
        """Answer until any side ends; the exit status of the zygote, or 0."""
        signals = _child_signals()
        poll = select.poll()
        for one in (self.channel, self.spawned, signals):
            poll.register(one, select.POLLIN)
        while True:
            status = self._reap()
            if status is not None:
                return status
            for descriptor, _ in poll.poll():
                if descriptor == signals:
                    os.read(descriptor, 4096)
                elif descriptor == self.spawned.fileno():
                    if not self.spawned.answer():
                        return 0
                else:
                    asked = self.channel.receive()
                    if asked is None:
                        return 0
                    self.channel.send(self._answer(asked))

    def _reap(self) -> int | None:
        """Reap every child that ended; the zygote's status (negative: a signal) once it has."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid == 0:
                return None
            code = os.waitstatus_to_exitcode(status)
            if pid == self.zygote:
                return code
            self.spawned.ended(pid, code)

    def _answer(self, asked: JsonObject) -> JsonObject:
        try:
            match asked:
                case {"do": "block", "name": str(name), "cuts": list(cuts), "how": str(how)}:
                    return {"done": {**self.blocks.block(name, self._rules(cuts, How(how)))}}
                case {"do": "lose", "name": str(name), "cuts": list(cuts), "ppm": int(ppm)}:
                    rules = replace(self._rules(cuts, How.SILENT), ppm=ppm)
                    return {"done": {**self.blocks.block(name, rules)}}
                case {"do": "unblock", "name": str(name)}:
                    return {"done": {**self.blocks.unblock(name)}}
                case _:
                    return {"error": f"the network agent does not know {asked!r}"}
        except (ChaosError, ValueError) as error:
            return {"error": str(error)}

    def _rules(self, cuts: list[Json], how: How) -> Rules:
        return rules_of(map(cut_of, cuts), how, lambda sid: host_of(self.addresses, sid))


def _child_signals() -> int:
    """A descriptor that becomes readable when a child ends."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # the default would not wake us
    return reader
