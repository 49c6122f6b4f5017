"""Nothing is left of a program in the sandbox, at whatever instant it or its caller is ended."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.processes import running

from locoman.scoring.sandbox import Limits, Sandbox

if sys.platform.startswith("linux"):
    from locoman.scoring.sandbox.bubblewrap import Bubblewrap
else:
    pytest.skip("the sandbox needs Linux", allow_module_level=True)

CALLER = """
import sys
from pathlib import Path
from locoman.scoring.sandbox.bubblewrap import Bubblewrap
sandbox = Bubblewrap(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
sandbox.run("import time; print('begun'); time.sleep(600)")
"""
AT_ONCE = 8


@pytest.fixture
def bwrap(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """bwrap under a name of its own, by which all of its processes can be told from others."""
    assert isinstance(sandbox, Bubblewrap)
    path = tmp_path / "bwrap"
    path.symlink_to(sandbox.bwrap)
    yield path
    for process in left(path):
        process.kill()


@pytest.fixture
def late_bwrap(bwrap: Path) -> Path:
    """The same on a machine that is busy: it takes its time to begin."""
    path = bwrap.with_name("late")
    path.write_text(f'#!/bin/sh\nsleep 0.4\nexec {bwrap} "$@"\n')
    path.chmod(0o755)
    return path


def left(bwrap: Path) -> list[psutil.Process]:
    return running(str(bwrap.parent))


def left_after(bwrap: Path, seconds: float = 20.0) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (found := left(bwrap)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def kill_callers(bwrap: Path, delays: list[float]) -> None:
    for first in range(0, len(delays), AT_ONCE):
        some = delays[first : first + AT_ONCE]
        pipe = subprocess.PIPE
        callers = [subprocess.Popen([sys.executable, "-c", CALLER, str(bwrap)], stdin=pipe, stdout=pipe) for _ in some]
        for caller, delay in zip(callers, some, strict=True):
            with caller:
                assert caller.stdout is not None and caller.stdin is not None
                caller.stdout.readline()
                caller.stdin.write(b"\n")
                caller.stdin.flush()
                time.sleep(delay)
                caller.kill()


def test_a_caller_killed_at_any_instant_leaves_nothing(bwrap: Path) -> None:
    kill_callers(bwrap, [step / 250 for step in range(24)])
    assert left_after(bwrap) == []


def test_a_caller_killed_before_bwrap_begins_leaves_nothing(late_bwrap: Path) -> None:
    kill_callers(late_bwrap, [0.02, 0.05, 0.15])
    time.sleep(0.5)  # until bwrap has begun, if it does
    assert left_after(late_bwrap) == []


def test_a_caller_killed_while_the_program_runs_leaves_nothing(bwrap: Path) -> None:
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(bwrap)], stdin=subprocess.PIPE)
    with caller:
        assert caller.stdin is not None
        caller.stdin.write(b"\n")
        caller.stdin.flush()
        deadline = time.monotonic() + 60
        while len(psutil.Process(caller.pid).children(recursive=True)) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)  # the warden, bwrap, its process 1, the program
        below = psutil.Process(caller.pid).children(recursive=True)
        caller.kill()
    assert len(below) == 4
    assert psutil.wait_procs(below, timeout=20)[1] == []
    assert left_after(bwrap) == []


def test_what_must_end_before_bwrap_begins_leaves_nothing(late_bwrap: Path) -> None:
    outcome = Bubblewrap(late_bwrap).run("print(1)", limits=Limits(seconds=0.1))
    assert (outcome.end, outcome.stdout) == ("time", "")
    assert left(late_bwrap) == []


def test_what_has_ended_by_itself_leaves_nothing(bwrap: Path) -> None:
    code = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    for _ in range(5):
        assert Bubblewrap(bwrap).run(code, limits=Limits(seconds=60)).end == "completed"
        assert left(bwrap) == []


def test_what_this_machine_has_in_its_temporary_folder_is_not_the_programs(late_bwrap: Path) -> None:
    (late_bwrap.parent / "file").touch()
    outcome = Bubblewrap(late_bwrap).run("print(1)", limits=Limits(seconds=60, files=5))
    assert outcome.end == "completed", outcome
