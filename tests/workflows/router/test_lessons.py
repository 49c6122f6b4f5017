from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.routing.cascade import Router
from locoman.routing.encoder.bge import DIMENSIONS
from locoman.routing.examples import AdapterExamples
from locoman.store.home import Home
from locoman.workflows.router.feedback import Remark
from locoman.workflows.router.fitting import fit_lessons
from locoman.workflows.router.lessons import Lessons, gather, taught
from locoman.workflows.router.vectors import Remembering, vectors_file

LESSONS = Lessons((AdapterExamples("a", mine=("one", "two")), AdapterExamples("b", mine=("three",))), ("hello", "bye"))
OLD = ("arithmetic", "dates", "units", "words")


def test_the_last_word_about_a_question_counts_against_every_package() -> None:
    found = taught(LESSONS, [Remark("ONE", "a"), Remark("one", "b"), Remark("hello", "a"), Remark("three", None)])
    assert found.adapters[0].mine == ("two", "hello")
    assert found.adapters[1].mine == ("one",)
    assert found.none == ("three", "bye")


def test_what_belongs_to_an_adapter_that_is_gone_is_nobodys_here() -> None:
    assert taught(LESSONS, [Remark("one", "gone")]).none[0] == "one"


def test_a_fifth_adapter_takes_no_question_from_the_old_ones(home: Home) -> None:
    packages = [read_package(shipped("adapters") / name) for name in OLD]
    before = gather(home, packages)
    fifth = read_package(shipped("adapters") / "writing")
    mine = tuple(line.text for line in fifth.routing() if line.mine)[:20]
    after = Lessons((*before.adapters, AdapterExamples("writing", mine=mine)), before.none)
    old, new = Router.of(fit_lessons(before, None).model), Router.of(fit_lessons(after, None).model)
    asked = [(package.manifest.name, case.question) for package in packages for case in package.cases()]
    assert len(asked) >= 200
    wrongly = [q for name, q in asked if old.decide(q).adapter == name and new.decide(q).adapter != name]
    assert len(wrongly) <= 0.01 * len(asked), wrongly[:5]
    assert new.decide(mine[0]).adapter == "writing"


class Counts:
    """An encoder that counts what it is asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.texts += texts
        return np.stack([np.full(DIMENSIONS, len(text), dtype=np.float32) for text in texts])


def test_a_text_is_encoded_once_on_a_machine(home: Home) -> None:
    path = home.root / "cache" / "vectors.npz"
    first, second = Counts(), Counts()
    made = Remembering(first, path).encode(["a", "bb", "a"])
    again = Remembering(second, path).encode(["bb", "ccc", "a"])
    assert (first.texts, second.texts) == (["a", "bb"], ["ccc"])
    np.testing.assert_array_equal(made[[1, 0]], again[[0, 2]])


@pytest.mark.parametrize("damage", [b"", b"PK\x05\x06", b"x" * 1000])
def test_a_damaged_cache_is_made_again(home: Home, damage: bytes) -> None:
    path = home.root / "vectors.npz"
    Remembering(Counts(), path).encode(["a"])
    path.write_bytes(damage)
    encoder = Counts()
    Remembering(encoder, path).encode(["a"])
    assert encoder.texts == ["a"]


def test_vectors_of_an_earlier_encoder_go_and_nothing_else_does(home: Home) -> None:
    path = vectors_file(home)
    path.parent.mkdir(parents=True)
    for name in ("vectors-0123456789abcdef-2.npz", "digests.json"):
        (path.parent / name).write_bytes(b"")
    Remembering(Counts(), path).encode(["a"])
    assert sorted(file.name for file in path.parent.iterdir()) == ["digests.json", path.name]


def test_a_packages_keyword_that_others_are_asked_with_has_no_force_unless_the_user_wants_it(
    home: Home, tmp_path: Path
) -> None:
    for name in ("arithmetic", "words"):
        shutil.copytree(shipped("adapters") / name, tmp_path / name)
    manifest = tmp_path / "words" / "adapter.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("keywords = []", 'keywords = ["what", "is", "letterwise"]'), encoding="utf-8")
    packages = [read_package(tmp_path / name) for name in ("arithmetic", "words")]
    lessons = gather(home, packages)
    assert lessons.adapters[1].keywords == ("letterwise",)
    assert [(keyword.adapter, keyword.phrase) for keyword in lessons.powerless] == [("words", "what"), ("words", "is")]
    assert all(keyword.phrase in keyword.sentence for keyword in lessons.powerless)
    router = Router.of(fit_lessons(lessons, None).model)
    assert router.decide("What is the capital of France?").adapter is None
    assert router.decide("planet letterwise").adapter == "words"
    home.root.mkdir(parents=True, exist_ok=True)
    home.wishes.write_text('[keywords]\nwords = ["what"]\n', encoding="utf-8")
    wanted = gather(home, packages)
    assert (wanted.adapters[1].keywords, wanted.powerless) == (("what",), ())


def test_no_shipped_keyword_is_without_force(home: Home) -> None:
    names = ("arithmetic", "code", "dates", "math-reasoning", "units", "words", "writing")
    assert gather(home, [read_package(shipped("adapters") / name) for name in names]).powerless == ()
