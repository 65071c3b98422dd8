"""How long a process was kept waiting for a CPU, by the kernel's own account."""

from __future__ import annotations

from pathlib import Path


def waited_ns(pid: int) -> int:
    """Nanoseconds in which the first thread of ``pid`` was ready to run and did not, in all.

    0 if it has ended, or the kernel keeps no such account (proc_pid_schedstat, CONFIG_SCHED_INFO).
    """
    try:
        fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) if len(fields) > 1 else 0
