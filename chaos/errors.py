"""The errors of chaos, one class for each thing that a caller does differently.

::

    ChaosError
    ├── PlanError            the plan cannot be used; names file, line and column
    ├── UnsupportedError     the chosen system cannot do what the plan asks
    ├── ConfigError          a configuration text does not parse
    ├── WireError            bytes that are no packet of ours; the link closes
    ├── HistoryError         a stored run cannot be read
    ├── OutOfTimeError       a plan may take no longer; its run was ended in good order
    └── InfrastructureError  the host failed us: spawn, disk, namespace, port
"""

from __future__ import annotations


class ChaosError(Exception):
    """Anything chaos reports to a person in one line."""


class PlanError(ChaosError):
    """The plan cannot be used. The message starts with ``file:line:column``."""


class UnsupportedError(ChaosError):
    """The chosen system cannot do what the plan asks for."""


class ConfigError(ChaosError):
    """A dynamic configuration text does not parse."""


class WireError(ChaosError):
    """Bytes that are no message of ours; the link that carried them closes."""


class HistoryError(ChaosError):
    """A stored run or journal cannot be read."""


class OutOfTimeError(ChaosError):
    """A plan may take no longer. The run under way was ended in good order, and tells nothing.

    ``folder`` is that of the run, empty as long as nobody has said.
    """

    folder: str = ""


class InfrastructureError(ChaosError):
    """The host could not give what a run needs: process, namespace, port, disk."""
