"""The engine of a laptop: our own host, started when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from locoman.contracts import Chunk, Request, Residency
from locoman.engines.host.discover import ensure_host, find_host, stop_host
from locoman.engines.openai import OpenAIEngine
from locoman.errors import EngineUnavailable


class LocalEngine:
    """Answers through the host of one LOCOMAN_HOME; implements contracts.Engine. Several threads may use it.

    Args:
        run_dir: where the host leaves its address.
        locks_dir: where it holds its lock.
        argv: the command that runs the host in the foreground.
        timeout: seconds in which it must come up (without the model, which loads with the first question).
    """

    def __init__(self, run_dir: Path, locks_dir: Path, argv: Sequence[str], timeout: float = 60.0) -> None:
        self._run_dir = run_dir
        self._locks_dir = locks_dir
        self._argv = tuple(argv)
        self._timeout = timeout
        self._engine: OpenAIEngine | None = None
        self._nonce = ""
        self._lock = threading.Lock()

    def chat(self, request: Request) -> Iterator[Chunk]:
        """See contracts.Engine. Also raises StoreError when the host's files cannot be written."""
        chunks = self._connected().chat(request)
        try:
            first = next(chunks)
        except EngineUnavailable:
            if find_host(self._run_dir, self._locks_dir) is not None:
                raise
            chunks = self._connected().chat(request)  # its time was up just as we asked
            first = next(chunks)
        yield first
        yield from chunks

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        """See contracts.Engine. Also raises StoreError when the host's files cannot be written."""
        try:
            return self._connected().choose(request, options)
        except EngineUnavailable:
            if find_host(self._run_dir, self._locks_dir) is not None:
                raise
            return self._connected().choose(request, options)  # its time was up just as we asked

    def resident(self) -> Residency | None:
        """What the host holds; None when none runs. Starts nothing."""
        address = find_host(self._run_dir, self._locks_dir)
        if address is None:
            return None
        engine = OpenAIEngine(address.url, address.key)
        try:
            return engine.resident()
        finally:
            engine.close()

    def stop(self) -> bool:
        """Ends the host; False if none was running. Raises EngineUnavailable, StoreError."""
        self.close()
        return stop_host(self._run_dir, self._locks_dir)

    def close(self) -> None:
        """Closes the connection; the host lives on."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _connected(self) -> OpenAIEngine:
        """The client of the host that runs now; it may be another one than last time."""
        with self._lock:
            address = ensure_host(self._run_dir, self._locks_dir, self._argv, self._timeout)
            if self._engine is None or address.nonce != self._nonce:
                self.close()
                self._engine = OpenAIEngine(address.url, address.key)
                self._nonce = address.nonce
            return self._engine
