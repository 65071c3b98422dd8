"""What becomes of a step whose time is up when the host, and not the ensemble, may be to blame."""

from __future__ import annotations

from collections.abc import Generator

from chaos.history.events import Sampled
from chaos.history.history import History
from chaos.runner.log import StepLog
from chaos.runner.pending import Moment, Pending, Satisfied
from chaos.runner.scene import Scene
from chaos.verify.punctuality import HEARD_NS, Window, lateness
from chaos.verify.waits import Watch


def but_late(
    scene: Scene, log: StepLog, watch: Watch, until_ns: int
) -> Generator[Pending, None, str]:
    """Why it decides nothing that ``watch`` was not met by ``until_ns``; empty if it does.

    Whoever was kept waiting by the host may come later by as much as the host was late meanwhile,
    which :mod:`chaos.verify.doubts` grants to expectations too. Where nobody samples the host
    there is nothing to wait for.
    """
    if not any(isinstance(event, Sampled) for event in scene.events):
        return ""
    heard_ns = min(until_ns + HEARD_NS, scene.deadline_ns)
    met_ns = yield from _met(scene, watch, heard_ns)
    yield Moment(heard_ns)
    assert log.began_ns is not None
    late = lateness(History.of(scene.events), Window(log.began_ns, until_ns))
    if late is None:
        return ""
    last_ns = min(until_ns + late.ns, scene.deadline_ns)
    if met_ns is None:
        met_ns = yield from _met(scene, watch, last_ns)
    if met_ns is None or met_ns > last_ns:
        return ""
    lost = f"{late.words}, {late.ns / 1e6:.0f} ms in all"
    return f"it was so {(met_ns - until_ns) / 1e6:.0f} ms later; {lost}"


def _met(scene: Scene, watch: Watch, until_ns: int) -> Generator[Pending, None, int | None]:
    """When a condition had held for long enough; ``None`` if not until then."""
    held = Satisfied(watch, until_ns)
    yield held
    return scene.now_ns if held.met else None
