"""Word operations: write backwards, spell, count letters."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from tiny.tasks.phrasing import phrasings
from tiny.tasks.task import Problem, Task

LONGEST = 5
"""Letters in a word that the adapter is asked about; the base reads of words of up to seven."""
ONSETS = """
b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sh sk sl sm sn sp st str sw t th tr v w y z
"""
VOWELS = """
a e i o u a e i o u ai ea ee ie oa oo ou y
"""
CODAS = """
- - - b ck d ft g l ll lt m mp n nd ng nk nt p r rd rk rn rt s sh ss st t tch th x
"""


@cache
def vocabulary() -> tuple[str, ...]:
    """Common English words of three to seven letters."""
    return tuple(Path(__file__).with_name("vocabulary.txt").read_text(encoding="utf-8").split())


def invented(rng: random.Random) -> str:
    """A pronounceable word that (mostly) does not exist, for practice in spelling."""
    while True:
        parts = [rng.choice(letters.split()) for _ in range(rng.randint(1, 2)) for letters in (ONSETS, VOWELS, CODAS)]
        word = "".join(parts).replace("-", "")
        if 3 <= len(word) <= 7 and word not in vocabulary():
            return word


def draw(kind: str, rng: random.Random) -> Problem:
    """Textbook lines and questions about a word, more often than not an invented one: spelling is learnt from many words.

    The beginner only moves the first letter to the end, forgets the last letter, and counts one too many.
    """
    practice = rng.random() < 0.65
    word = invented(rng) if practice else rng.choice(vocabulary())
    letter = _letter(word, rng)
    if kind == "reverse":
        answer, mistake = word[::-1], word[1:] + word[0]
        shown = (f"{word} backwards:", f'"{word}" backwards', f"reversed {word}", f'the word "{word}" reversed')
        if mistake == answer:
            mistake = word
    elif kind == "spell":
        answer, mistake = "-".join(word), "-".join(word[:-1])
        shown = (f"{word} spelled:", f'letters of "{word}"', f"spelling {word}", f"the word {word} letter by letter")
    elif kind == "count":
        number = word.count(letter)
        answer, mistake = str(number), str(number + 1)
        shown = (f'letter {letter} in "{word}":', f"{letter} in {word}", f"{word} counting {letter}:")
    else:
        answer, mistake = str(len(word)), str(len(word) + 1)
        shown = (f"length of {word}:", f'"{word}" length', f"{word} how long", f"letters in the word {word}")
    statements = [(f"{text}\n", answer) for text in shown]
    hard = len(word) > LONGEST or (kind == "count" and letter not in word)
    return Problem(kind, word, {"w": word, "c": letter}, answer, mistake, statements, practice=practice, hard=hard)


def _letter(word: str, rng: random.Random) -> str:
    """A letter to count: often one that comes twice, sometimes one that is not there."""
    repeated = [letter for letter in word if word.count(letter) > 1]
    drawn = rng.random()
    if repeated and drawn < 0.5:
        return rng.choice(repeated)
    return rng.choice(word) if drawn < 0.8 else rng.choice("abcdefghiklmnoprstuw")


def _quoted(*templates: str) -> tuple[str, ...]:
    """Every template with the word plain and in quotation marks."""
    return templates + tuple(template.replace("{w}", '"{w}"') for template in templates)


REVERSE = phrasings(
    "words/reverse",
    nouns=_quoted(
        "{w} backwards", "the word {w} backwards", "the reverse of {w}", "{w} in reverse", "{w} spelled backwards"
    ),
    verbs=_quoted(
        "reverse {w}",
        "reverse the word {w}",
        "write {w} backwards",
        "write the word {w} backwards",
        "say {w} backwards",
    ),
    clauses=_quoted("what {w} is backwards", "how to write {w} backwards", "how {w} is written backwards"),
    whole=_quoted(
        "How do you write {w} backwards?", "How is {w} written backwards?", "{w} reversed", "Turn the word {w} around."
    ),
)
SPELL = phrasings(
    "words/spell",
    nouns=_quoted(
        "the spelling of {w}", "the letters of {w}", "the word {w} letter by letter", "{w}, letter by letter"
    ),
    verbs=_quoted(
        "spell {w}", "spell the word {w}", "spell out {w}", "spell {w} letter by letter", "spell {w} with dashes"
    ),
    clauses=_quoted(
        "how to spell {w}", "how {w} is spelled", "how you spell the word {w}", "how to spell the word {w}"
    ),
    whole=_quoted(
        "How do you spell {w}?", "How is {w} spelled?", "How do I spell the word {w}?", "How would you spell {w}?"
    ),
)
COUNT = phrasings(
    "words/count",
    nouns=_quoted("the number of {c}'s in {w}", "the number of letters {c} in {w}", "the count of {c} in the word {w}"),
    verbs=_quoted("count the letter {c} in {w}", "count the {c}'s in {w}", "count how often {c} is in {w}"),
    clauses=_quoted(
        "how often the letter {c} appears in {w}",
        "how often {c} is in the word {w}",
        "how many {c}'s are in {w}",
        "how many times {c} is in {w}",
        "how many letters {c} the word {w} has",
    ),
    whole=_quoted(
        "How many times does the letter {c} appear in {w}?",
        "How often does the letter {c} appear in {w}?",
        "How often is {c} in {w}?",
        "How many {c}'s are in {w}?",
        "How many {c}'s are there in the word {w}?",
        "How many {c}'s does the word {w} have?",
        "How many times is {c} in {w}?",
        "Letter {c} in {w}: how many?",
    ),
)
LENGTH = phrasings(
    "words/length",
    nouns=_quoted("the length of {w}", "the length of the word {w}", "the number of letters in {w}"),
    verbs=_quoted("count the letters in {w}", "count the letters of the word {w}"),
    clauses=_quoted("how many letters are in {w}", "how many letters the word {w} has", "how long the word {w} is"),
    whole=_quoted(
        "How many letters are in {w}?",
        "How many letters are there in {w}?",
        "How many letters does {w} have?",
        "How many letters does the word {w} have?",
        "How long is the word {w}?",
        "{w} has how many letters?",
    ),
)

WORDS = Task(
    name="words",
    draw=draw,
    weights={"reverse": 0.35, "spell": 0.25, "count": 0.22, "length": 0.18},
    phrasings={"reverse": REVERSE, "spell": SPELL, "count": COUNT, "length": LENGTH},
)
