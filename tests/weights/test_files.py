from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.checkpoints import Made
from support.quantizable import Shape, write_model

from locoman.errors import InvalidFile
from locoman.store.digests import sha256_of_folder
from locoman.weights.files import drop_pages, map_file, new_file, new_folder, sweep_unfinished
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


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a" / "b") as folder:
        (folder / "x").write_bytes(b"1")
        sweep_unfinished(tmp_path / "a" / "b")  # held, so it stays
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").rglob("*")] == ["b", "x"]
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "c") as folder:
        (folder / "x").write_bytes(bytes(1 // 0))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_a_killed_writer_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / ".c.abc.tmp").touch()
    (tmp_path / ".c.abc.folder").mkdir()
    (tmp_path / ".c.abc.folder" / "x").write_bytes(b"half")
    (tmp_path / ".c.def.tmp").touch()  # killed after it was done
    (tmp_path / ".c.ghi.folder").mkdir()  # killed while it was swept
    with new_folder(tmp_path / "c") as folder:
        (folder / "x").write_bytes(b"1")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c", "x"]


def killed(command: list[str], draw: random.Random, seconds: float) -> None:
    """Starts the command and kills it after a random part of the time that it takes."""
    process = subprocess.Popen(command)
    time.sleep(draw.uniform(0.3, 1.0) * seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_merge_into_a_checkpoint_that_is_killed_leaves_no_half_folder(made: Made, tmp_path: Path) -> None:
    target = tmp_path / "out" / "merged"
    command = [sys.executable, "-m", "locoman", "merge", str(made.checkpoint), str(made.adapter), "--out", str(target)]
    command += ["--quiet", "--home", str(tmp_path / "home")]
    started = time.monotonic()
    subprocess.run(command, check=True)
    seconds, whole = time.monotonic() - started, sha256_of_folder(target)
    draw = random.Random(4)
    for _ in range(KILLS):
        if target.exists():
            assert sha256_of_folder(target) == whole
            shutil.rmtree(target)
        killed(command, draw, seconds)
    if target.exists():
        assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 2
    else:
        subprocess.run(command, check=True)
    assert [path.name for path in target.parent.iterdir()] == ["merged"]
    assert sha256_of_folder(target) == whole


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
        killed(command, draw, seconds)
        if target.exists():
            assert target.read_bytes() == whole
            target.unlink()
    subprocess.run(command, check=True)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    verify_gguf(target)
