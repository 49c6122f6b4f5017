"""Starts a process that outlives the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path

import locoman
from locoman.errors import EngineUnavailable
from locoman.store.atomic import mapped


def spawn_detached(argv: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Runs `argv` without a terminal, in a session of its own and away from any folder of the user's.

    What it prints goes to `output`, emptied first. Raises EngineUnavailable, StoreError.
    """
    with mapped(output), output.open("wb") as log:
        output.chmod(0o600)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=output.absolute().anchor,
                env=_environment(),
                creationflags=_creation_flags(),
                start_new_session=True,  # has no meaning on Windows and does no harm there
            )
        except OSError as error:
            raise EngineUnavailable(f"{argv[0]} could not be started: {error.strerror or error}.") from error
    # Somebody has to collect its exit status if it ends while we live.
    threading.Thread(target=process.wait, name="host-reaper", daemon=True).start()
    return process


def _environment() -> dict[str, str]:
    """Ours, and where locoman is imported from if that is a checkout found only through the current folder."""
    root = str(Path(locoman.__file__).resolve().parents[1])
    if root in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return dict(os.environ)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{known}{os.pathsep}{root}" if known else root}


def no_window() -> int:
    """Creation flags under which a process opens no console window on Windows; nothing elsewhere."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0
