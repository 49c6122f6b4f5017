"""What a program in the sandbox has, what is told of it, and what is said where there can be no sandbox."""

from __future__ import annotations

import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from locoman.errors import MissingPrerequisite, ScorerFailed
from locoman.scoring.sandbox import Limits, Sandbox, finding, open_sandbox, seccomp


def test_a_program_gets_its_input_and_its_output_comes_back(sandbox: Sandbox) -> None:
    outcome = sandbox.run("import sys\nprint(sys.stdin.read().upper())\nprint('ä', file=sys.stderr)", "größe".encode())
    assert (outcome.end, outcome.code, outcome.stdout, outcome.stderr) == ("completed", 0, "GRÖSSE\n", "ä\n")


def test_much_input_and_output_do_not_wait_for_each_other(sandbox: Sandbox) -> None:
    text = b"x" * 900_000
    outcome = sandbox.run(
        "import sys\nfor _ in range(9): sys.stdout.write(sys.stdin.read(100_000))", text, Limits(seconds=60)
    )
    assert len(outcome.stdout) == len(text)


@pytest.mark.parametrize(
    ("code", "end", "status", "error"),
    [
        ("x = 1", "completed", 0, ""),
        ("1 / 0", "exited", 1, "ZeroDivisionError"),
        ("def f(:", "exited", 1, "SyntaxError"),
        ("import sys; sys.exit(3)", "exited", 3, ""),
        ("import sys; sys.exit(0)", "exited", 0, ""),
        ("import os; os._exit(0)", "exited", 0, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exited", 137, ""),
        ("import threading; threading.Thread(target=print).start()", "completed", 0, ""),
        (
            "import asyncio, subprocess; subprocess.run(['true'], check=True); asyncio.run(asyncio.sleep(0))",
            "completed",
            0,
            "",
        ),
        ("open('file', 'w').write('x'); import tempfile; tempfile.TemporaryFile().write(b'x')", "completed", 0, ""),
    ],
)
def test_how_it_ended_is_told(sandbox: Sandbox, code: str, end: str, status: int, error: str) -> None:
    outcome = sandbox.run(code, limits=Limits(seconds=60))
    assert (outcome.end, outcome.code) == (end, status), outcome
    assert error in outcome.stderr
    assert "launcher" not in outcome.stderr


def test_a_traceback_shows_the_programs_own_lines(sandbox: Sandbox) -> None:
    error = sandbox.run("def half(x):\n    return x / 0\n\nhalf(1)").stderr
    assert "line 2, in half" in error
    assert "return x / 0" in error
    assert "exec(" not in error


def test_processor_time_is_limited_for_itself(sandbox: Sandbox) -> None:
    assert sandbox.run("while True: pass", limits=Limits(seconds=60, cpu_seconds=1)).end == "time"


def test_several_run_side_by_side(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda n: sandbox.run(f"print({n})", limits=Limits(seconds=60)), range(12)))
    assert [outcome.stdout for outcome in outcomes] == [f"{n}\n" for n in range(12)]


def test_no_descriptor_is_left_open(sandbox: Sandbox) -> None:
    sandbox.run("pass")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        sandbox.run("pass")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- where there can be none ---------------------------------------------------------------------------------------------


def executable(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_bubblewrap_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(seccomp, "known_machine", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPrerequisite, match="not installed") as caught:
        open_sandbox()
    assert "apt install bubblewrap" in caught.value.remedy


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(finding.sys, "platform", platform)
    with pytest.raises(MissingPrerequisite, match="needs Linux"):
        open_sandbox()


def test_an_unknown_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "s390x")
    with pytest.raises(MissingPrerequisite, match="kind of processor"):
        open_sandbox()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox needs Linux")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 'usage: bwrap'", "too old"),
        (
            '[ "$1" = --help ] && echo "--size BYTES" && exit; echo "bwrap: No permissions for a namespace" >&2; exit 1',
            "No permissions",
        ),
        ('[ "$1" = --help ] && echo "--size BYTES" && exit; echo 42', "could not be set up"),
    ],
    ids=["old", "refused", "fake"],
)
def test_a_bubblewrap_that_does_not_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, sentence: str
) -> None:
    executable(tmp_path / "bwrap", script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPrerequisite, match=sentence):
        open_sandbox()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox needs Linux")
def test_a_bubblewrap_that_goes_away_is_a_scorers_failure(tmp_path: Path) -> None:
    from locoman.scoring.sandbox.bubblewrap import Bubblewrap

    with pytest.raises(ScorerFailed, match="No such file"):
        Bubblewrap(tmp_path / "gone").run("pass")


# --- the filter -------------------------------------------------------------------------------------------------------------


def verdict(program: bytes, number: int, architecture: int, first: int = 0, second: int = 0) -> int:
    """What the filter returns, by the rules of classic BPF."""
    data = struct.pack("=IIQQQQQQQ", number, architecture, 0, first, second, 0, 0, 0, 0)
    rules = [struct.unpack_from("=HBBI", program, 8 * place) for place in range(len(program) // 8)]
    place, accumulator = 0, 0
    while True:
        code, true, false, value = rules[place]
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
            place += 1
            continue
        hit = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
        place += 1 + (true if hit else false)


ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


@pytest.mark.parametrize(
    ("machine", "number", "architecture", "first", "second", "expected"),
    [
        ("x86_64", 0, X86, 0, 0, ALLOW),  # read
        ("x86_64", 41, X86, 2, 0, EPERM),  # socket
        ("x86_64", 53, X86, 1, 0, ALLOW),  # socketpair
        ("x86_64", 101, X86, 0, 0, EPERM),  # ptrace
        ("x86_64", 56, X86, 17, 0, ALLOW),  # clone, as fork calls it
        ("x86_64", 56, X86, 0x10000000, 0, EPERM),  # clone with CLONE_NEWUSER
        ("x86_64", 435, X86, 0, 0, ENOSYS),  # clone3
        ("x86_64", 16, X86, 1, 0x5401, ALLOW),  # ioctl TCGETS
        ("x86_64", 16, X86, 1, 0x5412, EPERM),  # ioctl TIOCSTI
        ("x86_64", 0x40000000, X86, 0, 0, EPERM),  # x32
        ("x86_64", 0, 0x40000003, 0, 0, KILL),  # 32 bits
        ("aarch64", 63, ARM, 0, 0, ALLOW),  # read
        ("aarch64", 198, ARM, 0, 0, EPERM),  # socket
        ("aarch64", 220, ARM, 17, 0, ALLOW),  # clone
        ("aarch64", 29, ARM, 1, 0x5412, EPERM),  # ioctl TIOCSTI
        ("aarch64", 0, X86, 0, 0, KILL),
    ],
)
def test_the_filter_lets_through_and_refuses(
    machine: str, number: int, architecture: int, first: int, second: int, expected: int
) -> None:
    assert verdict(seccomp.filter_program(machine), number, architecture, first, second) == expected
