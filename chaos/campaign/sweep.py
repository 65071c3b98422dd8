"""Orders to results on any executor of ``concurrent.futures``, no more at once than are wanted.

An order is given out only when there is room for it, so whoever has seen enough stops the rest
before they begin. Those under way come to their end, and count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Queue(Iterator[T]):
    """Orders in a row; more can be put to its front at any time, after the last was taken, too."""

    def __init__(self, orders: Iterable[T]) -> None:
        self._orders = deque(orders)

    def __len__(self) -> int:
        return len(self._orders)

    def __next__(self) -> T:
        if not self._orders:
            raise StopIteration
        return self._orders.popleft()

    def once_more(self, order: T) -> None:
        """Put an order to the front."""
        self._orders.appendleft(order)


def sweep(
    orders: Iterable[T],
    work: Callable[[T], R],
    executor: Executor,
    *,
    parallel: int,
    enough: Callable[[], bool],
) -> Iterator[tuple[T, Future[R]]]:
    """Each order with its future, which is done, in the order in which they end.

    ``enough`` is asked before an order is given out; once it says so, none is any more.
    """
    waiting = iter(orders)
    running: dict[Future[R], T] = {}
    while True:
        while len(running) < parallel and not enough():
            order = next(waiting, None)
            if order is None:
                break
            running[executor.submit(work, order)] = order
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=list(running).index):
            yield running.pop(future), future
