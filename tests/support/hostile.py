"""Spoils files in thousands of ways and watches what reads them.

HOSTILE_MUTATIONS   how many for each kind of file; `scripts/bench fuzz` runs all of them
HOSTILE_REPORT      a file that gets a line of JSON for each kind
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from locoman.errors import LocomanError

MUTATIONS = int(os.environ.get("HOSTILE_MUTATIONS", "250"))
"""Per kind of file."""

SECONDS = 2.0
"""No single file may take longer, on a busy machine."""

MEMORY = 64 << 20
"""What reading spoiled files may take at the most, beside twice their size."""

EXTREMES = [
    value.to_bytes(8, "little") for value in (0, 1, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)
]
TEXTS = [
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"[" * 5000,
    b"\xff\xfe",
    b"\\ud800",
    b"0.5",
]


def mutations(data: bytes, seed: int, *, text: bool, head: int) -> Iterator[bytes]:
    """Endless spoiled copies; three of four are spoiled within the first `head` bytes, where the structure is."""
    draw = random.Random(seed)
    while True:
        spoiled = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(min(len(spoiled), head) if draw.random() < 0.75 else len(spoiled)) if spoiled else 0
            kind = draw.randrange(6)
            if kind == 0 and spoiled:
                spoiled[place] ^= 1 << draw.randrange(8)
            elif kind == 1:
                junk = draw.choice(TEXTS) if text else draw.choice(EXTREMES)[: draw.choice((1, 4, 8))]
                spoiled[place : place + len(junk)] = junk
            elif kind == 2:
                del spoiled[place : place + draw.choice((1, 4, 8, 500))]
            elif kind == 3:
                spoiled[place:place] = draw.choice(TEXTS) if text else draw.randbytes(draw.choice((1, 8, 64)))
            elif kind == 4:
                del spoiled[place:]
            else:
                other = draw.randrange(len(spoiled) + 1)
                spoiled[place : place + 16] = spoiled[other : other + 16]
        yield bytes(spoiled)


def survive(path: Path, use: Callable[[], object], *, text: bool, head: int = 1 << 30) -> None:
    """Spoils `path` again and again; `use` may succeed or raise a LocomanError, and must be quick and small."""
    sound = path.read_bytes()
    use()  # loads what it needs
    before, refused, slowest = _peak_memory(), 0, 0.0
    for number, spoiled in zip(range(MUTATIONS), mutations(sound, 20_26, text=text, head=head), strict=False):
        path.unlink()  # not overwritten: the old one may still be mapped
        path.write_bytes(spoiled)
        started = time.perf_counter()
        try:
            use()
        except LocomanError as error:
            refused += 1
            assert len(str(error)) < 2000
        seconds = time.perf_counter() - started
        assert seconds < SECONDS, f"mutation {number}"
        slowest = max(slowest, seconds)
    grown = _peak_memory() - before
    assert grown <= MEMORY + 2 * len(sound), f"{grown >> 20} MiB for a file of {len(sound)} bytes"
    path.unlink()
    path.write_bytes(sound)
    use()
    assert refused > MUTATIONS // 4
    _report(file=path.name, bytes=len(sound), mutations=MUTATIONS, refused=refused, slowest=slowest, memory=grown)


def _peak_memory() -> int:
    """The most bytes of memory that this process ever had."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _report(**values: object) -> None:
    if path := os.environ.get("HOSTILE_REPORT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
