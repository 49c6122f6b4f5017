"""Words that tell no topic."""

from __future__ import annotations

import re

from locoman.routing.text import MAX_CHARACTERS

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_DIGIT_OR_SIGN = re.compile(r"[\d+*/=<>%^×÷√]")


def word_set(words: str) -> frozenset[str]:
    """Of words with blanks between them."""
    return frozenset(words.split())


# Words that any conversation has: those that join and point, numbers, and those that speak of an answer.
ANYBODYS = word_set(
    "a about above after again all also always an and another any anything are as at be been before being both but by "
    "can case come comes could did do does doing done each either else even ever every exactly few for from get give go "
    "goes got had has have he her here hers him his how however i if in instead into is it it's its just let let's like "
    "make many may maybe me mean means might more most much must my need neither never next no none nor not now of off "
    "oh ok okay on once one ones only or other others our out over own per please previous put quite rather really same "
    "say shall she should show since so some something still such sure take tell than that that's the their them then "
    "there these they thing things think this those though through to too try under until up us use very want was we "
    "well were what what's when where whether which while who whose why will with without would yes yet you your know "
    "known understand explain work worked works happen happens called change changed find found start look answer "
    "answers question result results step steps example examples detail details rest part way round reason rule simple "
    "simpler short shorter long longer slow slower slowly quick fast faster easy easier hard harder clear clearly right "
    "wrong correct true false possible first second last left zero two three four five six seven eight nine ten eleven "
    "twelve twenty thirty hundred thousand"
)
# What politeness adds to any question; examples have it too, so that alone it would look like them.
_POLITE = word_set(
    "hello hi hey hiya howdy good morning afternoon evening night day welcome bye goodbye thank thanks thx please cheers sorry "
    "excuse pardon nice great cool fine wow haha lol yeah yep nah ok okay dear friend everybody everyone kindly greetings "
    "a again all and for many much lot my no oh so that there to too very well yes you"
)


def words_of(text: str) -> list[str]:
    """The words in their order, case-folded, numbers left out."""
    return _WORD.findall(text[:MAX_CHARACTERS].casefold().replace("\u2019", "'"))


def is_politeness(text: str) -> bool:
    """Whether it greets, thanks or says please, and nothing else."""
    words = words_of(text)
    return bool(words) and _POLITE.issuperset(words) and not _DIGIT_OR_SIGN.search(text)
