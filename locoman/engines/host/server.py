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
from locoman.engines.host.answering import Answering
from locoman.engines.host.application import application
from locoman.engines.host.audience import Audience, Nobody
from locoman.engines.host.connection import timed_connection
from locoman.engines.host.desk import Desk
from locoman.engines.host.endpoints.service import Service
from locoman.engines.host.files import HostAddress, HostFailure, HostFiles
from locoman.engines.host.guard import Guard, is_loopback, own_names
from locoman.engines.host.launchers.chain import standard_chain
from locoman.engines.host.liveness import Liveness
from locoman.engines.host.logs import BoundedLog
from locoman.engines.host.metrics import Metrics
from locoman.engines.host.options import HostOptions
from locoman.errors import EngineUnavailable, LocomanError, StoreError
from locoman.store.atomic import mapped

_LOCK_PATIENCE = 2.0
"""Seconds: whoever looks whether a host lives holds its lock for an instant."""
_WATCH_SECONDS = 1.0
"""How often the host looks whether its address can still be found."""
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a server that listens on every address of the machine is reached from this one."""


def serve(source: LineupSource, run_dir: Path, options: HostOptions, audience: Audience | None = None) -> None:
    """Serves until stopped; must run in the main thread. `audience` is told when it answers, and of each request.

    Raises EngineUnavailable (another host serves this home, the port is taken) and StoreError; the reason is also left
    in the run folder for the process that waits for this host.
    """
    files = HostFiles(run_dir, options.locks_dir or run_dir.parent / "locks")
    files.create_folders()
    lock = FileLock(files.lock, timeout=_LOCK_PATIENCE)
    try:
        with lock:
            _serve_locked(source, files, options, audience or Nobody())
    except Timeout as error:
        raise EngineUnavailable(f"Another host already serves {run_dir.parent}.") from error


def _serve_locked(source: LineupSource, files: HostFiles, options: HostOptions, audience: Audience) -> None:
    files.failure.unlink(missing_ok=True)
    try:
        with _listen(options.host, options.port) as listener, _logging_to(files.log):
            asyncio.run(_run(source, files, options, listener, audience))
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


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that nobody is refused from now on. Raises EngineUnavailable."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise EngineUnavailable(f"{host!r} is no address of this machine.") from error
    # The protocol is named because asyncio switches Nagle's algorithm off (40 ms a write) only where it says TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # on Windows it would share a taken port
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise EngineUnavailable(f"Port {port} on {host} is taken or not allowed.") from error
        raise EngineUnavailable(f"No port could be opened on {host}: {error.strerror}.") from error
    return listener


async def _run(
    source: LineupSource, files: HostFiles, options: HostOptions, listener: socket.socket, audience: Audience
) -> None:
    address = _address(listener, options)
    liveness = Liveness(options.keep_alive)
    desk = Desk(
        source,
        standard_chain(files.run_dir, options),
        BoundedLog(files.engine_log),
        options,
    )
    metrics = Metrics()
    guard = _guard(address, options)
    service = Service(desk, address, liveness, metrics, Answering(desk, liveness, metrics), guard, options)
    server = _Server(
        uvicorn.Config(
            application(service, audience),
            http=timed_connection(options.head_seconds, options.write_seconds),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=options.connections,
            timeout_graceful_shutdown=2,
        )
    )
    _end_on_signals(liveness)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ending = asyncio.create_task(_until_end(liveness, desk, options.foreground))
    watching = asyncio.create_task(_keep_address(files, address))
    try:
        files.write_address(address)
        audience.ready(address.url)
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        files.remove_address(address.nonce)
        ending.cancel()
        await desk.close()
        server.should_exit = True
        await asyncio.wait([serving, ending, watching])
    for task in (serving, ending):
        with suppress(asyncio.CancelledError):
            task.result()


async def _until_end(liveness: Liveness, desk: Desk, foreground: bool) -> None:
    """Returns when the host has to end. In the foreground it only frees its memory when its time is up."""
    while await liveness.until_idle(lambda: desk.busy):
        if not foreground:
            return
        await desk.unload()


async def _keep_address(files: HostFiles, address: HostAddress) -> None:
    """Writes the address again when somebody deleted it: without it nobody finds this host, or may stop it."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        if files.read_address() is None:
            with suppress(StoreError):
                files.write_address(address)


def _address(listener: socket.socket, options: HostOptions) -> HostAddress:
    host, port = listener.getsockname()[:2]
    host = _ANYWHERE.get(host, host)
    return HostAddress(
        url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        key=secrets.token_urlsafe(32),
        nonce=secrets.token_hex(16),
        version=__version__,
        pid=os.getpid(),
        started=time.time(),
        foreground=options.foreground,
    )


def _guard(address: HostAddress, options: HostOptions) -> Guard:
    exposed = not is_loopback(options.host)
    names = frozenset(name.lower().rstrip(".") for name in options.names)
    return Guard(
        owner_key=address.key,
        client_key=address.key if options.client_key is None else options.client_key or None,
        names=names | own_names() if exposed else names,
        exposed=exposed,
    )
