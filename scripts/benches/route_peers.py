"""What the router is measured beside."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from locoman.routing.encoder.bge import BgeSmall
from locoman.routing.encoder.files import OUTPUTS
from locoman.routing.features import Floats


class Peer(Protocol):
    """A method with an example-based score for each label."""

    name: str

    def available(self, encoder: Any) -> bool: ...

    def scores(
        self, texts: Sequence[str], labels: NDArray[np.int64], asked: Sequence[str], encoder: Any
    ) -> NDArray[np.float64]:
        """Shape (asked, labels), as probable as it can say."""
        ...


class Regression:
    """Word and character TF-IDF with logistic regression, scikit-learn's own."""

    name = "TF-IDF + LR"

    def available(self, encoder: Any) -> bool:
        return importlib.util.find_spec("sklearn") is not None

    def scores(
        self, texts: Sequence[str], labels: NDArray[np.int64], asked: Sequence[str], encoder: Any
    ) -> NDArray[np.float64]:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        model = make_pipeline(make_union(words, characters), LogisticRegression(C=10.0, max_iter=1000))
        model.fit(texts, labels)
        return np.asarray(model.predict_proba(asked))


class Plain:
    """The encoder as bge-small-en-v1.5 is meant to be used: what the last layer makes of the first token."""

    def __init__(self, model: BgeSmall) -> None:
        self._model = model

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, WIDTH), each of length 1."""
        first = np.stack([self._model.layers(text)[max(OUTPUTS)][0] for text in texts])
        return np.asarray(first / np.linalg.norm(first, axis=1, keepdims=True), dtype=np.float32)


class SemanticRouter:
    """semantic-router on the vectors of `encoder`."""

    name = "semantic-router"

    def available(self, encoder: Any) -> bool:
        return encoder is not None and importlib.util.find_spec("semantic_router") is not None

    def scores(
        self, texts: Sequence[str], labels: NDArray[np.int64], asked: Sequence[str], encoder: Any
    ) -> NDArray[np.float64]:
        from semantic_router import IndexedRouter, Route
        from semantic_router.encoders.base import DenseEncoder

        def vectors(docs: list[str]) -> list[list[float]]:
            found: list[list[float]] = encoder.encode(docs).tolist()
            return found

        class Ours(DenseEncoder):
            def __call__(self, docs: list[Any]) -> list[list[float]]:
                return vectors(docs)

            async def acall(self, docs: list[Any]) -> list[list[float]]:
                return vectors(docs)

        count = int(labels.max()) + 1

        def router(part: NDArray[np.bool_]) -> Any:
            routes = [
                Route(
                    name=str(n),
                    utterances=[t for t, label, p in zip(texts, labels, part, strict=True) if label == n and p],
                )
                for n in range(count)
            ]
            return IndexedRouter(routes=routes, encoder=Ours(name="bge-small-en-v1.5"))

        held = np.arange(len(texts)) % 5 == 0
        smaller = router(~held)
        smaller.fit([t for t, h in zip(texts, held, strict=True) if h], [str(label) for label in labels[held]])
        whole = router(np.ones(len(texts), dtype=bool))
        whole.calibrator = smaller.calibrator
        found = np.zeros((len(asked), count))
        for row, text in enumerate(asked):
            for choice in whole(text, limit=None, threshold=-1e9):
                found[row, int(choice.name)] = choice.confidence
        return found


PEERS: tuple[Peer, ...] = (Regression(), SemanticRouter())
