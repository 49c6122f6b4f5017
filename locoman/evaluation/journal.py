"""A run on disk: evals/<run>/ with run.json (what is asked, written first), cases.jsonl (one line per finished case) and
result.json (the end, written last). A process killed anywhere goes on where it was: a line is with the operating system before
its case is counted, and on the disk within SYNC_SECONDS, so that a machine that loses its power loses no more than those."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile, StoreError
from locoman.evaluation.results import CaseResult
from locoman.store.atomic import mapped, write_atomic
from locoman.store.locks import held

HEADER, CASES, RESULT, LOCK = "run.json", "cases.jsonl", "result.json", "lock"
SYNC_SECONDS = 0.05
"""Lines of quick cases share one fsync, which takes as long as such a case."""
_MAX_HEADER_BYTES = 1 << 22
_MAX_RESULT_BYTES = 1 << 24
T = TypeVar("T")


class RunHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a run asks of whom. Runs with the same `key` would give the same answers, so one of them is enough.

    Args:
        adapter: "name@version"; "" for the plain base. adapter_digest: sha256 of its weights and prompt settings.
        base_fingerprint: "" for an engine that does not tell what it serves; then `engine` has its address.
        options: serial, limit and whatever else changes answers. versions: of locoman, Python and the engine.
        started: UTC, ISO 8601. suite_digest: see Suite.digest. total: cases that are asked.
    """

    format: int = 1
    run: str
    suite: str
    suite_digest: str
    suite_path: str = ""
    kind: str = "generate"
    scorer: str = "exact"
    model: str
    base: str
    base_fingerprint: str = ""
    adapter: str = ""
    adapter_digest: str = ""
    engine: str = ""
    total: int
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    machine: dict[str, Any] = msgspec.field(default_factory=dict)
    started: str = ""

    @property
    def key(self) -> str:
        """sha256, in hex, over base fingerprint, adapter, suite and options."""
        what = (
            self.base_fingerprint or f"{self.engine} {self.base}",
            self.model if self.model.endswith("auto") else "",
            self.adapter,
            self.adapter_digest,
            self.suite_digest,
            sorted(self.options.items()),
        )
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """result.json: a run that is finished; the engine's ways to run llama.cpp, and its memory at the end."""

    cases: int
    score: float
    ci95: tuple[float, float]
    metrics: dict[str, float]
    seconds: float
    finished: str
    launchers: tuple[str, ...] = ()
    memory_bytes: int = 0


class _Line(msgspec.Struct, frozen=True):
    """A line of cases.jsonl; `seconds` is the run's wall time up to it."""

    result: CaseResult
    seconds: float


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it lies on disk; `summary` None where it is not finished."""

    folder: Path
    header: RunHeader
    results: tuple[CaseResult, ...]
    seconds: float
    summary: RunSummary | None


class Journal:
    """One run's folder, held by one process. A `runner.Record`; use it as a context manager.

    Raises StoreBusy when another process writes this run, InvalidFile for a broken line that is not the last, StoreError.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        self.folder = folder
        self.header = header
        self._results: dict[int, CaseResult] = {}
        self._seconds = 0.0
        self._lock = ExitStack()
        self._file: BinaryIO | None = None
        self._syncing: _Syncing | None = None

    def __enter__(self) -> Journal:
        with ExitStack() as stack:
            stack.enter_context(held(self.folder / LOCK, self.folder))
            if not (self.folder / HEADER).exists():
                write_atomic(self.folder / HEADER, msgspec.json.format(msgspec.json.encode(self.header)) + b"\n")
            path = self.folder / CASES
            lines, whole = _read_lines(path)
            for line in lines:
                self._results[line.result.case] = line.result
                self._seconds = line.seconds
            with mapped(path):
                self._file = path.open("ab")
                if self._file.tell() > whole:  # the line that was being written when the process was killed
                    self._file.truncate(whole)
                self._syncing = _Syncing(self._file.fileno())
            self._lock = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            with mapped(self.folder / CASES):
                if self._syncing is not None:
                    self._syncing.close()
        finally:
            if self._file is not None:
                self._file.close()
            self._lock.close()

    @property
    def done(self) -> Mapping[int, CaseResult]:
        """See `runner.Record`."""
        return self._results

    @property
    def seconds(self) -> float:
        """See `runner.Record`."""
        return self._seconds

    def add(self, result: CaseResult, seconds: float) -> None:
        """Appends a line. Raises StoreError, also for an earlier line that could not be brought to the disk."""
        if self._file is None or self._syncing is None:
            raise StoreError(self.folder, "the run is not open")
        line = msgspec.json.encode(_Line(result, seconds)) + b"\n"
        with mapped(self.folder / CASES):
            self._file.write(line)
            self._file.flush()
            self._syncing.soon()
        self._results[result.case] = result
        self._seconds = seconds

    def finish(self, summary: RunSummary) -> None:
        """The run is whole. Raises StoreError."""
        with mapped(self.folder / CASES):
            if self._file is not None:
                os.fsync(self._file.fileno())
        write_atomic(self.folder / RESULT, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")


class _Syncing:
    """Brings to the disk what was written to a file, in a thread of its own."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._written = threading.Event()
        self._ended = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Something was written. Raises the OSError of an earlier time."""
        self._written.set()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Waits until everything is on the disk. Raises OSError."""
        self._ended.set()
        self._written.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._written.wait()
                self._written.clear()
                os.fsync(self._handle)
                self._ended.wait(SYNC_SECONDS)
            os.fsync(self._handle)
        except OSError as error:
            self._error = error


def read_run(folder: Path) -> StoredRun:
    """A run, finished or not. Raises InvalidFile, StoreError."""
    header = _read(folder / HEADER, RunHeader)
    lines, _ = _read_lines(folder / CASES)
    results = {line.result.case: line.result for line in lines}
    summary = _read(folder / RESULT, RunSummary) if (folder / RESULT).exists() else None
    ordered = tuple(results[case] for case in sorted(results))
    return StoredRun(folder, header, ordered, lines[-1].seconds if lines else 0.0, summary)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_text(path, _MAX_HEADER_BYTES).encode(), type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidFile(path, f"it cannot be a run's: {error}") from error


def _read_lines(path: Path) -> tuple[list[_Line], int]:
    """The whole lines, and how many bytes they take; what follows them was torn by a kill."""
    lines: list[_Line] = []
    whole = 0
    if not path.exists():
        return lines, 0
    with mapped(path), path.open("rb") as file:
        number = 0
        while data := file.readline(_MAX_RESULT_BYTES):
            number += 1
            last = not data.endswith(b"\n")
            try:
                lines.append(msgspec.json.decode(data, type=_Line))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                if last or not file.read(1):
                    break
                raise InvalidFile(path, f"no result of a case: {error}", line=number) from error
            if last:  # whole, but for its end
                lines.pop()
                break
            whole += len(data)
    return lines, whole
