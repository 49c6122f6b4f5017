"""A host's life: found, started once, ended in every way there is, and never an orphan."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from support.tiny_gguf import TinyShape, write_tiny_lora
from support.tiny_home import LONG, HomeMaker, TinyHome, request, soon

from locoman.contracts import ServedAdapter, ServedBase
from locoman.engines.host.discover import ensure_host, find_host, stop_host
from locoman.engines.host.files import HostAddress
from locoman.errors import EngineLost, EngineUnavailable, MissingPrerequisite, StoreReadOnly

QUESTION = "hello there"
posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


def gone(process: psutil.Process) -> bool:
    """Whether the process has ended (a zombie that waits for its parent has)."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_second_question_finds_the_host_of_the_first(make_home: HomeMaker) -> None:
    home = make_home()
    home.ask(QUESTION)
    first = home.ensure()
    home.engine.close()
    home.ask(QUESTION)
    assert home.ensure() == first


def test_many_at_once_start_one_host(make_home: HomeMaker) -> None:
    home = make_home()
    program = (
        "import sys; from pathlib import Path; from locoman.engines.host.discover import ensure_host;"
        "print(ensure_host(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:], 60).nonce)"
    )
    argv = [sys.executable, "-c", program, str(home.files.run_dir), str(home.files.locks_dir), *home.argv]
    starters = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    outputs = [starter.communicate(timeout=60)[0] for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 8
    assert set(outputs) == {home.ensure().nonce + "\n"}


@posix_only
def test_the_address_is_for_this_user_alone(make_home: HomeMaker) -> None:
    home = make_home()
    home.ensure()
    assert home.files.address.stat().st_mode & 0o777 == 0o600


def test_stop_ends_child_and_host_and_leaves_no_address(make_home: HomeMaker) -> None:
    home = make_home()
    home.ask(QUESTION)
    host, child = home.host_process(), home.child_process()
    assert home.engine.stop() is True
    assert soon(lambda: gone(host))
    assert gone(child)
    assert not home.files.address.exists()
    assert home.engine.stop() is False
    assert home.engine.resident() is None


def test_stop_does_not_wait_for_a_long_answer(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=LONG))
    next(chunks)
    started = time.monotonic()
    assert stop_host(home.files.run_dir, home.files.locks_dir)
    assert time.monotonic() - started < 6
    with pytest.raises(EngineLost):
        list(chunks)


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_as_cleanly(make_home: HomeMaker, number: int) -> None:
    home = make_home()
    home.ask(QUESTION)
    host, child = home.host_process(), home.child_process()
    host.send_signal(number)
    assert soon(lambda: gone(host))
    assert gone(child)
    assert not home.files.address.exists()


@posix_only
def test_a_killed_host_takes_its_child_along_and_the_next_question_starts_another(make_home: HomeMaker) -> None:
    home = make_home()
    before = home.text(QUESTION, "alpha")
    host, child = home.host_process(), home.child_process()
    host.kill()
    assert soon(lambda: gone(child))
    assert home.files.address.exists()  # stale
    assert home.engine.resident() is None
    assert home.text(QUESTION, "alpha") == before


@posix_only
def test_killed_in_the_middle_of_an_answer_the_child_still_ends(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base)
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=LONG))
    for _ in range(3):
        next(chunks)
    host, child = home.host_process(), home.child_process()
    host.kill()
    with pytest.raises(EngineLost):
        list(chunks)
    assert soon(lambda: gone(child))


def test_idle_for_long_enough_it_ends_by_itself(make_home: HomeMaker) -> None:
    home = make_home(keep_alive=1.0)
    home.ask(QUESTION)
    host, child = home.host_process(), home.child_process()
    assert soon(lambda: gone(host))
    assert gone(child)
    assert not home.files.address.exists()
    assert home.text(QUESTION)


def test_a_question_that_takes_longer_than_keep_alive_is_answered(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base, keep_alive=1.0)
    assert home.ask(QUESTION, "alpha", max_tokens=2500)[-1].finish is not None


