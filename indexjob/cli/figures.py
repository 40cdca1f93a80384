"""The figures of an index job's `stats`, in words."""

from __future__ import annotations

from typing import Any

STEPS = ("clone", "discover", "parse", "symbols", "references", "dependencies", "store")
COUNTS = {
    "files": "files",
    "files_failed": "not whole",
    "symbols": "symbols",
    "references": "references",
    "dependencies": "dependencies",
    "cycles": "cycles",
}


def counts(stats: dict[str, Any]) -> str:
    """The sizes of what was found, such as "12 files, 1 not whole, 340 symbols"."""
    return ", ".join(f"{stats[key]:,} {name}" for key, name in COUNTS.items() if stats.get(key) is not None)


def step_seconds(stats: dict[str, Any]) -> dict[str, float]:
    """How long each step took, in the order in which they go."""
    return {step: float(stats["seconds"][step]) for step in STEPS if step in stats.get("seconds", {})}


def timed(stats: dict[str, Any]) -> str:
    """The same in a line."""
    return ", ".join(f"{step} {took:.2f}" for step, took in step_seconds(stats).items())
