"""Of sockets that are ready at once, a peer serves the urgent ones first."""

from __future__ import annotations

import socket
from collections.abc import Callable

from chaos.peer.loop import READ, Loop


def test_urgent_sockets_go_first_whatever_their_number() -> None:
    loop = Loop()
    served: list[str] = []

    def serve(name: str) -> Callable[[int], None]:
        return lambda _mask: served.append(name)

    pairs = [socket.socketpair() for _ in range(6)]
    for number, (near, far) in enumerate(pairs):
        urgent = number in (2, 5)
        name = f"{'urgent' if urgent else 'plain'} {number}"
        loop.watch(near, READ, serve(name), urgent=urgent)
        far.send(b"x")
    loop.turn(None)
    assert {one.split()[0] for one in served[:2]} == {"urgent"}
    assert len(served) == 6
    for near, far in pairs:
        loop.forget(near)
        near.close()
        far.close()
    loop.close()


def test_a_socket_that_is_forgotten_is_urgent_no_more() -> None:
    loop = Loop()
    near, far = socket.socketpair()
    loop.watch(near, READ, lambda _: None, urgent=True)
    loop.forget(near)
    loop.watch(near, READ, lambda _: served.append("plain"))
    other, end = socket.socketpair()
    served: list[str] = []
    loop.watch(other, READ, lambda _: served.append("urgent"), urgent=True)
    far.send(b"x")
    end.send(b"x")
    loop.turn(None)
    assert served == ["urgent", "plain"]
    for sock in (near, far, other, end):
        sock.close()
    loop.close()
