from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from support.subjects import NONE, SUBJECTS

from locoman.routing.features import UNKNOWN, Bag, Vocabulary
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


documents = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), min_size=1, max_size=30)


def plain(vocabulary: Vocabulary, grams: list[str]) -> np.ndarray:
    """The definition, term by term; shape (terms,)."""
    idf = dict(zip(vocabulary.terms, vocabulary.idf.tolist(), strict=True))
    strange = UNKNOWN * max(idf.values(), default=0.0)
    weights = {gram: (1 + math.log(count)) * idf.get(gram, strange) for gram, count in Counter(grams).items()}
    length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
    return np.array([weights.get(term, 0.0) / length for term in vocabulary.terms])


@settings(max_examples=60, deadline=None)
@given(documents, st.lists(st.sampled_from("abcdxyz"), max_size=20))
def test_vectors_and_similarities_are_those_of_the_plain_definition(texts: list[list[str]], asked: list[str]) -> None:
    """With so few terms some are in many texts, which are kept as a dense matrix, and some are not."""
    vocabulary = Vocabulary.learn(texts, minimum_documents=1, maximum_terms=100)
    ours = np.zeros(len(vocabulary.terms))
    rows, weights = vocabulary.transform(asked)
    ours[rows] = weights
    np.testing.assert_allclose(ours, plain(vocabulary, asked), atol=1e-6)
    assert len(set(rows.tolist())) == len(rows)
    expected = np.array([plain(vocabulary, grams) @ plain(vocabulary, asked) for grams in texts])
    bag = Bag.of(vocabulary, texts)
    np.testing.assert_allclose(bag.similarities(asked), expected, atol=1e-3)
    np.testing.assert_allclose(bag.similarities_of_many([(rows, weights)])[0], bag.similarities(asked), atol=1e-6)


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
    monkeypatch.setattr("locoman.routing.features._OFTEN", 1.0)
    bag = Bag.of(bag.vocabulary, documents)
    np.testing.assert_allclose([bag.similarities(grams) for grams in documents], whole, atol=1e-6)
    np.testing.assert_allclose(np.diag(whole), 1, atol=1e-3)
