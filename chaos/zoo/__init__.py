"""Peers that are broken on purpose, one rule each, to see who notices."""
