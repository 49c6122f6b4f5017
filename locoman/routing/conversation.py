"""Which adapter a follow-up belongs to: that of its conversation, unless a new topic is clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from locoman.contracts import Decision, Message

NAME = "conversation"
TURNS = 8  # questions that are looked back at
SHORT = 3  # words; a question as short says little on its own
CLEAR = 0.85  # the probability of another adapter that makes a new topic of what sounds like a follow-up,
LIKELY = 0.5  # and of what is merely short
STAYS = 0.95  # the probability that what says nothing by itself goes on with its conversation

_POINTED = 8  # words; a longer question points at things of its own
_OPENING = re.compile(
    r"^\W*(and|but|so|then|now|also|again|why|how come|what about|how about|what if|or|same|ok(ay)? (and|but|now|so)|"
    r"another|one more|once more|next|the same|instead|with|without|for|in that case|explain|show me|are you sure|really)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(it|that|this|those|these|them|they|one|ones|there|previous|above|again|instead|your)\b", re.I
)
_THANKS = re.compile(
    r"^\W*(thanks?|thank you|thx|bye|goodbye|hello|hi|hey|good (morning|evening|night))\b", re.IGNORECASE
)

_FILLING = frozenset(
    re.findall(
        r"\w+",
        "a about above again also an and another are as but by can case could do does explain for from how i if in instead is "
        "it me more my next now of ok okay on once one ones or please previous really same show so sure than that the them "
        "then there these they this those to what which why with without would you your",
    )
)
_MEANT = re.compile(r"[^\W\d_]+|[+*/=<>%^×÷√-]")


def settle(question: str, history: Sequence[Message], alone: Callable[[str], Decision]) -> Decision:
    """Who should answer `question` after `history`; `alone` decides a text as if nothing had been said before."""
    decision = alone(question)
    asked = [message.content for message in history if message.role == "user"][-TURNS:]
    topic: str | None = None
    for text in asked:
        topic = _step(topic, text, alone(text)).adapter
    return _step(topic, question, decision)


def _step(topic: str | None, text: str, decision: Decision) -> Decision:
    """The decision for `text` in a conversation that is with `topic`."""
    if topic is None or decision.adapter == topic or not is_follow_up(text):
        return decision
    if decision.confidence == 1:  # somebody said so, about this very text
        return decision
    if _is_empty(text):
        rival = 1 - STAYS
    elif decision.adapter is not None and decision.confidence >= (CLEAR if _leans(text) else LIKELY):
        return decision
    else:
        rival = max((c.probability for c in decision.candidates if c.adapter not in (topic, None)), default=0.0)
    candidates = tuple(
        replace(c, probability=1 - rival if c.adapter == topic else rival * c.probability) for c in decision.candidates
    )
    total = sum(candidate.probability for candidate in candidates)
    candidates = tuple(replace(c, probability=c.probability / total) for c in candidates)
    sure = next((c.probability for c in candidates if c.adapter == topic), 1 - rival)
    return Decision(topic, sure, NAME, candidates)


def is_follow_up(text: str) -> bool:
    """Whether `text` leans on what was said before: by how it opens, by pointing at something, or by saying hardly anything."""
    if _THANKS.search(text):
        return False
    words = re.findall(r"\w+", text)
    return 0 < len(words) <= SHORT or (len(words) > 0 and _leans(text))


def _leans(text: str) -> bool:
    """Whether `text` opens as what goes on, or is short and points at something."""
    return bool(_OPENING.search(text)) or (len(text.split()) <= _POINTED and bool(_POINTING.search(text)))


def _is_empty(text: str) -> bool:
    """Whether `text` holds nothing but numbers and words that any topic has ("now with 30"): by itself it says nothing."""
    return all(word in _FILLING for word in _MEANT.findall(text.lower()))
