"""Writes a report to a file, in the form that its name asks for."""

from __future__ import annotations

import json
from pathlib import Path

from locoman.errors import UsageError
from locoman.reporting.document import render_document
from locoman.reporting.html import render_html
from locoman.reporting.markdown import render_markdown
from locoman.reporting.report import Report
from locoman.store.atomic import write_atomic
from locoman.workflows.model_files import check_target

SUFFIXES = (".html", ".md", ".json")


def write_report(report: Report, path: Path, *, force: bool = False) -> None:
    """Whole or not at all. Raises UsageError (no form has this ending; it is there already), StoreError."""
    data = render(report, path.suffix.lower()).encode()
    check_target(path, len(data), force=force)
    write_atomic(path, data)


def render(report: Report, suffix: str) -> str:
    """The report's text. Raises UsageError."""
    if suffix == ".html":
        return render_html(report)
    if suffix == ".md":
        return render_markdown(report)
    if suffix == ".json":
        return json.dumps(render_document(report), ensure_ascii=False, indent=2) + "\n"
    raise UsageError(f"A report ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, not in {suffix or 'nothing'!r}.")
