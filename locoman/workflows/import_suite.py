"""Takes over a suite that somebody else wrote."""

from __future__ import annotations

from pathlib import Path

from locoman.errors import InvalidFile, LocomanError, UsageError
from locoman.evaluation.importing import Imported, import_suite
from locoman.evaluation.suite_file import read_suite
from locoman.evaluation.writing import write_suite
from locoman.names import check_name


def import_into(
    folder: Path,
    path: Path,
    name: str = "",
    *,
    shape: str = "",
    data: Path | None = None,
    examples: Path | None = None,
    scorer: str = "",
) -> tuple[Path, Imported]:
    """Writes the suite in `path` into `folder`, and reads it back as any other; returns its TOML.

    Raises UsageError where there is a suite of that name, InvalidFile, Unsupported, StoreError.
    """
    if name:
        check_name(name, "a suite")
    imported = import_suite(path, name or _stem(path), shape=shape, data=data, examples=examples, scorer=scorer)
    there = folder / f"{imported.suite.name}.toml"
    if there.exists():
        raise UsageError(f"There is a suite called {imported.suite.name} in {folder}; take another name with --name.")
    made = write_suite(imported.suite, folder)
    try:
        read_suite(made)
    except LocomanError:
        made.unlink()  # what lies beside it means nothing without it
        raise
    return made, imported


def _stem(path: Path) -> str:
    """The file's name as a suite's; "" for a task, which has a name of its own. Raises InvalidFile."""
    if path.suffix in (".yaml", ".yml"):
        return ""
    stem = path.name.partition(".")[0].lower().replace(" ", "-")
    try:
        return check_name(stem, "a suite")
    except LocomanError as error:
        raise InvalidFile(path, f"{str(error).rstrip('.')}; give it one with --name") from error
