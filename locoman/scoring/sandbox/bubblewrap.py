"""A sandbox of Linux namespaces, made by bubblewrap (bwrap), the program that keeps Flatpak's applications apart.

Inside there is the system's /usr and this Python, read-only, four devices, and a temporary folder in memory; no network, no
process of anybody else, no environment, no /proc, no privilege and no way to get one. Limits are set by `launcher`, system
calls filtered by `seccomp`, what all processes use together is looked at by `watch`, and `warden` sees to the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

from locoman.errors import ScorerFailed
from locoman.scoring.sandbox import launcher, seccomp, warden
from locoman.scoring.sandbox.box import End, Limits, Outcome
from locoman.scoring.sandbox.watch import Watch

_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_OPEN_FILES = 64
_SIGXCPU = 24
_GRACE = 5.0
"""Seconds until what was killed must be gone."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Implements `Sandbox` with the program `bwrap`."""

    bwrap: Path

    def run(self, code: str, stdin: bytes = b"", limits: Limits = Limits()) -> Outcome:  # noqa: B008  (frozen)
        """See `Sandbox.run`."""
        token = secrets.token_hex(16)
        # Root is not held to a number of processes, so the program becomes a user that nobody else is.
        user = secrets.randbelow(1 << 30) + (1 << 30) if os.geteuid() == 0 else None
        order = {"code": code, "limits": _rlimits(limits), "user": user, "token": token}
        with contextlib.ExitStack() as stack:
            given = stack.enter_context(_in_memory(json.dumps(order).encode()))
            rules = stack.enter_context(_in_memory(seccomp.filter_program()))
            told, tell = (stack.enter_context(end) for end in _pipe())
            lifeline, held = (stack.enter_context(end) for end in _pipe())
            numbers = {name: file.fileno() for name, file in {"given": given, "tell": tell, "rules": rules}.items()}
            command = self._command(limits, user is not None, numbers)
            begun = time.monotonic()
            process = _started(command, lifeline.fileno(), tuple(numbers.values()))
            tell.close()
            watch = Watch(process, stdin, limits)
            with process:
                end = _until_gone(process, watch, held, limits)
            seconds = time.monotonic() - begun
            said = told.read()
        return _outcome(end, process.returncode, said, token.encode(), watch, seconds)

    def _command(self, limits: Limits, root: bool, files: dict[str, int]) -> list[str]:
        command = [str(self.bwrap), "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        if root:
            command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # the launcher needs them, and loses them
        else:
            command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        command += [
            "--hostname",
            "sandbox",
            "--clearenv",
            "--setenv",
            "PATH",
            "/usr/bin:/bin",
            "--setenv",
            "HOME",
            "/tmp",
        ]
        command += ["--setenv", "TMPDIR", "/tmp", "--setenv", "LANG", "C.UTF-8"]
        command += [*_system(), *_python(), *_folder("/dev")]
        for device in _DEVICES:
            command += ["--dev-bind", device, device]
        command += [
            "--perms",
            "1777",
            "--size",
            str(limits.disk),
            "--tmpfs",
            "/tmp",
            "--remount-ro",
            "/",
            "--chdir",
            "/tmp",
        ]
        command += ["--seccomp", str(files["rules"]), "--", *_python_text(launcher)]
        return [*command, str(files["given"]), str(files["tell"])]


def _started(command: list[str], lifeline: int, files: tuple[int, ...]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    environment = {"PATH": "/usr/bin:/bin"}
    try:
        return subprocess.Popen(
            [*_python_text(warden), str(lifeline), *command],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            pass_fds=(lifeline, *files),
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise ScorerFailed(f"The sandbox could not be started: {error}.") from error


def _until_gone(process: subprocess.Popen[bytes], watch: Watch, held: IO[bytes], limits: Limits) -> End | None:
    """Follows the program to its end, and ends it where it must; afterwards nothing of it is left. Raises ScorerFailed."""
    try:
        return watch.follow(limits.seconds)
    finally:
        held.close()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ScorerFailed("A program in the sandbox could not be ended.") from None


def _outcome(end: End | None, code: int, said: bytes, token: bytes, watch: Watch, seconds: float) -> Outcome:
    out, error = watch.out.decode(errors="replace"), watch.error.decode(errors="replace")
    if not said.startswith(b"+") and end is None:
        raise ScorerFailed(f"The sandbox could not be set up: {error.strip()[-500:] or f'bwrap ended with {code}'}.")
    if end is None and code - 128 == _SIGXCPU:
        end = "time"
    if end is not None:
        return Outcome(end, None, out, error, seconds)
    return Outcome("completed" if said[1:] == token else "exited", code, out, error, seconds)


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    hard = {
        "RLIMIT_AS": limits.memory,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_SIGPENDING": _OPEN_FILES,
    }
    return {name: (limit, limit) for name, limit in hard.items()} | {
        "RLIMIT_CPU": (limits.cpu_seconds, limits.cpu_seconds + 1)
    }


def _system() -> list[str]:
    """/usr, and what of the system stands beside it: links into /usr, or folders of their own on older systems."""
    arguments = ["--ro-bind", "/usr", "/usr", *_folder("/etc"), "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in _LINKS:
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    return arguments


def _python() -> list[str]:
    """This Python and its libraries, where they are not below /usr."""
    prefix = Path(sys.base_prefix).resolve()
    if prefix.is_relative_to("/usr"):
        return []
    here = [path for name in ("bin", "lib", "lib64") if (path := prefix / name).is_dir()]
    above = [str(path) for path in (*reversed(prefix.parents), prefix) if path != Path("/")]
    folders = [word for path in above for word in _folder(path)]
    return folders + [word for path in here for word in ("--ro-bind", str(path), str(path))]


def _folder(path: str) -> list[str]:
    """An empty folder that everybody may look into; one that bwrap makes on its own is closed to all but its owner."""
    return ["--perms", "0755", "--dir", path]


def _python_text(module: ModuleType) -> list[str]:
    """The command that runs a module's text, by the executable of this Python itself, not that of a virtual environment."""
    interpreter = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    return [str(interpreter), "-I", "-S", "-B", "-X", "utf8", "-c", text]


def _in_memory(data: bytes) -> IO[bytes]:
    """A file that is nowhere on disk, to be read from its beginning by whoever gets its number."""
    file = os.fdopen(os.memfd_create("locoman"), "w+b", 0)
    file.write(data)
    file.seek(0)
    return file


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)
