from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from support.subjects import NONE, SUBJECTS

from locoman.routing.features import Bag, Vocabulary
from locoman.routing.text import character_grams, shape, word_grams

TEXTS = [shape(text) for subject in SUBJECTS for text in subject.mine] + [shape(text) for text in NONE]


def learn(texts: list[str]) -> Vocabulary:
    return Vocabulary.learn((word_grams(t) for t in texts), minimum_documents=1, maximum_terms=10**6)


@pytest.mark.parametrize("grams", [word_grams, character_grams])
def test_known_text_is_weighed_as_scikit_learn_weighs_it(grams: object) -> None:
    vocabulary = Vocabulary.learn((grams(t) for t in TEXTS), minimum_documents=1, maximum_terms=10**6)  # type: ignore[operator]
    peer = TfidfVectorizer(analyzer=grams, sublinear_tf=True)
    expected = peer.fit_transform(TEXTS).toarray()
    assert vocabulary.terms == tuple(peer.get_feature_names_out())
    for text, row in zip(TEXTS, expected, strict=True):
        ours = np.zeros(len(row))
        rows, weights = vocabulary.transform(grams(text))  # type: ignore[operator]
        ours[rows] = weights
        np.testing.assert_allclose(ours, row, atol=1e-6)


def test_unknown_terms_shorten_the_vector_and_keep_its_direction() -> None:
    vocabulary = learn(TEXTS)
    rows, alone = vocabulary.transform(word_grams("what is the sum"))
    same_rows, among = vocabulary.transform(word_grams("what is the sum zorgon blarf wibble"))
    np.testing.assert_array_equal(rows, same_rows)
    assert np.linalg.norm(alone) == pytest.approx(1)
    assert np.linalg.norm(among) < 0.9
    np.testing.assert_allclose(among / np.linalg.norm(among), alone, rtol=1e-5)


@pytest.mark.parametrize("text", ["", "zorgon", "😀"])
def test_text_without_a_known_term_has_no_weights(text: str) -> None:
    rows, weights = learn(["what is the sum"]).transform(word_grams(text))
    assert rows.shape == weights.shape == (0,)


@pytest.mark.parametrize("repeats", [1, 9])
def test_many_texts_at_once_are_compared_as_one_by_one(repeats: int) -> None:
    """Repeated often enough, terms become common and are multiplied as a dense matrix."""
    documents = [character_grams(text) for text in TEXTS * repeats]
    vocabulary = Vocabulary.learn(documents, minimum_documents=1, maximum_terms=10**6)
    bag = Bag.of(vocabulary, documents)
    asked = [vocabulary.transform(character_grams(text)) for text in ("what is the sum", "", "zorgon", *TEXTS)]
    expected = np.stack([bag.similarities_of(vector) for vector in asked])
    np.testing.assert_allclose(bag.similarities_of_many(asked), expected, atol=1e-4)


def test_rare_terms_are_left_out_and_the_commonest_kept() -> None:
    documents = [["a", "b"], ["a", "b"], ["a", "c"]]
    assert Vocabulary.learn(documents, minimum_documents=2, maximum_terms=10).terms == ("a", "b")
    assert Vocabulary.learn(documents, minimum_documents=1, maximum_terms=1).terms == ("a",)


def test_terms_that_do_not_fit_their_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(("a", "a"), np.ones(2, dtype=np.float32))
    with pytest.raises(ValueError, match="without its idf"):
        Vocabulary(("a",), np.ones(2, dtype=np.float32))


def test_a_text_with_many_entries_is_compared_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [character_grams(text) for text in TEXTS]
    bag = Bag.of(Vocabulary.learn(documents, minimum_documents=1, maximum_terms=10**6), documents)
    whole = [bag.similarities(grams) for grams in documents]
    monkeypatch.setattr("locoman.routing.features._ENTRIES", 7)
    np.testing.assert_allclose([bag.similarities(grams) for grams in documents], whole, atol=1e-6)
    np.testing.assert_allclose(np.diag(whole), 1, atol=1e-3)
