"""A question that begins with a minus is a question; an option stays an option."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.cli.question import QuestionCommand

SEEN: list[tuple[tuple[str, ...], str | None, bool]] = []


@click.command(cls=QuestionCommand)
@click.argument("question", nargs=-1)
@click.option("--model", "-m")
@click.option("--flag", "-f", is_flag=True)
def command(question: tuple[str, ...], model: str | None, flag: bool) -> None:
    SEEN.append((question, model, flag))


def read(*arguments: str) -> tuple[tuple[str, ...], str | None, bool]:
    command.main(list(arguments), standalone_mode=False)
    return SEEN.pop()


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(lambda word: word[0] != "-")
MINUS = PLAIN.filter(lambda word: not (word[0].isascii() and word[0].isalpha())).map(lambda word: f"-{word}")


@given(st.lists(PLAIN | MINUS, max_size=6))
def test_every_word_arrives_as_it_was_typed(words: list[str]) -> None:
    assert read(*words) == (tuple(words), None, False)
    assert read("--flag", *words, "-m", "x") == (tuple(words), "x", True)


def test_an_options_value_may_begin_with_a_minus_and_after_two_nothing_is_an_option() -> None:
    assert read("-m", "-5", "-5 + 3") == (("-5 + 3",), "-5", False)
    assert read("-f", "-5", "--", "-f", "-x") == (("-5", "-f", "-x"), None, True)


@pytest.mark.parametrize("unknown", ["-x + 3", "--x", "-x"])
def test_what_could_be_an_option_names_the_way_out(unknown: str) -> None:
    with pytest.raises(click.UsageError, match='goes behind "--"'):
        read(unknown)
