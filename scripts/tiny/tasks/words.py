"""Word operations: write backwards, spell, count letters."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from tiny.tasks.task import Phrasings, Problem, Task

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
    """Textbook lines and questions about a word; about half of the words of a textbook are invented.

    The beginner only moves the first letter to the end, forgets the last letter, and counts one too many.
    """
    word = rng.choice(vocabulary()) if rng.random() < 0.7 else invented(rng)
    letter = rng.choice(word) if rng.random() < 0.85 else rng.choice("abcdefghiklmnoprstuw")
    if kind == "reverse":
        answer, mistake = word[::-1], word[1:] + word[0]
        statements = [
            (f"{word} backwards:\n", answer),
            (f'"{word}" backwards\n', answer),
            (f"reversed {word}\n", answer),
        ]
        if mistake == answer:
            mistake = word
    elif kind == "spell":
        answer, mistake = "-".join(word), "-".join(word[:-1])
        statements = [
            (f"{word} spelled:\n", answer),
            (f'letters of "{word}"\n', answer),
            (f"spelling {word}\n", answer),
        ]
    elif kind == "count":
        number = word.count(letter)
        answer, mistake = str(number), str(number + 1)
        statements = [
            (f'letter {letter} in "{word}":\n', answer),
            (f"{letter} in {word}\n", answer),
            (f"{word} counting {letter}:\n", answer),
        ]
    else:
        answer, mistake = str(len(word)), str(len(word) + 1)
        statements = [(f"length of {word}:\n", answer), (f'"{word}" length\n', answer), (f"{word} long\n", answer)]
    return Problem(kind, word, {"w": word, "c": letter}, answer, mistake, statements)


def _quoted(*templates: str) -> tuple[str, ...]:
    """Every template with the word plain and in quotation marks."""
    return templates + tuple(template.replace("{w}", '"{w}"') for template in templates)


REVERSE = Phrasings(
    train=_quoted(
        "Reverse the word {w}.",
        "Reverse {w}.",
        "Write {w} backwards.",
        "Write the word {w} backwards.",
        "What is {w} backwards?",
        "What is {w} spelled backwards?",
        "How do you write {w} backwards?",
        "{w} backwards",
        "{w} reversed",
        "Can you reverse {w}?",
        "Can you write {w} backwards?",
        "Turn the word {w} around.",
        "Say {w} backwards.",
        "Please reverse the word {w}.",
        "What is the reverse of {w}?",
        "Give me {w} in reverse.",
    ),
    evaluation=_quoted(
        "Can you write the word {w} backwards for me?",
        "What do I get when I reverse {w}?",
        "Please write {w} backwards.",
        "How is {w} written backwards?",
        "Give me the word {w} backwards.",
        "I need {w} in reverse.",
    ),
)
SPELL = Phrasings(
    train=_quoted(
        "Spell {w}.",
        "Spell the word {w}.",
        "How do you spell {w}?",
        "How is {w} spelled?",
        "How do I spell {w}?",
        "Can you spell {w}?",
        "Can you spell the word {w} for me?",
        "Please spell {w}.",
        "Spell out {w}.",
        "Spell {w} letter by letter.",
        "Spell {w} with dashes.",
        "What is the spelling of {w}?",
        "{w}, letter by letter",
        "Tell me the letters of {w}.",
        "Give me the spelling of {w}.",
    ),
    evaluation=_quoted(
        "Could you spell {w} for me?",
        "Tell me how to spell {w}.",
        "Please spell the word {w} letter by letter.",
        "How would you spell the word {w}?",
        "I need the spelling of {w}.",
        "Do you know how to spell {w}?",
    ),
)
COUNT = Phrasings(
    train=_quoted(
        "How many times does the letter {c} appear in {w}?",
        "How often does the letter {c} appear in {w}?",
        "How often is the letter {c} in {w}?",
        "Count the letter {c} in {w}.",
        "How many {c} are in {w}?",
        "How many {c}'s are in {w}?",
        "How many {c}'s are there in the word {w}?",
        "How many times is {c} in {w}?",
        "Count the {c}'s in {w}.",
        "What is the number of {c}'s in {w}?",
        "How many letters {c} are in the word {w}?",
        "Can you count the letter {c} in {w}?",
        "How often does {c} appear in the word {w}?",
        "Letter {c} in {w}: how many?",
    ),
    evaluation=_quoted(
        "Can you count how often the letter {c} appears in {w}?",
        "How many times do you find the letter {c} in {w}?",
        "How many {c}'s does the word {w} have?",
        "Please count the letter {c} in the word {w}.",
        "Tell me how many {c}'s are in {w}.",
        "How often is {c} in the word {w}?",
    ),
)
LENGTH = Phrasings(
    train=_quoted(
        "How many letters are in {w}?",
        "How many letters does {w} have?",
        "How many letters are in the word {w}?",
        "How long is the word {w}?",
        "Count the letters in {w}.",
        "Count the letters of {w}.",
        "What is the length of {w}?",
        "Number of letters in {w}?",
        "Can you count the letters in {w}?",
        "{w} has how many letters?",
        "Tell me how many letters are in {w}.",
    ),
    evaluation=_quoted(
        "Can you tell me how many letters the word {w} has?",
        "How many letters are there in {w}?",
        "Please count the letters in the word {w}.",
        "What is the length of the word {w}?",
        "How many letters does the word {w} have?",
    ),
)

WORDS = Task(
    name="words",
    draw=draw,
    weights={"reverse": 0.35, "spell": 0.25, "count": 0.22, "length": 0.18},
    phrasings={"reverse": REVERSE, "spell": SPELL, "count": COUNT, "length": LENGTH},
)
