"""Drawings for reports, by matplotlib (extra `report`), as SVG with the same bytes for the same values."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from locoman.errors import ExtraMissing
from locoman.reporting.report import Plot

COLOURS = ("#3568a8", "#c8642b", "#2f8a61", "#8a4f9e", "#7a6a4f", "#b03060")
_LABEL = 30
_STYLE: Any = {
    "svg.hashsalt": "locoman",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5b6673",
    "axes.labelcolor": "#1d2530",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A value with its interval, in a group that has one colour."""

    label: str
    value: float
    low: float
    high: float
    group: str = ""


def _short(text: str) -> str:
    """A label that leaves room for what it labels."""
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def can_draw() -> bool:
    """Whether matplotlib is here."""
    import importlib.util

    return importlib.util.find_spec("matplotlib") is not None


def intervals(title: str, summary: str, spans: Sequence[Span], x_label: str = "score", *, zero: bool = False) -> Plot:
    """A dot with its interval per row, groups side by side in their colours; `zero` marks 0. Raises ExtraMissing."""
    labels = list(dict.fromkeys(span.label for span in spans))
    groups = list(dict.fromkeys(span.group for span in spans))

    def draw(axes: Any) -> None:
        for span in spans:
            place = groups.index(span.group)
            height = labels.index(span.label) + (place - (len(groups) - 1) / 2) * 0.22
            colour = COLOURS[place % len(COLOURS)]
            axes.plot([span.low, span.high], [height, height], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot(span.value, height, "o", color=colour, markersize=6, label=_short(span.group) or None)
        axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
        axes.set_ylim(len(labels) - 0.4, -0.6)
        if zero:
            axes.axvline(0, color="#5b6673", linewidth=1, linestyle="--")
        axes.set_xlabel(x_label)
        axes.grid(axis="x", color="#d9dee5", linewidth=0.8)
        if any(groups):
            _legend(axes)

    return _drawn(title, summary, draw, height=1.1 + 0.5 * len(labels))


def curves(
    title: str, summary: str, lines: Mapping[str, Sequence[tuple[float, float]]], x_label: str, y_label: str
) -> Plot:
    """A line through (x, y) points for each name. Raises ExtraMissing."""

    def draw(axes: Any) -> None:
        for number, (name, points) in enumerate(lines.items()):
            xs, ys = [x for x, _ in points], [y for _, y in points]
            axes.plot(xs, ys, color=COLOURS[number % len(COLOURS)], linewidth=1.8, label=_short(name))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(color="#d9dee5", linewidth=0.8)
        _legend(axes)

    return _drawn(title, summary, draw, height=3.4)


def bars(title: str, summary: str, values: Mapping[str, float], x_label: str) -> Plot:
    """A bar for each name. Raises ExtraMissing."""

    def draw(axes: Any) -> None:
        names = list(values)
        axes.barh(range(len(names)), list(values.values()), color=COLOURS[0], height=0.6)
        axes.set_yticks(range(len(names)), [_short(name) for name in names])
        axes.invert_yaxis()
        axes.set_xlabel(x_label)
        axes.grid(axis="x", color="#d9dee5", linewidth=0.8)
        axes.set_axisbelow(True)

    return _drawn(title, summary, draw, height=1.0 + 0.42 * len(values))


def matrix(
    title: str, summary: str, rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]
) -> Plot:
    """Counts in squares, darker the larger the share of their row. Raises ExtraMissing."""

    def draw(axes: Any) -> None:
        shares = [[count / max(1, sum(row)) for count in row] for row in counts]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for y, row in enumerate(counts):
            for x, count in enumerate(row):
                if count:
                    axes.text(
                        x, y, str(count), ha="center", va="center", color="white" if shares[y][x] > 0.5 else "#1d2530"
                    )
        axes.set_xticks(range(len(columns)), [_short(name) for name in columns], rotation=30, ha="right")
        axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
        axes.set_xlabel("went to")
        axes.set_ylabel("belongs to")

    return _drawn(title, summary, draw, height=1.6 + 0.45 * len(rows))


def _legend(axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)


def _drawn(title: str, summary: str, draw: Callable[[Any], None], height: float) -> Plot:
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ExtraMissing(error.name or "matplotlib", "report", "Drawing a report") from error
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.4, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(title, summary, _inline(out.getvalue(), title))


def _inline(text: str, title: str) -> str:
    """The SVG element alone, with names of its own: several stand in one page."""
    import hashlib

    body = text[text.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    mark = "p" + hashlib.sha256(title.encode()).hexdigest()[:8]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{mark}-\1"', body)
    body = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{mark}-\2"', body)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{mark}-\1)", body)
