"""A LOCOMAN_HOME of its own for a benchmark, with loco-tiny and all of its adapters in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def locoman(home: Path, *arguments: str) -> list[str]:
    """The command line of a locoman in `home`."""
    return [sys.executable, "-m", "locoman", *arguments, "--home", str(home)]


@contextmanager
def tiny_home() -> Iterator[Path]:
    """Installs loco-tiny; its host is stopped at the end."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOCOMAN_")}
    with tempfile.TemporaryDirectory(prefix="locoman-bench-") as folder:
        home = Path(folder)
        install = locoman(home, "install", "--base", "loco-tiny", "--yes", "--quiet", "--no-check")
        subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)
        try:
            yield home
        finally:
            subprocess.run(locoman(home, "stop", "--quiet"), check=True, env=environment, stdout=subprocess.DEVNULL)
