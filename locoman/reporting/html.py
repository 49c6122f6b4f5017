"""A report as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from locoman.reporting.report import Block, Report


def render_html(report: Report) -> str:
    """The page. All text is escaped; only the drawings are put in as they are."""
    return _template().render(report=report, kind=_kind, svg=Markup)


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.jinja")


def _kind(block: Block) -> str:
    return type(block).__name__
