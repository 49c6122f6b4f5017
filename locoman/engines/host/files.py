"""Where a running host is found: run/host.json (address and key, mode 0600) and locks/host.lock (held = alive)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from locoman.documents import read_text
from locoman.errors import InvalidFile, StoreError
from locoman.store.atomic import mapped, write_atomic

_MAX_BYTES = 1 << 16
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """How a host is reached.

    `nonce` tells one host from the next; `pid` is for people; `started` in seconds since 1970; `foreground`: somebody runs
    it for others (`locoman serve`), so it is not ended to make room for another.
    """

    url: str
    key: str
    nonce: str
    version: str
    pid: int
    started: float
    foreground: bool = False


@dataclass(frozen=True, slots=True)
class HostFailure:
    """Why a host could not start, left for the process that wanted it."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class HostFiles:
    """The files of the host of one LOCOMAN_HOME."""

    run_dir: Path
    locks_dir: Path

    @property
    def address(self) -> Path:
        """HostAddress as JSON, there while a host is ready."""
        return self.run_dir / "host.json"

    @property
    def failure(self) -> Path:
        """HostFailure as JSON, there when the last start failed."""
        return self.run_dir / "host.failed.json"

    @property
    def output(self) -> Path:
        """What the host's process printed since its start: nothing, unless it crashed."""
        return self.run_dir / "host.out"

    @property
    def log(self) -> Path:
        """What the host's libraries had to say, bounded."""
        return self.run_dir / "host.log"

    @property
    def engine_log(self) -> Path:
        """What llama.cpp said, bounded."""
        return self.run_dir / "engine.log"

    @property
    def lock(self) -> Path:
        """Held by the host as long as it lives."""
        return self.locks_dir / "host.lock"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts or replaces a host."""
        return self.locks_dir / "host-start.lock"

    def create_folders(self) -> None:
        """Raises StoreError."""
        for folder in (self.run_dir, self.locks_dir):
            with mapped(folder):
                folder.mkdir(parents=True, exist_ok=True)

    def read_address(self) -> HostAddress | None:
        """The address left by the host; None if there is none or it cannot be read as one."""
        return _read(self.address, HostAddress)

    def write_address(self, address: HostAddress) -> None:
        """Publishes the address, readable for this user alone. Raises StoreError."""
        write_atomic(self.address, msgspec.json.encode(address), mode=0o600)

    def remove_address(self, nonce: str) -> None:
        """Removes the address if it is the one with this nonce."""
        address = self.read_address()
        if address is not None and address.nonce == nonce:
            self.address.unlink(missing_ok=True)

    def read_failure(self) -> HostFailure | None:
        """Why the last start failed, if it did."""
        return _read(self.failure, HostFailure)

    def write_failure(self, failure: HostFailure) -> None:
        """Raises StoreError."""
        write_atomic(self.failure, msgspec.json.encode(failure), mode=0o600)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(read_text(path, _MAX_BYTES), type=kind)
    except (InvalidFile, StoreError, msgspec.MsgspecError):
        return None
