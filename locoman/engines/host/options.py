"""How a host runs; what it serves comes from its LineupSource."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Settings of one host.

    host: address to listen on. port: 0 = any free one. client_key: what clients must send; None = this user's own key,
    "" = none. names: host names besides the loopback's by which clients may call. foreground: runs for others, does not
    end by itself, and is not replaced. keep_alive: seconds without a request after which it ends (in the foreground:
    frees its memory); None = never. threads: CPU threads of the engine; 0 = one per physical core. queue_limit: requests
    that may wait. max_slots: conversations whose KV is kept, and requests of one adapter that are answered together.
    burst: requests that may overtake one which waits for another adapter. serial: one request at a time, each evaluated
    from its beginning, so that equal questions get equal answers to the last byte. memory: bytes for all bases and
    adapters together; 0 = what the machine has. launcher: "auto" = the best way to run llama.cpp that works, or the only
    one to be tried: "xllamacpp", "llama-server", "ollama". ollama: Ollama's command if it is not where it usually is.
    load_timeout: seconds a base may take to load. locks_dir: None = locks/ beside the run folder. max_body_bytes,
    body_seconds, head_seconds, write_seconds, connections: how large a request may be, how long its body and its head may
    take to arrive, how long a client may take nothing of what is sent to it, how many connections there may be.
    """

    host: str = "127.0.0.1"
    port: int = 0
    client_key: str | None = None
    names: tuple[str, ...] = ()
    foreground: bool = False
    keep_alive: float | None = 300.0
    threads: int = 0
    queue_limit: int = 64
    max_slots: int = 32
    burst: int = 32
    serial: bool = False
    memory: int = 0
    launcher: str = "auto"
    ollama: Path | None = None
    load_timeout: float = 600.0
    locks_dir: Path | None = None
    max_body_bytes: int = 8_000_000
    body_seconds: float = 60.0
    head_seconds: float = 15.0
    write_seconds: float = 60.0
    connections: int = 512
