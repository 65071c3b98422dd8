"""Checks and measures: from a history to verdicts, and nothing else."""
