"""Mixed ensembles that are asked, before they end, whether all of them hold the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chaos.election.ids import Sid, Zxid, hex64
from chaos.ensemble import Runs
from chaos.errors import InfrastructureError
from chaos.history.events import Event
from chaos.history.history import History
from chaos.peer import log_file
from chaos.plan.load import load_plan
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.show import Silent
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult
from chaos.systems.mixed import Mixed, Standing, Troupe
from chaos.verify.verdict import Outcome
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.polls import Poll

_AGREE_S = 15.0
_RETRIES = 2
Question = Callable[["Asked"], None]


class Asked(Mixed):
    """A mixed ensemble; ``at_end`` asks it what it likes before it is closed.

    Whatever that finds wrong must not keep it from closing: it is in ``wrong``.
    """

    at_end: Question | None = None
    wrong: AssertionError | InfrastructureError | None = None

    def _recall(self, standing: Standing) -> list[Event]:
        recalled = super()._recall(standing)
        at_end, self.at_end = self.at_end, None
        if at_end is not None:
            try:
                at_end(self)
            except (AssertionError, InfrastructureError) as error:
                self.wrong = error
        return recalled

    def ask(self, do: str, **asked: int | str) -> Mapping[str, object]:
        return self.standing.clients.ask(do, **asked)

    def theirs(self) -> tuple[Sid, ...]:
        """The ZooKeeper servers that are up."""
        return tuple(server.sid for server in self.standing.servers.servers())

    def polls(self) -> list[Poll]:
        return list(self.standing.clients.polls())

    def agree(self) -> Zxid:
        """Wait until all ZooKeeper servers have processed the same; its zxid."""
        found: dict[Sid, Poll] = {}
        began_ns, deadline = time.monotonic_ns(), time.monotonic() + _AGREE_S
        while True:
            found |= {poll.sid: poll for poll in self.polls() if poll.since_ns > began_ns}
            known = {found[sid].zxid if sid in found else None for sid in self.theirs()}
            if len(known) == 1 and None not in known:
                (zxid,) = known
                assert zxid is not None
                return zxid
            assert time.monotonic() < deadline, f"they do not agree: {found}"
            time.sleep(0.05)  # noqa: TID251 - other programs; there is nothing to wait upon


@dataclass(frozen=True, slots=True)
class Ending:
    """What was found at an end. ``sessions``: the children of ``/`` at each ZooKeeper server."""

    sessions: Mapping[Sid, tuple[str, ...]]
    theirs: Zxid | None  # what all of them have processed
    ours: Mapping[Sid, Zxid]  # where our logs end on disk


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over."""

    result: RunResult
    history: History
    folder: Path
    ending: Ending

    def server_log(self, sid: Sid) -> str:
        path = self.folder / "peers" / str(sid) / "server.log"
        return path.read_text(encoding="utf-8", errors="replace")

    @property
    def story(self) -> str:
        """What went wrong, for a test's message."""
        verdicts = [
            f"{one.name}: {one.outcome.value}: {one.summary}"
            for one in self.result.verdicts
            if one.outcome in (Outcome.FAILS, Outcome.UNKNOWN)
        ]
        return "\n".join([str(self.folder), self.result.headline, *verdicts])

    @property
    def doubts(self) -> list[str]:
        """What could not be told, by the names of the checks."""
        found = self.result.verdicts
        return [one.name for one in found if one.outcome is Outcome.UNKNOWN]

    def same_end(self) -> str:
        """How the ends of the logs differ; empty if they do not."""
        theirs = self.ending.theirs
        ends = {sid: hex64(zxid) for sid, zxid in self.ending.ours.items()}
        if len({*self.ending.ours.values(), *([] if theirs is None else [theirs])}) > 1:
            return f"ours {ends}, theirs {None if theirs is None else hex64(theirs)}"
        if len(set(self.ending.sessions.values())) > 1:
            return f"the children of / differ: {self.ending.sessions}"
        return ""


def run(
    installation: Installation,
    text: str,
    out: Path,
    *,
    seed: int = 1,
    question: Question | None = None,
) -> Run:
    """Run a plan, perhaps ask it something, and look at how it ends.

    What a busy host left undecided is run again, twice at most, as ``--retries`` does it.
    """
    found = _run(installation, text, out, seed, question)
    for _ in range(_RETRIES):
        if found.result.exit_code != codes.INCONCLUSIVE or not found.result.disturbed:
            break
        found = _run(installation, text, out, seed, question)
    return found


def _run(
    installation: Installation, text: str, out: Path, seed: int, question: Question | None
) -> Run:
    plan = load_plan(text, "tour.yaml")
    sessions: dict[Sid, tuple[str, ...]] = {}
    agreed: list[Zxid] = []

    def at_end(system: Asked) -> None:
        if question is not None:
            question(system)
        for sid in system.theirs():
            children = system.ask("check", sid=sid)["children"]
            assert isinstance(children, list)
            sessions[sid] = tuple(children)
        if sessions:
            agreed.append(system.agree())

    troupe = Troupe("mixed", plan.ensemble, installation)
    with closing(RunFolder.create(out, plan.name, seed)) as folder:
        system = Asked(troupe, seed, folder.path, "auto")
        system.at_end = at_end
        result, history = perform(Task(plan, seed, ""), system, folder, Silent())
    if system.wrong is not None:
        raise system.wrong
    ours = {
        sid: _end(folder.path / "peers" / str(sid))
        for sid, runs in troupe.cast().items()
        if runs is Runs.CHAOS
    }
    ending = Ending(sessions, agreed[0] if agreed else None, ours)
    return Run(result, history, folder.path, ending)


def _end(home: Path) -> Zxid:
    kept = log_file.load(home)
    if kept is None:
        return Zxid(0)
    return kept.txns[-1].zxid if kept.txns else kept.begins
