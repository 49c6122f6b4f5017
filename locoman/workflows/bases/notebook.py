"""What was found so far, on disk: one file per base and step, so that an evaluation goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile
from locoman.evaluation.selection.evidence import MAX_FILE_BYTES, BaseEvaluation
from locoman.evaluation.selection.report import bases_report
from locoman.reporting.html import render_html
from locoman.reporting.markdown import render_markdown
from locoman.store.atomic import write_atomic

T = TypeVar("T")


class Notebook:
    """The folder of one evaluation. A page is used again only under the key it was written with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def room(self, name: str) -> Path:
        """Where the base of that name is tried out."""
        return self.folder / name / "room"

    def work(self, name: str) -> Path:
        """Where its training is at work."""
        return self.folder / name / "training"

    def find(self, name: str, page: str, key: str, kind: type[T]) -> tuple[T, float] | None:
        """What was found and in how many seconds; None where nothing was, or under another key, or not to be read."""
        path = self._page(name, page)
        if not path.is_file():
            return None
        try:
            content = msgspec.json.decode(read_text(path, MAX_FILE_BYTES), type=dict[str, msgspec.Raw])
            if msgspec.json.decode(content["key"], type=str) != key:
                return None
            return msgspec.json.decode(content["value"], type=kind), msgspec.json.decode(content["seconds"], type=float)
        except (msgspec.MsgspecError, KeyError, InvalidFile):
            return None

    def keep(self, name: str, page: str, key: str, value: Any, seconds: float) -> None:
        """Writes a page. Raises StoreError."""
        content = {"key": key, "seconds": seconds, "value": value}
        write_atomic(self._page(name, page), msgspec.json.format(msgspec.json.encode(content)) + b"\n")

    def close(self, found: BaseEvaluation) -> tuple[Path, Path, Path]:
        """Writes the result as JSON, Markdown and HTML, and returns the paths. Raises StoreError."""
        report = bases_report(found)
        data, text, page = (self.folder / f"evaluation.{ending}" for ending in ("json", "md", "html"))
        write_atomic(data, encoded(found))
        write_atomic(text, render_markdown(report).encode())
        write_atomic(page, render_html(report).encode())
        return data, text, page

    def _page(self, name: str, page: str) -> Path:
        return self.folder / name / f"{page}.json"


def encoded(found: BaseEvaluation) -> bytes:
    """As `read_evaluation` reads it."""
    return msgspec.json.format(msgspec.json.encode(found)) + b"\n"


def key_of(*parts: Any) -> str:
    """A digest of what a step depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
