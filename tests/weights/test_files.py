from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.quantizable import Shape, write_model

from locoman.errors import InvalidFile
from locoman.weights.files import drop_pages, map_file, new_file
from locoman.weights.gguf_verify import verify_gguf

KILLS = 5


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with new_file(tmp_path / "a" / "b.gguf") as file:
        file.write(b"1")
        assert not (tmp_path / "a" / "b.gguf").exists()
    assert (tmp_path / "a" / "b.gguf").read_bytes() == b"1"
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "c.gguf") as file:
        file.write(bytes(1 // 0))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_two_who_write_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    with new_file(tmp_path / "x[1].gguf") as one:
        with new_file(tmp_path / "x[1].gguf") as two:
            two.write(b"2")
        one.write(b"1")
    assert (tmp_path / "x[1].gguf").read_bytes() == b"1"


def test_what_a_killed_writer_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / ".x.gguf.abc.tmp").write_bytes(b"half")
    (tmp_path / ".other.gguf.abc.tmp").write_bytes(b"half")
    with new_file(tmp_path / "x.gguf") as file:
        file.write(b"1")
    assert {path.name for path in tmp_path.iterdir()} == {"x.gguf", ".other.gguf.abc.tmp"}


def test_pages_that_were_given_back_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc" * 10_000)
    array = map_file(tmp_path / "x")
    assert array[0] == ord("a")
    drop_pages()
    assert array[:3].tobytes() == b"abc"
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(InvalidFile, match="empty"):
        map_file(tmp_path / "empty")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_conversion_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    source = write_model(tmp_path / "source.gguf", Shape(layers=12))
    target = tmp_path / "out" / "model.gguf"
    command = [sys.executable, "-m", "locoman", "quantize", str(source), "--to", "Q4_K_M", "--out", str(target)]
    command += ["--force", "--quiet", "--home", str(tmp_path / "home")]
    started = time.monotonic()
    subprocess.run(command, check=True)
    seconds, whole = time.monotonic() - started, target.read_bytes()
    target.unlink()
    draw = random.Random(3)
    for _ in range(KILLS):
        process = subprocess.Popen(command)
        time.sleep(draw.uniform(0.3, 1.0) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if target.exists():
            assert target.read_bytes() == whole
            target.unlink()
    subprocess.run(command, check=True)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    verify_gguf(target)
