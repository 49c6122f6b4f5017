"""Runs a script of ours that handles what a stranger wrote, in a process of its own that may be ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_script(script: Path, question: str, seconds: float) -> str:
    """What `script` writes to standard output when it reads `question`. It finds nothing of locoman's folder on its path.

    Raises TimeoutError after `seconds`, ChildProcessError when it ends in any other way than well.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-P", str(script)],
            input=question, capture_output=True, encoding="utf-8", timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    if child.returncode != 0:
        raise ChildProcessError(child.stderr)
    return child.stdout
