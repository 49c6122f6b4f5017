"""The one object that decides between a person, --quiet and --json; nothing else in locoman writes to the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from locoman.progress import Stages


class Mode(Enum):
    """Who reads the output."""

    PERSON = "person"
    QUIET = "quiet"
    JSON = "json"


class Output:
    """Results go to stdout, everything else to stderr."""

    def __init__(self, mode: Mode = Mode.PERSON) -> None:
        self.mode = mode
        self._noted = set[str]()

    def result(self, document: Mapping[str, Any], render: Callable[[], None]) -> None:
        """The command's result: `document` under --json, else what `render` writes."""
        if self.mode is Mode.JSON:
            self.write(json.dumps(document, ensure_ascii=False) + "\n")
        else:
            render()

    def plan(self, document: Mapping[str, Any], lines: Iterable[str], *, dry_run: bool) -> bool:
        """Shows what is going to be done, before it is; under --dry-run that is the result, and True is returned."""
        if dry_run:
            self.result(document, lambda: self.lines(lines))
        else:
            self.notes(lines)
        return dry_run

    def write(self, text: str) -> None:
        """Text on stdout at once, as it is; characters that the terminal cannot show are replaced."""
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()

    def line(self, text: str = "") -> None:
        """A line of the result on stdout."""
        self.write(text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Lines of the result on stdout."""
        for text in texts:
            self.line(text)

    def note(self, text: str) -> None:
        """A remark on stderr, for a person who has not asked for quiet."""
        if self.mode is Mode.PERSON:
            print(text, file=sys.stderr, flush=True)

    def note_once(self, text: str) -> None:
        """As `note`, for a remark that the same command may come to again."""
        if text and text not in self._noted:
            self._noted.add(text)
            self.note(text)

    def notes(self, texts: Iterable[str]) -> None:
        """Remarks, one a line."""
        for text in texts:
            self.note(text)

    def aside(self, text: str) -> None:
        """A dim remark on stderr, on a terminal only."""
        if self.mode is Mode.PERSON and sys.stderr.isatty():
            print(dim(text), file=sys.stderr, flush=True)

    def error(self, sentence: str, next_step: str, code: int) -> None:
        """An error: a sentence and what to type next on stderr; under --json an object on stdout too."""
        if self.mode is Mode.JSON:
            self.write(
                json.dumps({"error": {"message": sentence, "next": next_step, "code": code}}, ensure_ascii=False) + "\n"
            )
            return
        print(sentence, file=sys.stderr)
        if next_step:
            print(f"Next: {next_step}", file=sys.stderr)

    def fall_short(self, sentence: str, next_step: str) -> NoReturn:
        """Ends a command whose result is printed and is not good enough: exit code 3."""
        if self.mode is not Mode.JSON:
            self.error(sentence, next_step, 3)
        sys.exit(3)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns on stdout; under --quiet the first column alone."""
        if self.mode is Mode.QUIET:
            for row in rows:
                self.line(row[0])
            return
        widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    @contextmanager
    def stages(self) -> Iterator[Stages]:
        """Progress bars on stderr for a person at a terminal, lines for a person elsewhere, else nothing."""
        from locoman.progress import quiet_stages

        if self.mode is not Mode.PERSON:
            yield quiet_stages
        elif not sys.stderr.isatty():
            yield self._titles
        else:
            with _bars() as bars:
                yield lambda title: _Bar(bars, title).update

    def _titles(self, title: str) -> Callable[[int, int | None, str], None]:
        from locoman.progress import no_progress

        self.note(title)
        return no_progress


class _Bar:
    """One bar that shows bytes with a rate, or counts with their unit, and the time left."""

    def __init__(self, bars: Bars, title: str) -> None:
        self._bars = bars
        self._task = bars.add_task(title, total=None, amount="", rate="")

    def update(self, done: int, total: int | None, unit: str) -> None:
        from locoman.sizes import megabytes

        self._bars.update(self._task, completed=done, total=total)
        speed = self._bars.tasks[self._bars.task_ids.index(self._task)].speed
        if unit == "bytes":
            rate = f"{megabytes(int(speed))}/s" if speed else ""
            amount = megabytes(done) if total is None else f"{megabytes(done)} of {megabytes(total)}"
        else:
            rate = f"{speed:.3g}/s" if speed else ""
            amount = f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"
        self._bars.update(self._task, amount=amount.strip(), rate=rate)


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
    )


def dim(text: str) -> str:
    """`text` in dim letters, unless NO_COLOR is set."""
    return text if os.environ.get("NO_COLOR") else f"\x1b[2m{text}\x1b[0m"
