"""Spoils files in thousands of ways and watches what reads them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from locoman.errors import LocomanError

MUTATIONS = int(os.environ.get("HOSTILE_MUTATIONS", "250"))
"""Per kind of file."""

SECONDS = 2.0
"""No single file may take longer, on a busy machine."""

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
    """Spoils `path` again and again; `use` may succeed or raise a LocomanError, and must be quick."""
    sound = path.read_bytes()
    refused = 0
    for number, spoiled in zip(range(MUTATIONS), mutations(sound, 20_26, text=text, head=head), strict=False):
        path.unlink()  # not overwritten: the old one may still be mapped
        path.write_bytes(spoiled)
        started = time.perf_counter()
        try:
            use()
        except LocomanError as error:
            refused += 1
            assert len(str(error)) < 2000
        assert time.perf_counter() - started < SECONDS, f"mutation {number}"
    path.unlink()
    path.write_bytes(sound)
    use()
    assert refused > MUTATIONS // 4
