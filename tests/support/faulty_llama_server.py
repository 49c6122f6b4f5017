"""A llama-server that goes wrong: the xllamacpp wheel behind llama-server's options, or one of the faults below.

What it does stands in the file `fault` beside the executable, read when it starts:

    ""          it serves, for real
    no memory   where GGML_BACKEND_PATH sends it to a GPU, that has no memory left; elsewhere it serves
    hang        it listens, takes requests, and never answers
    noise       it answers with bytes that are not HTTP
    nonsense    it answers with events that are not answers
    endless     it answers with a line that never ends
    half        it begins an answer, and falls silent
"""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Any

FAULTS = ("hang", "noise", "nonsense", "endless", "half")
_HELP = """--model --host --port --ctx-size --parallel --threads --batch-size --kv-unified --kv-unified-per-slot N --slots
--slot-save-path --jinja --chat-template --lora --lora-init-without-apply --api-key --gpu-layers"""
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def write_faulty_server(folder: Path, fault: str = "") -> Path:
    """An executable `llama-server` in `folder` (POSIX)."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "llama-server"
    place = str(Path(__file__).parents[1])
    binary.write_text(
        f"#!{sys.executable}\nimport sys; sys.path.insert(0, {place!r})\n"
        "from support.faulty_llama_server import main; main()\n"
    )
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    set_fault(binary, fault)
    return binary


def set_fault(binary: Path, fault: str) -> None:
    """What it does from its next start on."""
    (binary.parent / "fault").write_text(fault)


def main() -> None:
    """The program."""
    if "--help" in sys.argv:
        print(_HELP)
    elif "--list-devices" in sys.argv:
        print("Available devices:\n  CUDA0: a card (8192 MiB, 12 MiB free)")
    else:
        _run((Path(sys.argv[0]).parent / "fault").read_text())


def _run(fault: str) -> None:
    if fault == "no memory" and "GGML_BACKEND_PATH" in os.environ:
        print("0.00.123.456 E CUDA error: out of memory", file=sys.stderr, flush=True)
        os.abort()
    if fault in FAULTS:
        _misbehave(fault)
    import xllamacpp

    from locoman.engines.host.child import parameters_of

    server = xllamacpp.Server(parameters_of(xllamacpp, _plan()))
    print(f"server is listening on {server.listening_address}", file=sys.stderr, flush=True)
    threading.Event().wait()


def _plan() -> dict[str, Any]:
    """The options as the plan that they were made of."""

    def all_of(name: str) -> list[str]:
        return [value for option, value in zip(sys.argv, sys.argv[1:], strict=False) if option == name]

    numbers = {"context": "--kv-unified-per-slot", "cells": "--ctx-size", "slots": "--parallel", "threads": "--threads"}
    return {
        "model": {"path": all_of("--model")[0]},
        "chat_template": all_of("--chat-template")[0],
        **{field: int(all_of(option)[0]) for field, option in numbers.items()},
        "batch": int(all_of("--batch-size")[0]),
        "loras": [{"path": lora} for lora in all_of("--lora")],
        "key": os.environ["LLAMA_API_KEY"],
    }


def _misbehave(fault: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"listening on http://127.0.0.1:{server.getsockname()[1]}", file=sys.stderr, flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_spoil, args=(connection, fault), daemon=True).start()


def _spoil(connection: socket.socket, fault: str) -> None:
    request = connection.recv(1 << 16)
    if re.match(rb"POST /slots|POST /tokenize|POST /apply-template", request) and fault != "noise":
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}")
        connection.close()
        return
    try:
        if fault == "noise":
            connection.sendall(bytes(range(256)) * 40)
        elif fault == "nonsense":
            connection.sendall(_OK + b'data: {"choices": 7}\n\ndata: [1, 2\n\n')
        elif fault == "endless":
            while True:
                connection.sendall(_OK + b"data: " + b"x" * (1 << 16))
        elif fault == "half":
            connection.sendall(_OK + b'data: {"choices": [{"delta": {"content": "Well, "}}]}\n\n')
        if fault in ("hang", "half"):
            threading.Event().wait()
    except OSError:
        pass
    finally:
        connection.close()
