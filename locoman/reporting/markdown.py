"""A report as Markdown; of its drawings what they show stands there in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from locoman.reporting.report import Block, Bullets, Code, Exchange, Paragraph, Plot, Report, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#&~])")
_BEGINS = re.compile(r"^(\d*)([-+=.)])")
"""At the beginning of a line these would make a list, or a heading of the line before."""


def render_markdown(report: Report) -> str:
    """The page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.title)}"
    yield ""
    yield _plain(report.lead)
    yield ""
    yield from (f"- {_plain(name)}: {_plain(value)}" for name, value in report.facts)
    for section in report.sections:
        yield ""
        yield f"## {_plain(section.title)}"
        for block in section.blocks:
            yield ""
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield _plain(text)
        case Bullets(items, ordered):
            yield from (f"{f'{n}.' if ordered else '-'} {_plain(item)}" for n, item in enumerate(items, start=1))
        case Table(columns, rows, numbers):
            yield _row(columns)
            yield "|" + "|".join("---:" if place in numbers else "---" for place in range(len(columns))) + "|"
            yield from (_row([str(cell) for cell in row]) for row in rows)
        case Plot(title, summary, _):
            yield f"*{_plain(title)}.* {_plain(summary)}"
        case Exchange(question, expected, answer, note):
            yield f"- Question: {_plain(question)}"
            yield f"  - expected: {_plain(expected)}"
            yield f"  - answered: {_plain(answer)}"
            if note:
                yield f"  - note: {_plain(note)}"
        case Code(text):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            yield fence
            yield from text.rstrip("\n").split("\n")
            yield fence


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """One line, in which nothing is markup."""
    return _BEGINS.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", " ".join(text.split())))
