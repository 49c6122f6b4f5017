"""What machine this is, told without its name or anybody's."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from locoman.evaluation.selection.evidence import Machine


def this_machine() -> Machine:
    """Processor, physical cores, memory, system and its version."""
    import psutil

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    system = " ".join(part for part in (platform.system(), platform.release(), platform.machine()) if part)
    return Machine(_processor()[:200], cores, int(psutil.virtual_memory().total), system[:200])


def _processor() -> str:
    """The processor's name as its maker writes it, where the system tells it."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    elif sys.platform == "darwin":
        found = _output("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")
    else:
        found = platform.processor()
    return " ".join(found.split()) or platform.machine() or "unknown"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
