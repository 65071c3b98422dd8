"""Faults: from targets to actions, one frozen dataclass a fault."""
