"""A plan and a system: a run, its history, its verdicts."""
