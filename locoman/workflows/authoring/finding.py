"""What is missing or wrong in a package, each with its file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

SHOWN = 5
"""Lines of one file that are named for the same reason; of more there is only the number."""

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """An error keeps the package from being whole; a warning is worth a look. `file` is relative to the package."""

    level: Level
    file: str
    sentence: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line is not None else self.file
        return f"{place}: {self.sentence}"


@dataclass(slots=True)
class Findings:
    """Collects them."""

    found: list[Finding] = field(default_factory=list)

    def error(self, file: str, sentence: str, line: int | None = None) -> None:
        """Something that has to be put right."""
        self.found.append(Finding("error", file, sentence, line))

    def warning(self, file: str, sentence: str, line: int | None = None) -> None:
        """Something that may be meant."""
        self.found.append(Finding("warning", file, sentence, line))

    def lines(self, level: Level, file: str, places: Sequence[tuple[int, str]]) -> None:
        """The same kind of thing on several lines: (line, sentence) each."""
        self.found += [Finding(level, file, sentence, line) for line, sentence in places[:SHOWN]]
        if len(places) > SHOWN:
            self.found.append(Finding(level, file, f"and {len(places) - SHOWN:,} more lines like these"))
