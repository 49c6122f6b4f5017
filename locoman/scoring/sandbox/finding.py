"""Finds out whether this machine can keep a program in a sandbox, by running one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from locoman.errors import MissingPrerequisite, ScorerFailed
from locoman.scoring.sandbox.box import Sandbox

_INSTALL = "sudo apt install bubblewrap   (Fedora: sudo dnf install bubblewrap; Arch: sudo pacman -S bubblewrap)"
_NAMESPACES = (
    "see what bwrap said; on Ubuntu 24.04 and later: sudo apt install apparmor-profiles, then "
    "sudo ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ and reload AppArmor"
)
_WHAT = "Code that a model wrote is run in a sandbox only"


def open_sandbox() -> Sandbox:
    """A sandbox that has been tried. Raises MissingPrerequisite where there can be none, with what to install."""
    if not sys.platform.startswith("linux"):
        remedy = "wsl --install, and locoman inside it" if sys.platform == "win32" else "run this in a Linux machine"
        raise MissingPrerequisite(f"{_WHAT}, which needs Linux; this is {sys.platform}.", remedy)
    from locoman.scoring.sandbox import seccomp
    from locoman.scoring.sandbox.bubblewrap import Bubblewrap

    if not seccomp.known_machine():
        raise MissingPrerequisite(f"{_WHAT}, and there is none for this kind of processor.")
    found = shutil.which("bwrap")
    if found is None:
        raise MissingPrerequisite(f"{_WHAT}, which is made by bubblewrap, and that is not installed.", _INSTALL)
    if "--size" not in _help(found):
        raise MissingPrerequisite(f"{_WHAT}, and this bubblewrap is too old for it: 0.7 or later is needed.", _INSTALL)
    sandbox = Bubblewrap(Path(found))
    try:
        outcome = sandbox.run("print(6 * 7)")
    except ScorerFailed as error:
        raise MissingPrerequisite(f"{_WHAT}, and here it does not work. {error}", _NAMESPACES) from error
    if outcome.end != "completed" or outcome.stdout != "42\n":
        detail = outcome.stderr.strip()[-300:] or f"a trial program ended with {outcome.end}"
        raise MissingPrerequisite(f"{_WHAT}, and here it does not work: {detail}.", _NAMESPACES)
    return sandbox


def _help(bwrap: str) -> str:
    try:
        return subprocess.run([bwrap, "--help"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
