"""Why the router decides as it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from locoman.contracts import Decision
from locoman.routing.cascade import Router
from locoman.routing.common_words import is_politeness, word_set, words_of
from locoman.routing.conversation import form_of
from locoman.routing.scorer import Judgement
from locoman.routing.stages import keywords, said
from locoman.routing.stages.encoder import NAME as ENCODER
from locoman.routing.stages.encoder import EncoderStage
from locoman.routing.stages.keywords import KeywordStage
from locoman.routing.stages.lexical import NAME as LEXICAL
from locoman.routing.stages.lexical import LexicalStage
from locoman.routing.text import MAX_CHARACTERS

NEAREST = 5
MOST_WORDS = 40  # that are left out in turn
SHOWN_WORDS = 8
_LEAST_WORDS = 2  # of a part of a question that may be a question itself, unless "then" stands before it
_SURE = 0.6

_SENTENCE = re.compile(r"(?<=[.?!;])\s+")
_JOIN = re.compile(r"(?:^|\s+|,\s*)(?:and then|and also|and|then|also|plus)\s+", re.IGNORECASE)


_ASKING = word_set(
    "who what when where why how which is are was were do does did can could will would should tell explain write sing "
    "describe give show name recommend"
)
_PRONOUNS = word_set("it he she they him her them his its their this that these those")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An example question, whose it is, and how alike it is, up to 1."""

    text: str
    adapter: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class WordWeight:
    """How much less probable the likeliest adapter would be without this word."""

    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the question that on its own would go to `adapter`; None: to the base."""

    text: str
    adapter: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the question compares with the examples: what the decision rests on, unless somebody said it in so many words.

    `stage` made it. From the `threshold` on, `scope` says that the question is some adapter's; `somebody` is the probability of
    that, which is lower where the question could not be read in full (another script). `words` speak for `likeliest`.
    """

    stage: str
    scope: float
    threshold: float
    somebody: float
    likeliest: str
    nearest: tuple[Neighbour, ...] = ()
    words: tuple[WordWeight, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """`keyword`: the phrase that decided. `compared`: None where the examples were not looked at. `parts` are there where the
    question asks for two things of two adapters. That the user said it himself, `decision.stage` tells."""

    decision: Decision
    keyword: str | None = None
    compared: Comparison | None = None
    parts: tuple[Part, ...] = ()

    @property
    def said(self) -> bool:
        """Whether the user himself said where this very question belongs."""
        return self.decision.stage == said.NAME


def explain(router: Router, question: str) -> Explanation:
    """The decision for `question` and what led to it."""
    decision = router.decide(question)
    parts = _mixed(router, question)
    if decision.stage == said.NAME:
        return Explanation(decision, parts=parts)
    if decision.stage == keywords.NAME:
        return Explanation(decision, keyword=_phrase(router, question), parts=parts)
    stage = _judging(router, question)
    return Explanation(decision, compared=None if stage is None else _compare(stage, question), parts=parts)


def _phrase(router: Router, question: str) -> str | None:
    """The keyword that occurs in `question`."""
    found = (pair for stage in router.stages if isinstance(stage, KeywordStage) for pair in stage.found(question))
    return next((phrase for _, phrase in found), None)


def _compare(stage: EncoderStage | LexicalStage, question: str) -> Comparison:
    judgement = stage.judge(question)
    learnt = stage.learnt
    meant = learnt.meaning.scorer if isinstance(stage, EncoderStage) and learnt.meaning else learnt.lexical
    names = [*learnt.names, None]
    labels, similarities = meant.owners.labels, stage.similarities(question)
    nearest = tuple(
        Neighbour(learnt.texts[i], names[labels[i]], float(similarities[i]))
        for i in np.argsort(-similarities, kind="stable").tolist()[: NEAREST + 1]
        if similarities[i] > 0 and learnt.texts[i]  # nobody's examples hold the empty text, once
    )[:NEAREST]
    likeliest = int(judgement.among[0].argmax())
    return Comparison(
        ENCODER if isinstance(stage, EncoderStage) else LEXICAL,
        float(judgement.scope[0]),
        meant.threshold,
        float(judgement.somebody[0]),
        learnt.names[likeliest],
        nearest,
        _words(stage, question, judgement, likeliest),
    )


def _judging(router: Router, question: str) -> EncoderStage | LexicalStage | None:
    """The stage that compares this question with the examples."""
    for stage in router.stages:
        if isinstance(stage, EncoderStage | LexicalStage) and stage.reads(question):
            return stage
    return None


def _words(stage: EncoderStage | LexicalStage, question: str, whole: Judgement, column: int) -> tuple[WordWeight, ...]:
    """The words whose absence changes the probability of the adapter `column` most."""
    words = question[:MAX_CHARACTERS].split()[:MOST_WORDS]
    if len(words) < 2:
        return ()
    found = []
    for place, word in enumerate(words):
        without = stage.judge(" ".join(words[:place] + words[place + 1 :]))
        found.append(WordWeight(word, float(whole.shares[0, column] - without.shares[0, column])))
    return tuple(sorted(found, key=lambda found: -abs(found.weight))[:SHOWN_WORDS])


def _mixed(router: Router, question: str) -> tuple[Part, ...]:
    """The parts of a question that asks for two things; () for one that does not."""
    pieces = list(_pieces(question[:MAX_CHARACTERS]))
    parts = [
        Part(text, decision.adapter, decision.confidence)
        for place, text in enumerate(pieces)
        if (decision := router.alone(text)).confidence >= _SURE
        and (decision.adapter is not None or _asks(text, pieces[:place] + pieces[place + 1 :]))
    ]
    return tuple(parts) if len({part.adapter for part in parts}) > 1 else ()


def _pieces(question: str) -> Iterator[str]:
    """Sentences, cut where two parts that tell something are joined: "3 and 4" stays whole."""
    for sentence in _SENTENCE.split(question)[:MOST_WORDS]:
        start = 0
        for join in list(_JOIN.finditer(sentence))[:MOST_WORDS]:
            least = 1 if "then" in join[0].lower() else _LEAST_WORDS
            before, after = sentence[start : join.start()], sentence[join.end() :]
            if all(len(part.split()) >= least and _tells(part) for part in (before, after)):
                yield before.strip()
                start = join.end()
        if _tells(sentence[start:]):
            yield sentence[start:].strip()


def _tells(text: str) -> bool:
    """Whether there is more than numbers, politeness and words that any question has."""
    form = form_of(text)
    return bool(text.strip()) and not form.nothing and not is_politeness(text)


def _asks(text: str, others: Sequence[str]) -> bool:
    """Whether what is nobody's is a request of its own: no remark, and about nothing that the other pieces speak of."""
    words, form = words_of(text), form_of(text)
    told = frozenset().union(*(form_of(other).own for other in others))
    return (
        form.sentence
        and (text.endswith("?") or bool(words and words[0] in _ASKING))
        and _PRONOUNS.isdisjoint(words)
        and told.isdisjoint(form.own)
    )
