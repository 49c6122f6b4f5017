"""How loco-tiny-next is made: another mixture, and the same weights each time."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
pytest.importorskip("tokenizers", reason="the extra train is not installed")

from tiny.mixture import document  # noqa: E402
from tiny.next_base import MIXTURE, PHASE, train_next  # noqa: E402
from tiny.tasks import TASKS  # noqa: E402

from locoman.progress import no_progress  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_the_mixture_is_whole_and_its_masters_are_right_in_the_chat() -> None:
    assert (
        MIXTURE.conversation + MIXTURE.beginner + sum(MIXTURE.textbook.values()) + sum(MIXTURE.mastered.values()) == 1
    )
    only = replace(MIXTURE, conversation=0.0, beginner=0.0, mastered={"units": 1.0})
    rng, reference = random.Random(1), random.Random(1)
    segments = document(only, rng)
    reference.random()
    reference.choices(["units"], [1.0])
    pair = TASKS["units"].pair(reference)
    assert pair.question in segments[0][0]
    assert segments[1] == (f"{pair.answer}<|im_end|>", True)


def test_what_is_tried_is_drawn_as_often_as_asked() -> None:
    only = replace(MIXTURE, conversation=0.0, beginner=1.0, tried={"words": 1})
    rng, reference = random.Random(2), random.Random(2)
    segments = document(only, rng)
    reference.random()
    reference.choices(["words"], [1])
    assert TASKS["words"].beginner(reference).question in segments[0][0]


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    base = ROOT / "modelfiles" / "loco-tiny"
    short = replace(PHASE, steps=2, pool=100)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        train_next(base, tmp_path / name, seed, no_progress, short)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c
    assert a != (base / "model.safetensors").read_bytes()
    assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
