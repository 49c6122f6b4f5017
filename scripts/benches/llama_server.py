"""A plain llama.cpp server with a base and LoRAs, as the host starts it but without a host: `python -m benches.llama_server`.

Reads one line of JSON from stdin, writes its address to stdout when it is ready, and ends when stdin closes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import psutil

from locoman.contracts import ServedAdapter, ServedBase
from locoman.engines.host.child import parameters_of
from locoman.engines.host.memory import cells_for
from locoman.engines.host.plan import LaunchPlan, PlannedFile, batch_of


class LlamaServer:
    """A running one: where it listens and what it takes."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self._process = process

    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self._process.pid).memory_info().rss)


@contextmanager
def llama_server(
    base: ServedBase, adapters: Sequence[ServedAdapter], slots: int, threads: int
) -> Iterator[LlamaServer]:
    """Starts it for the block; the adapters are numbered in their order."""
    model = PlannedFile.of(base.gguf)
    loras = tuple(PlannedFile.of(adapter.gguf) for adapter in adapters if adapter.gguf is not None)
    cells = cells_for(base.gguf, base.context)
    plan = LaunchPlan(model, base.chat_template, base.context, cells, slots, threads, loras, batch_of(model))
    command = [sys.executable, "-m", "benches.llama_server"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(asdict(plan)) + "\n")
        process.stdin.flush()
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"llama.cpp could not serve {base.gguf}")
        yield LlamaServer(url, process)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main() -> None:
    import xllamacpp

    parameters = parameters_of(xllamacpp, json.loads(sys.stdin.readline()) | {"key": ""})
    parameters.api_keys = []
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = xllamacpp.Server(parameters)
    print(server.listening_address, file=replies, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
