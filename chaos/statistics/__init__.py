"""Samples of what was measured, and what may be said of them."""
