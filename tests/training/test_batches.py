from __future__ import annotations

import random

from locoman.training.batches import IGNORED, Sample, batches, hold_back, pad


def sample(length: int) -> Sample:
    return Sample(tuple(range(1, length + 1)), tuple(range(1, length + 1)))


def test_rows_are_filled_up_on_the_right_and_the_filling_is_not_learnt() -> None:
    batch = pad([sample(2), sample(4)])
    assert batch.ids == [[1, 2, 0, 0], [1, 2, 3, 4]]
    assert batch.labels == [[1, 2, IGNORED, IGNORED], [1, 2, 3, 4]]


def test_every_sample_comes_once_in_an_epoch() -> None:
    lengths = [random.Random(1).randint(1, 40) for _ in range(103)]
    seen = [
        row.index(0) if 0 in row else len(row)
        for b in batches([sample(n) for n in lengths], 8, random.Random(2))
        for row in b.ids
    ]
    assert sorted(seen) == sorted(lengths)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others() -> None:
    samples = [sample(n % 17 + 1) for n in range(60)]
    first, again, other = (list(batches(samples, 8, random.Random(seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_samples_of_like_length_share_a_batch() -> None:
    samples = [sample(n % 32 + 1) for n in range(512)]
    filling = sum(row.count(0) for batch in batches(samples, 8, random.Random(3)) for row in batch.ids)
    assert filling < 0.15 * sum(len(one.ids) for one in samples)


def test_what_is_held_back_is_a_share_that_the_seed_alone_decides() -> None:
    samples = [sample(n + 1) for n in range(40)]
    kept, held = hold_back(samples, 0.1, seed=3)
    assert (len(kept), len(held)) == (36, 4)
    assert sorted([*kept, *held], key=lambda one: len(one.ids)) == samples
    assert (kept, held) == hold_back(samples, 0.1, seed=3) != hold_back(samples, 0.1, seed=4)
    assert hold_back(samples, 0.0, seed=3) == (samples, [])


def test_something_is_always_left_to_train_on() -> None:
    assert [len(part) for part in hold_back([sample(1), sample(2)], 0.01, seed=0)] == [1, 1]
    assert [len(part) for part in hold_back([sample(1)], 0.5, seed=0)] == [1, 0]
