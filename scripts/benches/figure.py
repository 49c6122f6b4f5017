"""A measured figure beside its peer's and its goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a benchmark. `peer` names what ran beside it; `goal` is a text such as ">= 0.85"; `met` None: no goal."""

    bench: str
    metric: str
    unit: str
    value: float
    peer: str | None = None
    peer_value: float | None = None
    goal: str | None = None
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """Value over the peer's value."""
        return self.value / self.peer_value if self.peer_value else None

    def document(self) -> dict[str, object]:
        """As --json prints it."""
        return {
            "bench": self.bench,
            "metric": self.metric,
            "unit": self.unit,
            "value": self.value,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio,
            "goal": self.goal,
            "met": self.met,
        }


def at_least(bench: str, metric: str, unit: str, value: float, goal: float) -> Figure:
    """A figure whose goal is a lower bound."""
    return Figure(bench, metric, unit, value, goal=f">= {goal:g}", met=value >= goal)


def at_most(bench: str, metric: str, unit: str, value: float, goal: float) -> Figure:
    """A figure whose goal is an upper bound."""
    return Figure(bench, metric, unit, value, goal=f"<= {goal:g}", met=value <= goal)
