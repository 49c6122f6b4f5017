"""What a report says, whatever it is printed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "bad", "doubtful"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; `ordered` with numbers."""

    items: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a colour."""

    text: str
    tone: Tone = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as long as `columns`; columns whose number is in `numbers` are set flush right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing as SVG text of our own making; `summary` says in words what is seen."""

    title: str
    summary: str
    svg: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, what was expected, what was answered, and why that is scored as it is."""

    question: str
    expected: str
    answer: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is to be typed or copied."""

    text: str


Block = Paragraph | Bullets | Table | Plot | Exchange | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A title and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report: a title, a sentence that sums it up, (name, value) facts, sections."""

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
