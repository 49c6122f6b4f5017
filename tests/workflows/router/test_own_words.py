"""routing.toml and feedback.jsonl, the files in which the user speaks: broken ones are named with their place and what helps,
and what does nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Shell

from locoman.app import App
from locoman.errors import InvalidFile
from locoman.routing.examples import AdapterExamples
from locoman.store.home import Home
from locoman.workflows.doctor import Check, examine
from locoman.workflows.router.oddities import idle_wishes, shared_phrases
from locoman.workflows.router.wishes import Wishes, read_wishes


def check(home: Home, name: str) -> Check:
    with App.load(home.root) as app:
        checks = examine(app.home, app.shelf, app.ollama_url, app.engine, deep=False)
        return next(found for found in checks if found.name == name)


def test_the_doctor_names_a_broken_file_its_line_and_what_helps(copied: Home, shell: Shell) -> None:
    assert check(copied, "routing").ok
    assert check(copied, "feedback").ok
    copied.wishes.write_text('[keywords]\nwords = ["spell"]\n\n[minimum_confidence]\nwords = 7\n')
    copied.feedback.write_text('{"text": "a", "adapter": null}\n{"text": \n')
    wishes, feedback = check(copied, "routing"), check(copied, "feedback")
    assert not wishes.ok
    assert f"{copied.wishes}, line 4" in wishes.detail
    assert wishes.fix == f"mend {copied.wishes}"
    assert not feedback.ok
    assert f"{copied.feedback}, line 2" in feedback.detail
    assert feedback.fix == f"mend {copied.feedback}, or move it away"
    result = shell("router", "fit")
    assert result.code == 1
    assert f"Next: mend {copied.wishes}" in result.err
    copied.wishes.unlink()
    assert f"Next: mend {copied.feedback}, or move it away" in shell("router", "fit").err
    copied.feedback.unlink()
    assert check(copied, "feedback").ok


def test_names_that_nobody_has_and_phrases_that_two_claim_are_named_and_fail_nothing(
    copied: Home, shell: Shell
) -> None:
    copied.wishes.write_text(
        '[keywords]\nwrods = ["zorble"]\nwords = ["shibboleth"]\ndates = ["Shibboleth"]\n[minimum_confidence]\nfoo = 0.3\n'
    )
    copied.feedback.write_text('{"text": "a", "adapter": "wrods"}\n')
    fit, shown, doctor = shell("router", "fit"), shell("router", "show"), check(copied, "routing")
    assert (fit.code, shown.code, doctor.ok) == (0, 0, True)
    for text in (fit.out, shown.out, doctor.detail):
        assert "no installed adapter is called 'wrods'. Did you mean words?" in text
        assert "no installed adapter is called 'foo'" in text
        assert "'shibboleth' is claimed by dates and words" in text
    feedback = check(copied, "feedback")
    assert feedback.ok
    assert "1 remark(s) name 'wrods', which is not installed. Did you mean words" in feedback.detail


def test_what_does_something_is_not_named() -> None:
    wishes = Wishes(keywords={"words": ("spell",)}, minimum_confidence={"dates": 0.5})
    assert idle_wishes(wishes, {"words", "dates"}) == ()
    adapters = [AdapterExamples("words", keywords=("spell", "Spell")), AdapterExamples("dates", keywords=("day",))]
    assert shared_phrases(adapters) == ()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("wrong_cost = -1.0\n", 1),
        ("\n\nwrong_cost = 'much'\n", 3),
        ("wrong_cost = 1.0\n[keywords]\nwords = 3\n", 2),
        ("wrong_cost = 1.0\n[keywords]\nwords = ['']\n", 2),
        ("wrong_cost = \n", 1),
        ("wrong_cots = 1.0\n", 1),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    (tmp_path / "routing.toml").write_text(content)
    with pytest.raises(InvalidFile) as refused:
        read_wishes(Home(tmp_path))
    assert refused.value.line == line
