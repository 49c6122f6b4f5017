"""doc_to_text, doc_to_target, doc_to_choice of a task: the name of a field, a list, or a jinja template."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from locoman.errors import InvalidFile, Unsupported
from locoman.evaluation.importing import jinja_child
from locoman.evaluation.importing.rows import Row
from locoman.isolated import run_script

SECONDS = 60.0
MAX_LITERAL = 100_000
Values = dict[str, Any]


def resolved(path: Path, wanted: Mapping[str, Any], rows: Sequence[Row]) -> list[Values]:
    """For each row the value of every wanted field that is not None, as lm-evaluation-harness resolves it.

    A text that names a field is that field's value, another is a template; a number, list or mapping stands for itself.
    Raises Unsupported, InvalidFile with the row's line.
    """
    templates = {name: text for name, text in wanted.items() if _is_template(text, rows)}
    texts = _render(path, templates, rows) if templates else [{} for _ in rows]
    return [
        {name: _value(name, value, row, rendered) for name, value in wanted.items() if value is not None}
        for row, rendered in zip(rows, texts, strict=True)
    ]


def literal(text: str, row: Row, name: str) -> Any:
    """The list or number that is written in a text. Raises InvalidFile."""
    try:
        if len(text) > MAX_LITERAL:
            raise ValueError("it is too long")
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise row.wrong(f"{name} gives {text[:80]!r}, which is no list") from error


def _is_template(value: Any, rows: Sequence[Row]) -> bool:
    return isinstance(value, str) and value not in rows[0].fields


def _value(name: str, value: Any, row: Row, rendered: Mapping[str, str]) -> Any:
    if name in rendered:
        return rendered[name]
    if not isinstance(value, str):
        return value
    if value not in row.fields:
        raise row.wrong(f"{value!r} is missing, which is the task's {name}")
    return row.fields[value]


def _render(path: Path, templates: Mapping[str, str], rows: Sequence[Row]) -> list[dict[str, str]]:
    question = json.dumps({"templates": dict(templates), "documents": [row.fields for row in rows]})
    try:
        answer = run_script(Path(jinja_child.__file__), question, SECONDS)
    except TimeoutError:
        raise Unsupported(path, f"its templates take more than {SECONDS:g} seconds") from None
    except ChildProcessError as error:
        raise Unsupported(path, "its templates take too much memory, or cannot be rendered") from error
    texts: list[dict[str, str]] = json.loads(answer)
    for row, text in zip(rows, texts, strict=False):
        if "error" in text:
            raise InvalidFile(row.path, f"the task's template fails here: {text['error'][:200]}", line=row.line)
    return texts
