"""Which adapter a follow-up belongs to: that of its conversation, unless a new topic is likelier.

A question goes on with what was said before with a probability F, by how it is worded (`Form`), by what it speaks of, and by
how sure the router is of another adapter when it reads the question alone. The probability of each candidate then is (1 - F)
times what it is for the question alone, plus F for whoever answered last; the likeliest is taken, the base among them.

The weights are a logistic regression on half of tests/routing/data/turns.jsonl, rounded; the other half is the test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from locoman.contracts import Candidate, Decision, Message
from locoman.routing.common_words import ANYBODYS, word_set, words_of
from locoman.routing.stages.keywords import NAME as KEYWORDS
from locoman.routing.stages.said import NAME as SAID
from locoman.routing.stages.verdict import Demands
from locoman.routing.text import MAX_CHARACTERS

NAME = "conversation"
TURNS = 64  # questions with words of their own that are looked back at; those without do not count
SHORT = 3  # words; a question as short says little on its own
POINTED = 8  # words; a longer question points at things of its own

# What speaks for going on, in log-odds:
_USUALLY = 1.3  # a question that opens with "and", is short, or points at something
_NOTHING_OF_ITS_OWN = 1.7
_SENTENCE = -4.4  # with words of its own, which stands for itself
_RIVAL = -4.5  # times the probability that the question alone is another adapter's
_STRANGE = -2.7  # with two words or more that neither an adapter's example nor the turn before has
_SMALL_TALK = -4.0
_LEANS_ON_NOTHING = -3.0  # not measured: all questions of that file are worded as follow-ups are

_OPENING = re.compile(
    r"^\W*(and|but|so|then|now|also|again|why|how come|what about|how about|what if|or|same|ok(ay)? (and|but|now|so)|"
    r"another|one more|once more|next|the same|instead|with|without|for|in that case|explain|show me|are you sure|really)\b",
    re.IGNORECASE,
)
_CHATTING = re.compile(
    r"\b(thanks?|thank you|thx|bye|goodbye|hello|hi|hey|good (morning|evening|night)|haha\w*|lol|(who|what|how) are you\W*$)",
    re.IGNORECASE,
)

_POINTING = word_set("it that this those these them they he she him one ones there same previous above other")
# What makes a sentence of words, or a request:
_FINITE = word_set(
    "am is are was were be do does did can could will would shall should may might must has have had i i'm we my our "
    "it's that's what's who who's let tell sing play write recommend give describe define explain show"
)
_SIGN = re.compile(r"[+*/=<>%^×÷√]|(?<![^\W\d])-\s*\d")


@dataclass(frozen=True, slots=True)
class Form:
    """How a question is worded.

    `leans`: it opens as what goes on, is short, or points at something. `own`: its words that not any topic has; `nothing`:
    there are none, nor signs of arithmetic ("now with 30"). `sentence`: it has something of its own and points at nothing.
    `small_talk`: it greets, thanks, or asks who one is.
    """

    leans: bool
    own: frozenset[str]
    nothing: bool
    sentence: bool
    small_talk: bool


def settle(
    question: str,
    history: Sequence[Message],
    alone: Decision,
    earlier: Callable[[str], Decision],
    demands: Demands,
    known: Set[str] = frozenset(),
) -> Decision:
    """Who should answer `question` after `history`; `alone` decides it, and `earlier` the ones before, as if nothing had been
    said before. `known` are the words of the adapters' examples (`common_words.words_of`)."""
    if not any(message.role == "user" for message in history):
        return alone
    topic: str | None = None
    turn: Set[str] = frozenset()  # the words of the question before and of its answer
    for message in _looked_back_at(history):
        words = frozenset(words_of(message.content))
        if message.role == "user":
            topic = _step(topic, message.content, earlier(message.content), demands, known | turn).adapter
        turn = words if message.role == "user" else turn | words
    return _step(topic, question, alone, demands, known | turn)


def _looked_back_at(history: Sequence[Message]) -> Sequence[Message]:
    """The history from the first question on that is looked back at."""
    telling = 0
    for place in range(len(history) - 1, -1, -1):
        if history[place].role == "user" and not form_of(history[place].content).nothing:
            telling += 1
            if telling == TURNS:
                return history[place:]
    return history


def _step(topic: str | None, text: str, alone: Decision, demands: Demands, known: Set[str]) -> Decision:
    """The decision for `text` in a conversation that is with `topic`."""
    if alone.stage in (SAID, KEYWORDS):  # somebody said so, about this very text
        return alone
    shares = {candidate.adapter: candidate.probability for candidate in alone.candidates}
    rival = max((share for adapter, share in shares.items() if adapter not in (topic, None)), default=0.0)
    goes_on = going_on(form_of(text), rival, known)
    mixed = {adapter: (1 - goes_on) * shares.get(adapter, 0.0) for adapter in (*shares, topic)}
    mixed[topic] += goes_on
    best = max(mixed, key=mixed.__getitem__)
    refused = None if best is None else demands.refusal(best, mixed[best])
    best = None if refused else best
    candidates = tuple(Candidate(adapter, share) for adapter, share in mixed.items())
    stage = alone.stage if alone.adapter == best else NAME
    return Decision(best, mixed.get(best, 0.0), stage, candidates, refused=refused)


def going_on(form: Form, rival: float, known: Set[str]) -> float:
    """The probability that a question of this form goes on with what was said.

    `rival`: the probability that, alone, it is another adapter's than that of the conversation; what numbers say of that is not
    asked, for every topic has them. `known`: the words of the adapters' examples and of the turn before.
    """
    odds = _USUALLY
    if form.small_talk:
        odds += _SMALL_TALK
    elif form.nothing:
        odds += _NOTHING_OF_ITS_OWN
    elif form.sentence:
        odds += _SENTENCE
    elif len(form.own - known) > 1:
        odds += _STRANGE
    if not form.nothing:
        odds += _RIVAL * rival + (0.0 if form.leans else _LEANS_ON_NOTHING)
    return 1 / (1 + math.exp(-odds))


def form_of(text: str) -> Form:
    """What the words of a question tell."""
    text = text[:MAX_CHARACTERS]
    words = words_of(text)
    count = len(re.findall(r"\w+", text))
    points = _points(words)
    small_talk = bool(_CHATTING.search(text))
    own = frozenset(words) - ANYBODYS
    nothing = not (own or small_talk or _SIGN.search(text))
    return Form(
        leans=count > 0 and (count <= SHORT or (points and count <= POINTED) or bool(_OPENING.search(text))),
        own=own,
        nothing=count > 0 and nothing,
        sentence=not nothing and not points and not _FINITE.isdisjoint(words),
        small_talk=small_talk,
    )


def _points(words: Sequence[str]) -> bool:
    """Whether a word stands for something said: "why is that so", but not "why is that man here", nor "is it raining"."""
    following = [*words[1:], "it"]
    return any(word in _POINTING and after in ANYBODYS for word, after in zip(words, following, strict=False))
