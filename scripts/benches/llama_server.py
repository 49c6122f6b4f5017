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

import psutil

from locoman.contracts import ServedAdapter, ServedBase


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
    plan = {
        "model": str(base.gguf), "chat_template": base.chat_template, "context": base.context, "slots": slots,
        "loras": [str(adapter.gguf) for adapter in adapters], "threads": threads,
    }  # fmt: skip
    command = [sys.executable, "-m", "benches.llama_server"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(plan) + "\n")
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

    plan = json.loads(sys.stdin.readline())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = plan["model"]
    parameters.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    parameters.chat_template = plan["chat_template"]
    parameters.use_jinja = True
    parameters.force_pure_content_parser = True
    parameters.n_ctx = plan["context"]
    parameters.fit_params = False
    parameters.n_parallel = plan["slots"]
    parameters.kv_unified = True
    parameters.cache_idle_slots = False
    parameters.cache_ram_mib = 0
    parameters.n_ctx_checkpoints = 0
    parameters.lora_init_without_apply = True
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in plan["loras"]]
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = plan["threads"]
    parameters.warmup = False
    parameters.verbosity = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.ui = False
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = xllamacpp.Server(parameters)
    print(server.listening_address, file=replies, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
