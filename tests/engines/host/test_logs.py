from __future__ import annotations

from pathlib import Path

from locoman.engines.host.logs import BoundedLog


def test_the_file_stays_bounded_and_keeps_the_last_lines(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "engine.log", limit=4000)
    log.begin()
    for number in range(5000):
        log.write(f"line {number}\n".encode())
    assert log.path.stat().st_size <= 8000
    assert log.path.read_text().endswith("line 4999\n")
    assert log.lines()[-1] == "line 4999"


def test_a_line_without_end_does_not_grow_in_memory(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "engine.log", limit=4000)
    log.begin()
    for _ in range(100):
        log.write(b"x" * 10_000)
    assert len(log.lines()[0]) <= 2000
    assert log.path.stat().st_size <= 20_000


def test_bytes_that_are_no_text_are_no_trouble(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "engine.log")
    log.begin()
    log.write(b"caf\xe9 \xff\nend")
    assert log.lines() == ["caf� �", "end"]
