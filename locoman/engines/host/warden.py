"""The process between the host and a llama-server: `python -m locoman.engines.host.warden`.

It reads one line of JSON from stdin ({"argv": [...], "environment": {...}}), runs that program, and writes {"pid": number} or
{"failed": why} as a line of JSON to stdout. What the program prints goes to our stderr. When stdin closes, which happens
when the host ends in whatever way, or the program ends, it is over for both. A llama-server has no such watch of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any, BinaryIO

from locoman.engines.host.launchers.jobs import die_with_parent, tie_to_us
from locoman.engines.host.spawn import no_window

_PATIENCE = 2.0


def main() -> int:
    """Returns the program's exit status, 1 if it could not be started."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    linux: dict[str, Any] = {"preexec_fn": die_with_parent} if sys.platform == "linux" else {}
    try:
        program = subprocess.Popen(
            order["argv"],
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            creationflags=no_window(),
            **linux,
        )
    except OSError as error:
        _reply({"failed": f"{order['argv'][0]} could not be started: {error.strerror or error}"})
        return 1
    tie_to_us(program.pid)
    _reply({"pid": program.pid})
    threading.Thread(target=_end_with, args=(sys.stdin.buffer, program), daemon=True).start()
    status = program.wait()
    return status if status >= 0 else 128 - status


def _reply(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with(stream: BinaryIO, program: subprocess.Popen[bytes]) -> None:
    while stream.read(1):
        pass
    program.terminate()
    try:
        program.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(main())
