"""Finds the host of a LOCOMAN_HOME, starts it when there is none, stops it.

A host lives exactly as long as it holds locks/host.lock. Only whoever holds locks/host-start.lock may start one, so of
many that want one at the same time one starts it and the others find it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from locoman import __version__
from locoman.engines.host.files import HostAddress, HostFiles
from locoman.engines.host.spawn import spawn_detached
from locoman.errors import EngineUnavailable, StoreError

_POLL = 0.02
_STOP_SECONDS = 15.0
_GREETING = httpx.Timeout(5.0, connect=2.0)


def find_host(run_dir: Path, locks_dir: Path) -> HostAddress | None:
    """The host that answers now, of whatever version; None if there is none. Takes a few milliseconds."""
    address = HostFiles(run_dir, locks_dir).read_address()
    return address if address is not None and _answers(address) else None


def ensure_host(run_dir: Path, locks_dir: Path, argv: Sequence[str], timeout: float = 60.0) -> HostAddress:
    """The host that answers now, started with `argv` if there is none; one of another version is replaced.

    Raises EngineUnavailable with the reason when it does not come up within `timeout` seconds, StoreError.
    """
    address = find_host(run_dir, locks_dir)
    if address is not None and address.version == __version__:
        return address
    files = HostFiles(run_dir, locks_dir)
    deadline = time.monotonic() + _STOP_SECONDS
    with _start_lock(files, deadline):
        address = _settled(files, deadline)
        if address is not None and address.version == __version__:
            return address
        if address is not None and address.foreground:
            raise EngineUnavailable(f"The host at {address.url} is of version {address.version}: start it anew.")
        if address is not None:
            _stop(files, address, deadline)
        files.failure.unlink(missing_ok=True)
        return _await(files, spawn_detached(argv, files.output), deadline)


def stop_host(run_dir: Path, locks_dir: Path) -> bool:
    """Ends the host and waits until it is gone; False if none was running. Raises EngineUnavailable, StoreError."""
    files = HostFiles(run_dir, locks_dir)
    if not files.lock.exists():
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    with _start_lock(files, deadline):
        address = _settled(files, deadline)
        if address is None:
            return False
        _stop(files, address, deadline)
        return True


def make_room(run_dir: Path, locks_dir: Path) -> None:
    """Ends the host that runs in the background, if one does. Raises EngineUnavailable for one in the foreground."""
    address = find_host(run_dir, locks_dir)
    if address is not None and address.foreground:
        raise EngineUnavailable(f"This home is served already, at {address.url}.")
    stop_host(run_dir, locks_dir)


def _settled(files: HostFiles, deadline: float) -> HostAddress | None:
    """The address of the living host, None when none lives; waits for one that is starting or ending.

    Raises EngineUnavailable for one that lives and does not answer.
    """
    while True:
        address = files.read_address()
        if address is not None and _answers(address):
            return address
        if not _alive(files):
            return None
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"The host that holds {files.lock} does not answer.")
        time.sleep(_POLL)


def _await(files: HostFiles, process: subprocess.Popen[bytes], deadline: float) -> HostAddress:
    """The address of the host that was just started, when it answers. Raises EngineUnavailable."""
    while True:
        ended = process.poll() is not None
        address = files.read_address()
        if address is not None and address.version == __version__ and _answers(address):
            return address
        if ended:
            raise EngineUnavailable(_last_words(files))
        if time.monotonic() > deadline:
            process.kill()
            raise EngineUnavailable(f"The host did not come up in time; see {files.output}.")
        time.sleep(_POLL)


def _last_words(files: HostFiles) -> str:
    """Why a host ended before it was ready: the sentence it left, else the last line it printed."""
    failure = files.read_failure()
    if failure is not None:
        return failure.message
    try:
        lines = files.output.read_text("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"The host ended before it was ready: {last.rstrip('.')}."


def _stop(files: HostFiles, address: HostAddress, deadline: float) -> None:
    """Asks the host to end and waits until it let go of its lock."""
    headers = {"Authorization": f"Bearer {address.key}"}
    try:
        with _client(address.url) as client:
            client.post("/locoman/v1/stop", headers=headers).raise_for_status()
    except httpx.HTTPError as error:
        if _alive(files):
            raise EngineUnavailable(f"The host at {address.url} refuses to stop: {error}.") from error
    while _alive(files):
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"The host at {address.url} was told to stop and is still there.")
        time.sleep(_POLL)


def _answers(address: HostAddress) -> bool:
    """Whether the very host that left this address answers there; a stranger on its port is told nothing."""
    try:
        with _client(address.url) as client:
            document = client.get("/health").json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(document, dict) and document.get("nonce") == address.nonce


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_GREETING, verify=False, trust_env=False)


def _alive(files: HostFiles) -> bool:
    """Whether a host holds its lock. Only for holders of the start lock: it takes the lock for an instant."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(files.lock, timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def _start_lock(files: HostFiles, deadline: float) -> Iterator[None]:
    """Raises EngineUnavailable when somebody else holds it until the deadline, StoreError when it cannot be made."""
    from filelock import FileLock, Timeout

    files.create_folders()
    lock = FileLock(files.start_lock, timeout=max(0.0, deadline - time.monotonic()))
    try:
        lock.acquire()
    except Timeout as error:
        raise EngineUnavailable("Another locoman has been starting the host for too long.") from error
    except OSError as error:
        raise StoreError(files.start_lock, (error.strerror or str(error)).lower()) from error
    try:
        yield
    finally:
        lock.release()
