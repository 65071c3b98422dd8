"""A client on its own: ``python -m tests.zookeeper.lone_client TIMEOUT_MS HOSTS [create]``.

It opens a session and says ``session ID``, then each change of its connection, and the
outcome of what it was told to do, a line each, until it is ended.
"""

from __future__ import annotations

import sys
import threading

from kazoo.client import KazooClient


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(timeout_ms: str, hosts: str, *verbs: str) -> None:
    retry = {"max_tries": -1, "delay": 0.05, "backoff": 1, "max_delay": 0.1}
    client = KazooClient(
        hosts=hosts,
        timeout=int(timeout_ms) / 1000,
        connection_retry=dict(retry),
        randomize_hosts=False,
    )
    client.add_listener(lambda state: say(f"state {state}"))
    client.start(timeout=20)
    say(f"session {client.client_id[0]}")
    for verb in verbs:
        try:
            if verb == "create":
                client.create("/made", b"by a client")
            elif verb == "close":
                client.stop()
            say(f"{verb} done")
        except Exception as error:  # noqa: BLE001 - its name is what is asked for
            say(f"{verb} {type(error).__name__}")
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
