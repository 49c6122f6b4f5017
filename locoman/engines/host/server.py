"""`serve`: runs the host of one LOCOMAN_HOME in this process until it is stopped or nobody has asked for a while."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
import time
from contextlib import suppress
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
        with _listen(options.port) as listener:
            asyncio.run(_run(source, files, options, listener))
    except LocomanError as error:
        files.write_failure(HostFailure(type(error).__name__, str(error)))
        raise


def _listen(port: int) -> socket.socket:
    """A loopback socket that listens already, so that nobody is refused from now on. Raises EngineUnavailable."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
        threads=options.threads,
        queue_limit=options.queue_limit,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            Application(desk, address, liveness).asgi,
            http="h11",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
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
