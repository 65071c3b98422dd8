"""What a shell offers for the paths of plans and of stored runs."""

from __future__ import annotations

from pathlib import Path


def complete_plans(incomplete: str) -> list[str]:
    """Plan files that begin with ``incomplete``, spelt as it begins; for shell completion.

    Those of the folder that it names, else those one level below: ``chaos run <TAB>`` finds
    ``plans/leader-pause.yaml``.
    """
    return _completed(incomplete, ("*.yaml", "*.yml", "*/*.yaml", "*/*.yml"))


def complete_runs(incomplete: str) -> list[str]:
    """Runs that begin with ``incomplete``, likewise: ``reports/latest``, or a bundle."""
    found = _completed(incomplete, ("*/history.jsonl", "*/*/history.jsonl", "*.tar.gz"))
    return [path.removesuffix("/history.jsonl") for path in found]


def _completed(incomplete: str, patterns: tuple[str, ...]) -> list[str]:
    folder, slash, _ = incomplete.rpartition("/")
    base = Path(folder + slash)
    found = [
        folder + slash + path.relative_to(base).as_posix()
        for pattern in patterns
        for path in base.glob(pattern)
    ]
    return sorted(path for path in found if path.startswith(incomplete))
