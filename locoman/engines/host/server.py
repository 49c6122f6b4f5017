"""`serve`: runs the host of one LOCOMAN_HOME in this process until it is stopped or nobody has asked for a while."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from locoman import __version__
from locoman.contracts import LineupSource
from locoman.engines.host.application import Application
from locoman.engines.host.desk import Desk
from locoman.engines.host.files import HostAddress, HostFailure, HostFiles
from locoman.engines.host.launch import XllamacppLauncher
from locoman.engines.host.liveness import Liveness
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.options import HostOptions
from locoman.errors import EngineUnavailable, LocomanError
from locoman.store.atomic import mapped

_LOOPBACK = "127.0.0.1"
_LOCK_PATIENCE = 2.0
"""Seconds: whoever looks whether a host lives holds its lock for an instant."""


def serve(source: LineupSource, run_dir: Path, options: HostOptions) -> None:
    """Serves until stopped; must run in the main thread.

    Raises EngineUnavailable (another host serves this home, the port is taken) and StoreError; the reason is also left
    in the run folder for the process that waits for this host.
    """
    files = HostFiles(run_dir, options.locks_dir or run_dir.parent / "locks")
    files.create_folders()
    lock = FileLock(files.lock, timeout=_LOCK_PATIENCE)
    try:
        with lock:
            _serve_locked(source, files, options)
    except Timeout as error:
        raise EngineUnavailable(f"Another host already serves {run_dir.parent}.") from error


def _serve_locked(source: LineupSource, files: HostFiles, options: HostOptions) -> None:
    files.failure.unlink(missing_ok=True)
    try:
        with _listen(options.port) as listener, _logging_to(files.log):
            asyncio.run(_run(source, files, options, listener))
    except LocomanError as error:
        files.write_failure(HostFailure(type(error).__name__, str(error)))
        raise


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again when it is done, before we have cleaned up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def _end_on_signals(liveness: Liveness) -> None:
    """Makes the signals that ask a process to end stop the host as `locoman stop` does."""
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: loop.call_soon_threadsafe(liveness.stop))


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Sends what libraries log, from warnings on, into a file of bounded size. Raises StoreError."""
    with mapped(path):
        handler = RotatingFileHandler(path, maxBytes=1 << 18, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _listen(port: int) -> socket.socket:
    """A loopback socket that listens already, so that nobody is refused from now on. Raises EngineUnavailable."""
    # The protocol is named because asyncio switches Nagle's algorithm off (40 ms a write) only where it says TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # on Windows it would share a taken port
        listener.bind((_LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise EngineUnavailable(f"Port {port} on {_LOOPBACK} is taken or not allowed.") from error
        raise EngineUnavailable(f"No port could be opened on {_LOOPBACK}: {error.strerror}.") from error
    return listener


async def _run(source: LineupSource, files: HostFiles, options: HostOptions, listener: socket.socket) -> None:
    address = HostAddress(
        url=f"http://{_LOOPBACK}:{listener.getsockname()[1]}",
        key=secrets.token_urlsafe(32),
        nonce=secrets.token_hex(16),
        version=__version__,
        pid=os.getpid(),
        started=time.time(),
    )
    liveness = Liveness(options.keep_alive)
    desk = Desk(
        source,
        XllamacppLauncher(options.load_timeout),
        BoundedLog(files.engine_log),
        options,
    )
    server = _Server(
        uvicorn.Config(
            Application(desk, address, liveness).asgi,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    _end_on_signals(liveness)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ending = asyncio.create_task(liveness.until_end(lambda: desk.busy))
    try:
        files.write_address(address)
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        files.remove_address(address.nonce)
        ending.cancel()
        await desk.close()
        server.should_exit = True
        await asyncio.wait([serving, ending])
    with suppress(asyncio.CancelledError):
        serving.result()
