"""The process that holds the model: `python -m locoman.engines.host.child`.

It reads one line of JSON from stdin (the fields of `plan.LaunchPlan` and a key), starts llama.cpp's server from the
xllamacpp wheel on a loopback port, and writes one line of JSON to stdout: {"ready": url}, {"failed": why} or
{"missing": why}. Then it serves until stdin closes, which happens when the host ends in whatever way; on Linux the
kernel also kills it with the host. It runs apart from the host because llama.cpp aborts the process it lives in when
something goes badly wrong.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from typing import Any, BinaryIO

from locoman.engines.host.launchers.jobs import die_with_parent


def main() -> int:
    """Serves until stdin closes; returns the exit status if it never came so far."""
    replies = _take_stdout()
    die_with_parent()
    plan = json.loads(sys.stdin.buffer.readline())
    watcher = threading.Thread(target=_exit_at_end_of, args=(sys.stdin.buffer,), daemon=True)
    watcher.start()
    try:
        import xllamacpp
    except ImportError as error:
        _reply(replies, {"missing": str(error)})
        return 1
    try:
        server = xllamacpp.Server(parameters_of(xllamacpp, plan))
    except (RuntimeError, ValueError, OSError) as error:
        _reply(replies, {"failed": str(error)})
        return 1
    _reply(replies, {"ready": server.listening_address})
    watcher.join()
    return 0


def parameters_of(xllamacpp: Any, plan: dict[str, Any]) -> Any:
    """llama.cpp's parameters for a plan. Why the caches are off: `scheduler.py`."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = plan["model"]["path"]
    # Most weights are repacked on the way: a map of the file would be a second copy.
    parameters.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    parameters.chat_template = plan["chat_template"]
    parameters.use_jinja = True
    parameters.force_pure_content_parser = True
    parameters.n_ctx = plan["cells"]
    parameters.kv_unified_per_slot = plan["context"]
    parameters.n_batch = plan["batch"]  # a sign of life after each
    parameters.sse_ping_interval = -1  # pings come from a thread that knows nothing of the engine's health
    parameters.fit_params = False
    parameters.n_parallel = plan["slots"]
    parameters.kv_unified = True
    parameters.cache_idle_slots = False
    parameters.cache_ram_mib = 0
    parameters.n_ctx_checkpoints = 0
    parameters.lora_init_without_apply = True
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(lora["path"], 0.0) for lora in plan["loras"]]
    parameters.cpuparams.n_threads = plan["threads"]
    parameters.cpuparams_batch.n_threads = plan["threads"]
    parameters.warmup = False
    parameters.verbosity = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [plan["key"]]
    parameters.ui = False
    parameters.endpoint_slots = True
    parameters.slot_save_path = tempfile.gettempdir()  # nothing is saved, but without it slots cannot be erased
    return parameters


def _take_stdout() -> BinaryIO:
    """Stdout for our replies alone: what native code prints there goes to stderr from now on."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def _reply(replies: BinaryIO, message: dict[str, str]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
    replies.flush()


def _exit_at_end_of(stream: BinaryIO) -> None:
    while stream.read(1):
        pass
    os._exit(0)  # at once: there is nothing to save, and llama.cpp may be in the middle of an answer


if __name__ == "__main__":
    sys.exit(main())
