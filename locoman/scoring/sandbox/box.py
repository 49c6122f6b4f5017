"""What a sandbox promises, whichever way it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

MIB = 1 << 20

End = Literal["completed", "exited", "time", "output", "memory", "files"]
"""How a run ended: the program ran to its last line; it ended before (by an error, by itself, by a signal); or it was ended
because it took more wall time, wrote more, held more memory or made more files than allowed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use, all its processes together unless it says otherwise.

    `seconds` is wall time; `cpu_seconds` and `file_bytes` hold for each process and each file; `memory` and `disk` are in
    bytes, `output` in bytes of standard output and standard error together; `processes` counts threads too.
    """

    seconds: float = 10.0
    cpu_seconds: int = 10
    memory: int = 512 * MIB
    processes: int = 32
    disk: int = 32 * MIB
    files: int = 4096
    file_bytes: int = 16 * MIB
    output: int = 1 * MIB


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a program; `code` as a shell would tell it (128 and more: a signal), None when it was ended."""

    end: End
    code: int | None
    stdout: str
    stderr: str
    seconds: float


class Sandbox(Protocol):
    """Runs Python programs with the standard library, no network, no files but a temporary folder, and limits."""

    def run(self, code: str, stdin: bytes = b"", limits: Limits = Limits()) -> Outcome:
        """Returns when nothing of the program is left. Raises ScorerFailed when the sandbox itself fails."""
        ...
