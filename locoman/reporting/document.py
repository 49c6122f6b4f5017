"""A report as plain JSON, without its drawings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from locoman.reporting.report import Cell, Plot, Report, Table


def render_document(report: Report) -> dict[str, Any]:
    """Sections in their order, each block with its kind; tables as rows of text."""
    return {
        "title": report.title,
        "lead": report.lead,
        "facts": dict(report.facts),
        "sections": [
            {"title": section.title, "blocks": [_block(block) for block in section.blocks]}
            for section in report.sections
        ],
    }


def _block(block: Any) -> dict[str, Any]:
    kind = {"kind": type(block).__name__.lower()}
    if isinstance(block, Table):
        rows = [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in block.rows]
        return kind | {"columns": list(block.columns), "rows": rows}
    if isinstance(block, Plot):
        return kind | {"title": block.title, "summary": block.summary}
    return kind | asdict(block)
