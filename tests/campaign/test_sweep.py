"""Orders go to an executor no more at once than are wanted, and none after enough was seen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

import pytest

from chaos.campaign.sweep import sweep

P = ParamSpec("P")
R = TypeVar("R")


class AtOnce(Executor):
    """Does its work when it is given, and counts what nobody has taken yet."""

    def __init__(self) -> None:
        self.given: list[object] = []

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        self.given.append(args[0])
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except ValueError as error:
            future.set_exception(error)
        return future


def test_every_order_comes_back_once_with_its_result() -> None:
    found = sweep(range(10), lambda n: n * n, AtOnce(), parallel=3, enough=lambda: False)
    assert sorted((order, future.result()) for order, future in found) == [
        (n, n * n) for n in range(10)
    ]


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_no_more_are_given_out_than_are_wanted_at_once(parallel: int) -> None:
    executor = AtOnce()
    for taken, _ in enumerate(
        sweep(range(10), lambda n: n, executor, parallel=parallel, enough=lambda: False)
    ):
        assert len(executor.given) - taken <= parallel + (parallel > 1) * (parallel - 1)


def test_after_enough_nothing_is_given_out_and_what_was_comes_back() -> None:
    executor = AtOnce()
    seen: list[int] = []
    for order, _ in sweep(range(10), lambda n: n, executor, parallel=2, enough=lambda: bool(seen)):
        seen.append(order)
    assert executor.given == seen == [0, 1]


def test_an_order_that_fails_leaves_the_others_their_turn() -> None:
    def work(n: int) -> int:
        if n == 1:
            raise ValueError(n)
        return n

    found = {
        order: future.exception() is None
        for order, future in sweep(range(3), work, AtOnce(), parallel=1, enough=lambda: False)
    }
    assert found == {0: True, 1: False, 2: True}
