"""A host on a base of the bench's own, as a process, in a LOCOMAN_HOME of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.tiny_home import TinyHome, shut

from benches.asking import Client
from locoman.contracts import ServedBase


@contextmanager
def running_host(folder: Path, base: ServedBase, **options: Any) -> Iterator[TinyHome]:
    """A host that serves `base`, started and with the model in memory; `options` are HostOptions'."""
    folder.mkdir(parents=True)
    home = TinyHome(folder, base, {}, {"keep_alive": 900.0, **options})
    try:
        with client(home) as asking:
            asking.ask("hello", model="base", max_tokens=1)
        yield home
    finally:
        shut(home)


def client(home: TinyHome) -> Client:
    """A client of the host."""
    address = home.ensure()
    return Client(address.url, address.key)
