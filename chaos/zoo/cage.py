"""The zoo: every bug by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chaos.zoo import connects, counts, elects, leads, speaks
from chaos.zoo.bug import Bug

_ALL: Final = (*counts.BUGS, *elects.BUGS, *speaks.BUGS, *leads.BUGS, *connects.BUGS)

ZOO: Final[Mapping[str, Bug]] = MappingProxyType({bug.name: bug for bug in _ALL})
