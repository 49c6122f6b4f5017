"""The project's virtual environment in .venv: made when missing, renewed when pyproject.toml has changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
SUFFIX = ".exe" if os.name == "nt" else ""


def python() -> Path:
    """The interpreter of the environment."""
    return BIN / f"python{SUFFIX}"


def tool(name: str) -> str:
    """The path of a command in the environment."""
    return str(BIN / f"{name}{SUFFIX}")


def ready(extra: str = "") -> None:
    """Installs locoman and its dependencies (with the extra "dev", when asked) unless that was done for this pyproject.toml."""
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs the scripts may have an older one)
        sys.exit("locoman needs Python 3.11 or later.")
    stamp = VENV / f"ready{'-' + extra if extra else ''}"
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest and python().exists():
        return
    if not python().exists():
        print("Making a virtual environment in .venv ...", flush=True)
        venv.create(VENV, with_pip=True)
    what = f"{ROOT}[{extra}]" if extra else str(ROOT)
    print(f"Installing locoman{f' [{extra}]' if extra else ''} and what it needs ...", flush=True)
    command = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", what]
    if subprocess.run(command, check=False, cwd=ROOT).returncode:
        sys.exit("The installation failed; the lines above say why. Run the same command again to go on.")
    stamp.write_text(digest)
