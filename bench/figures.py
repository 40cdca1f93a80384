"""A figure, its goal, and how the two are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


class NotMeasuredError(Exception):
    """A subject can't be measured on this machine: a sentence that says what is lacking."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: at least `bound`, or at most."""

    bound: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound)


def at_most(bound: float) -> Goal:
    return Goal(bound, at_most=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. Without a goal it is there to understand the others; `note` says what it was made from."""

    subject: str
    name: str
    value: float
    unit: str
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return self.goal.met_by(self.value) if self.goal else None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"goal": str(self.goal) if self.goal else None, "met": self.met}

    def __str__(self) -> str:
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        shown = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{self.name:<72} {shown:>8} {self.unit:<4} {self.goal or ''!s:>8}  {verdict:<8} {self.note}".rstrip()


def ratio_of_rounds(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def percentile(values: Iterable[float], percent: float) -> float:
    """The value below which so many percent lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def alternating(rounds: int, *sides: str) -> Iterator[str]:
    """The sides' names, again and again; every other round backwards, so that none always comes first."""
    for number in range(rounds):
        yield from sides if number % 2 == 0 else reversed(sides)
