"""How a host runs; what it serves comes from its LineupSource."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.engines.host.slots import MAX_SLOTS


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Settings of one host.

    port: 0 = any free one. keep_alive: seconds without a request after which it ends; None = never. threads: CPU
    threads of the engine; 0 = one per physical core. queue_limit: requests that may wait. max_slots: conversations
    of different adapters whose KV is kept. load_timeout: seconds a base may take to load. locks_dir: None = locks/
    beside the run folder.
    """

    port: int = 0
    keep_alive: float | None = 300.0
    threads: int = 0
    queue_limit: int = 64
    max_slots: int = MAX_SLOTS
    load_timeout: float = 600.0
    locks_dir: Path | None = None
