"""Several lives go on at the same time; each is resumed at the moment that it waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chaos.election.effects import Proposed
from chaos.history.events import Event, Stepped
from chaos.plan.model import Edge
from chaos.runner.pending import EdgeOf, Finished, Heard, Life, Moment
from chaos.runner.scene import Scene
from chaos.runner.scheduler import Scheduler
from chaos.runner.show import Silent
from chaos.runner.spans import Spans
from chaos.runner.task import Task
from chaos.store import RunFolder
from tests.runner.stage import MS, SECOND, Puppet, plan

STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader}, within: 5s}
  - {id: stop, fault: pause, target: 1, for: 1s}
""")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A run whose peers begin to look now."""
    system = Puppet(STORY.ensemble)
    with closing(RunFolder.create(tmp_path, "story", 1)) as folder:
        scene = Scene(Task(STORY, 1, ""), system, folder, Silent())
        system.prepare()
        scene.zero_ns = system.go()
        yield scene


@pytest.fixture
def scheduler(scene: Scene) -> Scheduler:
    return Scheduler(scene, Spans(scene))


def proposes(event: Event) -> bool:
    """Peer 2 takes up a vote."""
    return (
        isinstance(event, Stepped)
        and event.sid == 2
        and any(isinstance(effect, Proposed) for effect in event.effects)
    )


def test_moments_come_in_the_order_of_time(scene: Scene, scheduler: Scheduler) -> None:
    came: list[tuple[str, int]] = []

    def one(name: str, after_ns: int) -> Life:
        yield Moment(scene.zero_ns + after_ns)
        came.append((name, scene.now_ns - scene.zero_ns))

    def both() -> Life:
        lives = [scheduler.start(one("late", 300 * MS)), scheduler.start(one("soon", 100 * MS))]
        yield Finished(lives)
        came.append(("both", scene.now_ns - scene.zero_ns))

    scheduler.finish(both())
    assert came == [("soon", 100 * MS), ("late", 300 * MS), ("both", 300 * MS)]


def test_at_one_moment_the_elder_goes_first(scene: Scene, scheduler: Scheduler) -> None:
    came: list[str] = []

    def one(name: str) -> Life:
        yield Moment(scene.zero_ns + 100 * MS)
        came.append(name)

    def both() -> Life:
        yield Finished([scheduler.start(one(name)) for name in ("first", "second")])

    scheduler.finish(both())
    assert came == ["first", "second"]


def test_what_waits_for_an_event_goes_on_at_that_very_event(
    scene: Scene, scheduler: Scheduler
) -> None:
    heard = Heard(proposes, scene.zero_ns + SECOND)

    def listen() -> Life:
        yield heard
        assert heard.event is not None
        assert scene.events[-1] is heard.event, "nothing came between"
        assert scene.now_ns == heard.event.at_ns

    scheduler.finish(listen())
    assert sum(map(proposes, scene.events)) == 1


def test_an_event_that_does_not_come_is_waited_for_only_so_long(
    scene: Scene, scheduler: Scheduler
) -> None:
    heard = Heard(lambda _: False, scene.zero_ns + 200 * MS)

    def listen() -> Life:
        yield heard

    scheduler.finish(listen())
    assert heard.event is None
    assert scene.now_ns == scene.zero_ns + 200 * MS


def test_an_edge_that_nobody_will_bring_is_not_waited_for(
    scene: Scene, scheduler: Scheduler
) -> None:
    log = scene.logs["stop"]

    def hope() -> Life:
        yield EdgeOf(log, Edge.ENDED, scene.deadline_ns)

    scheduler.finish(hope())
    assert scene.now_ns == scene.zero_ns


def test_an_edge_that_another_life_brings_is_waited_for(scene: Scene, scheduler: Scheduler) -> None:
    log = scene.logs["up"]

    def bring() -> Life:
        yield Moment(scene.zero_ns + 50 * MS)
        log.ended_ns = scene.now_ns

    def hope() -> Life:
        bringer = scheduler.start(bring())
        yield EdgeOf(log, Edge.ENDED, scene.deadline_ns)
        assert bringer.over

    scheduler.finish(hope())
    assert scene.now_ns == scene.zero_ns + 50 * MS


def test_what_is_dropped_never_goes_on(scene: Scene, scheduler: Scheduler) -> None:
    came: list[str] = []

    def one() -> Life:
        yield Moment(scene.zero_ns + 10 * MS)
        came.append("too late")

    def wait() -> Life:
        yield Moment(scene.zero_ns + 100 * MS)

    scheduler.start(one())
    scheduler.drop()
    scheduler.finish(wait())
    assert came == []