def test_a_child_killed_in_the_middle_of_an_answer_is_an_engine_lost_and_the_next_question_is_answered(
    make_home: HomeMaker, long_base: ServedBase
) -> None:
    home = make_home(long_base)
    before = home.text(QUESTION, "alpha")
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=LONG))
    for _ in range(3):
        next(chunks)
    home.child_process().kill()
    with pytest.raises(EngineLost):
        list(chunks)
    assert home.text(QUESTION, "alpha") == before


def test_a_machine_that_was_suspended_goes_on_with_the_answer(make_home: HomeMaker, long_base: ServedBase) -> None:
    home = make_home(long_base, keep_alive=1.0)
    whole = home.text(QUESTION, "alpha", max_tokens=600)
    chunks = home.engine.chat(request(QUESTION, "alpha", max_tokens=600))
    begun = [next(chunks) for _ in range(3)]
    host, child = home.host_process(), home.child_process()
    for process in (host, child):
        process.suspend()
    time.sleep(2.5)  # longer than keep_alive
    for process in (host, child):
        process.resume()
    assert "".join(chunk.text for chunk in [*begun, *chunks]) == whole
    assert home.host_process() == host


def test_hundreds_of_questions_are_answered_by_one_child(shared_home: TinyHome) -> None:
    shared_home.ask(QUESTION)
    child = shared_home.child_process()
    with shared_home.client() as client:
        for _ in range(250):
            body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1}
            assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert shared_home.child_process() == child


def test_a_child_killed_while_idle_is_replaced_without_anybody_noticing(make_home: HomeMaker) -> None:
    home = make_home()
    before = home.text(QUESTION, "alpha")
    for _ in range(3):
        home.child_process().kill()
        assert home.text(QUESTION, "alpha") == before


def test_a_host_of_another_version_is_replaced(make_home: HomeMaker) -> None:
    home = make_home()
    old = home.ensure()
    home.files.write_address(replace(old, version="0.0.1"))
    new = home.ensure()
    assert new.nonce != old.nonce
    assert soon(lambda: gone(psutil.Process(old.pid)) if psutil.pid_exists(old.pid) else True)


def test_what_a_dead_host_left_is_no_obstacle(make_home: HomeMaker) -> None:
    home = make_home()
    home.files.create_folders()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.1)
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        stale = HostAddress(url, "secret", "nonce", "0.1.0", os.getpid(), time.time())
        home.files.write_address(stale)
    assert find_host(home.files.run_dir, home.files.locks_dir) is None
    assert home.text(QUESTION)


@pytest.mark.parametrize("content", [b"", b"{", b'{"url": 5}', b"\xff" * 10, b"x" * 100_000])
def test_a_broken_address_file_is_as_good_as_none(make_home: HomeMaker, content: bytes) -> None:
    home = make_home()
    home.files.create_folders()
    home.files.address.write_bytes(content)
    assert find_host(home.files.run_dir, home.files.locks_dir) is None


def test_a_taken_port_is_told(make_home: HomeMaker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EngineUnavailable, match=f"Port {port} .* taken"):
            make_home(port=port).ask(QUESTION)


