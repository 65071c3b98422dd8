"""For how long nobody served: the certain part lies within the possible one."""

from __future__ import annotations

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import Sid
from chaos.history.events import Acted
from chaos.history.history import History
from chaos.verify.absence import absences
from chaos.verify.verdict import Measure
from tests.verify.lockstep import MS, Lockstep


def bounds(one: Measure) -> tuple[int, int]:
    """The certain and the possible length, in ms."""
    assert one.value_ns is not None
    assert one.more_ns == 0
    return (one.value_ns - one.less_ns) // MS, one.value_ns // MS


def of(history: History, name: str) -> Measure:
    (found,) = [one for one in absences(history) if one.of == name]
    return found


def test_the_first_window_begins_at_time_zero_and_is_certain() -> None:
    history = Lockstep().start().run(2000).history()
    certain, possible = bounds(of(history, "start"))
    assert certain == possible > 200


def test_the_time_that_a_kill_takes_is_possible_only() -> None:
    """The signal is sent at 2000 ms, and the process reaped 30 ms later."""
    ensemble = Lockstep().start().run(2030).kill(3)
    bit = act.Evidence(bit=True)
    ensemble.events.append(Acted(2000 * MS, 2031 * MS, "crash", act.Kill(Sid(3)), bit))
    certain, possible = bounds(of(ensemble.run(3000).history(), "after peer 3"))
    assert possible - certain == 30
    assert certain > 200


def test_a_leader_without_a_quorum_may_serve_until_it_knows() -> None:
    """Its followers die, so that nobody surely serves; it leads on until its own ticks tell it."""
    ensemble = Lockstep().start().run(2000).kill(1).kill(2).start(1, 2)
    history = ensemble.run(6000).history()
    one = of(history, "after peer 3")
    certain, possible = bounds(one)
    (led,) = [s for s in history.spans if (s.sid, s.phase) == (3, fx.Phase.BROADCAST)][:1]
    assert history.events[one.start].at_ns == 2000 * MS
    assert possible - certain == led.to_ns // MS - 2000 > 0


def test_a_stopped_leader_serves_nobody_and_one_that_goes_on_may_again() -> None:
    """Stopped at 2000 ms with followers that hold on, it leads again when it goes on."""
    ensemble = Lockstep().start().run(2000).acted("stop", act.Pause(Sid(3)))
    ensemble.run(10).acted("stop", act.Resume(Sid(3)))
    assert bounds(of(ensemble.run(100).history(), "after peer 3")) == (10, 10)


def test_a_window_that_the_run_ends_in_is_censored() -> None:
    ensemble = Lockstep().start().run(2000).kill(3).kill(2)
    one = of(ensemble.run(3000).history(), "after peer 3")
    assert (one.value_ns, one.end, one.why) == (None, None, "the run ended before")


def test_while_somebody_serves_there_is_no_window() -> None:
    ensemble = Lockstep().start().run(2000).kill(1)
    assert {one.of for one in absences(ensemble.run(2000).history())} == {"start"}
