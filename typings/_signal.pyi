# What is used of the C module behind signal, whose functions take numbers as they are.

from collections.abc import Callable

SIG_DFL: int
SIG_IGN: int
SIGCHLD: int
SIGINT: int
SIGKILL: int
SIGTERM: int

def set_wakeup_fd(fd: int, *, warn_on_full_buffer: bool = True) -> int: ...
def signal(signalnum: int, handler: Callable[[int, object], None] | int) -> object: ...