def test_a_wanted_port_is_used(make_home: HomeMaker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert make_home(port=port).ensure().url == f"http://127.0.0.1:{port}"


def test_a_command_that_cannot_be_started_or_ends_at_once_is_told(make_home: HomeMaker, tmp_path: Path) -> None:
    files = make_home().files
    with pytest.raises(EngineUnavailable, match="could not be started"):
        ensure_host(files.run_dir, files.locks_dir, [str(tmp_path / "nothing")], 10)
    words = [sys.executable, "-c", "raise SystemExit('no luck today')"]
    with pytest.raises(EngineUnavailable, match="no luck today"):
        ensure_host(files.run_dir, files.locks_dir, words, 10)


def test_a_host_that_never_comes_up_is_ended_and_told(make_home: HomeMaker) -> None:
    files = make_home().files
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(EngineUnavailable, match="in time"):
        ensure_host(files.run_dir, files.locks_dir, sleeper, 0.5)


def test_a_second_host_of_the_same_home_refuses_to_run(make_home: HomeMaker) -> None:
    home = make_home()
    home.ensure()
    second = subprocess.run(home.argv, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert "Another host already serves" in second.stderr


@posix_only
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_told(make_home: HomeMaker) -> None:
    home = make_home()
    folder = home.files.run_dir.parent
    folder.chmod(0o500)
    try:
        with pytest.raises(StoreReadOnly):
            home.ensure()
    finally:
        folder.chmod(0o700)


def test_a_base_that_is_no_gguf_is_told_in_llama_cpps_words(
    changing_home: TinyHome, base: ServedBase, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + os.urandom(1000))
    changing_home.serve(replace(base, gguf=broken))
    with pytest.raises(EngineUnavailable, match=r"llama.cpp could not load .*broken.gguf: .+"):
        changing_home.ask(QUESTION)
    changing_home.serve(base)  # repaired: the same host answers now
    assert changing_home.text(QUESTION)


def test_a_truncated_base_is_told(changing_home: TinyHome, base: ServedBase, tmp_path: Path) -> None:
    short = tmp_path / "short.gguf"
    short.write_bytes(base.gguf.read_bytes()[:-50_000])
    changing_home.serve(replace(base, gguf=short))
    with pytest.raises(EngineUnavailable, match=r"short.gguf"):
        changing_home.ask(QUESTION)


@pytest.mark.parametrize("fault", ["garbage", "missing", "truncated", "other shape"])
def test_an_adapter_that_does_not_load_is_named(
    changing_home: TinyHome, base: ServedBase, tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "epsilon.gguf"
    if fault == "garbage":
        path.write_bytes(os.urandom(1000))
    elif fault == "truncated":
        whole = write_tiny_lora(path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif fault == "other shape":
        write_tiny_lora(path, TinyShape(hidden=128))
    changing_home.serve(replace(base, adapters=(*base.adapters, ServedAdapter("epsilon", "1.0.0", path))))
    with pytest.raises(EngineUnavailable, match="epsilon"):
        changing_home.ask(QUESTION)


def test_without_the_wheel_it_says_what_is_missing(
    make_home: HomeMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no wheel for this platform')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    with pytest.raises(MissingPrerequisite, match="no wheel for this platform"):
        make_home().ask(QUESTION)


def test_the_logs_of_a_host_stay_empty_in_good_times(make_home: HomeMaker) -> None:
    home = make_home()
    home.ask(QUESTION)
    home.engine.stop()
    assert home.files.output.read_text() == ""
    assert home.files.log.read_text() == ""


def test_only_the_run_folder_and_the_locks_are_written(make_home: HomeMaker) -> None:
    home = make_home()
    home.ask(QUESTION)
    with FileLock(home.files.start_lock, timeout=1):
        written = {path.name for folder in (home.files.run_dir, home.files.locks_dir) for path in folder.iterdir()}
    assert written <= {"host.json", "host.out", "host.log", "engine.log", "host.lock", "host-start.lock", "canary.json"}
    assert json.loads(home.files.address.read_text())["version"]


def test_clients_that_vanish_at_any_moment_leave_no_connection_open(shared_home: TinyHome) -> None:
    shared_home.ask(QUESTION)
    host, child = shared_home.host_process(), shared_home.child_process()
    shared_home.engine.close()
    for number in range(120):
        chunks = shared_home.engine.chat(request(QUESTION, "alpha", max_tokens=100))
        for _ in range(1 + number % 12):
            next(chunks)
        chunks.close()  # type: ignore[attr-defined]
    shared_home.engine.close()
    assert soon(lambda: len(host.net_connections()) == len(child.net_connections()) == 1)  # that on which they listen
