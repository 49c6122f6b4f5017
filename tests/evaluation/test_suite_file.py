from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.catalog.manifest import EvaluationCase, read_package
from locoman.catalog.shelf import shipped
from locoman.contracts import Message
from locoman.errors import InvalidFile, UnknownKey
from locoman.evaluation.overlap import overlaps, refuse_overlap
from locoman.evaluation.prompts import context, messages
from locoman.evaluation.suite import Prompt, Suite
from locoman.evaluation.suite_file import read_suite, suite_of

CASES = [{"question": "What is 1 + 1?", "answer": "2"}, {"question": "What is 2 + 2?", "answer": "4"}]


def written(folder: Path, toml: str = "", cases: list[dict[str, object]] | None = None, **files: str) -> Path:
    lines = "".join(json.dumps(case) + "\n" for case in (CASES if cases is None else cases))
    (folder / "sums.jsonl").write_text(lines)
    for name, text in files.items():
        (folder / f"{name}.jsonl").write_text(text)
    path = folder / "sums.toml"
    path.write_text(f"format = 1\n{toml}")
    return path


def test_a_suite_is_a_toml_beside_its_cases(tmp_path: Path) -> None:
    suite = read_suite(
        written(
            tmp_path,
            'description = "Sums"\n[prompt]\nsystem = "Be brief."\ntemplate = "Q: {question}"\nexamples = "shown.jsonl"\n'
            'shots = 1\n[sampling]\nstop = ["\\n"]\nmax_tokens = 8\n[scorer]\nname = "numeric"\n[gate]\nminimum_cases = 2',
            shown='{"question": "What is 5 + 5?", "answer": "10"}\n{"question": "no", "answer": "no"}\n',
        )
    )
    assert (suite.name, len(suite.cases), suite.lines, suite.scorer.name) == ("sums", 2, (1, 2), "numeric")
    assert (suite.stop, suite.max_tokens, suite.gate.minimum_cases) == (("\n",), 8, 2)
    assert messages(suite.prompt, suite.cases[0]) == (
        Message("system", "Be brief."),
        Message("user", "Q: What is 5 + 5?"),
        Message("assistant", "10"),
        Message("user", "Q: What is 1 + 1?"),
    )


@pytest.mark.parametrize(
    ("toml", "cases", "error", "line"),
    [
        ("[prompt]\ntemplat = 'x'", None, "unknown key 'templat', did you mean 'template'", 3),
        ("[prompt]\ntemplate = 'Answer: {qestion}'", None, "the template drops the question", 3),
        ("kind = 'guess'", None, "invalid enum value 'guess'", 2),
        ("cases = '../other.jsonl'", None, "leaves the folder", None),
        ("name = 'No Good'", None, "cannot be the name of a suite", 2),
        ("[prompt]\nshots = 3", None, "no examples to take them from", None),
        ("\n[scorer]\nname = 'exat'", None, "There is no scorer called 'exat'. Did you mean exact", 3),
        ("[scorer]\nname = 'code'", None, "the scorer code needs tests, and this case has none", 1),
        ("", [], "there is no case in it", None),
        ("", [{"question": "  ", "answer": "2"}], "the question is empty", 1),
        ("", [*CASES, {"question": "Why?"}], "needs an answer, tests or a rubric", 3),
        ("", [*CASES, {"question": "what is  1 + 1?", "answer": "3"}], "the same case as in line 1", 3),
        ("", [*CASES, {"question": "Why?", "answer": "a", "anser": "b"}], "unknown key 'anser'", 3),
        ("kind = 'choice'", None, "needs at least two choices", 1),
        (
            "kind = 'choice'",
            [{"question": "Why?", "answer": "c", "choices": ["a", "b"]}],
            "the answer 'c' is none of the choices",
            1,
        ),
    ],
)
def test_what_is_wrong_with_a_suite_is_told_with_its_line(
    tmp_path: Path, toml: str, cases: list[dict[str, object]] | None, error: str, line: int | None
) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_suite(written(tmp_path, toml, cases))
    assert error in str(caught.value)
    assert caught.value.line == line


def test_an_example_that_is_also_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="the example is also a case") as caught:
        read_suite(written(tmp_path, "[prompt]\nexamples = 'shown.jsonl'", shown=json.dumps(CASES[0])))
    assert caught.value.line == 1


def test_the_digest_changes_with_what_changes_answers_and_with_nothing_else(tmp_path: Path) -> None:
    plain = read_suite(written(tmp_path)).digest
    for toml in ("name = 'other'", "description = 'x'", "[gate]\nminimum_score = 0.5"):
        assert read_suite(written(tmp_path, toml)).digest == plain
    different = {
        read_suite(written(tmp_path, toml)).digest
        for toml in (
            "[prompt]\nsystem = 'x'",
            "[prompt]\nrepeat_question = true",
            "[sampling]\nmax_tokens = 3",
            "[sampling]\nstop = ['x']",
            "[scorer]\nname = 'contains'",
            "[scorer]\nname = 'numeric'",
        )
    }
    assert len(different | {plain}) == 7
    assert read_suite(written(tmp_path, "", CASES[:1])).digest not in different | {plain}


def test_prompts_as_text_have_the_examples_before_the_question() -> None:
    prompt = Prompt(template="Q: {question}\nA:", examples=(("1+1", "2"),), examples_as="text")
    case = EvaluationCase("2+2", "4")
    assert messages(prompt, case) == (Message("user", "Q: 1+1\nA: 2\n\nQ: 2+2\nA:"),)
    assert context(prompt, case) == "Q: 1+1\nA: 2\n\nQ: 2+2\nA:"


def test_choices_are_lettered_and_a_repeated_question_is_asked_twice() -> None:
    case = EvaluationCase("Which?", "b", choices=("a", "b"))
    (message,) = messages(Prompt(template="{question}\n{choices}\nAnswer:", repeat_question=True), case)
    assert message.content == "Which?\nRead the question again: Which?\nA. a\nB. b\nAnswer:"


@given(st.text(min_size=1).filter(str.strip))
def test_no_question_is_lost_in_its_prompt(question: str) -> None:
    case = EvaluationCase(question, "x")
    assert question in messages(Prompt(template="{choices}Q {question} {{x}}"), case)[0].content


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in shipped("adapters").glob("*/eval.jsonl")), ids=lambda p: p.name
)
def test_the_sets_of_the_shipped_adapters_are_suites_and_stand_in_no_training_set(folder: Path) -> None:
    package = read_package(folder)
    suite = suite_of(package)
    assert len(suite.cases) >= suite.gate.minimum_cases >= 50
    refuse_overlap(suite, package)


LONG = "A train leaves the station at nine and drives for {} hours at a speed of {} miles; how far does it come"


@pytest.mark.parametrize(
    ("case", "example", "same"),
    [
        ("What is 17 + 25?", "what is 17 + 25", True),
        ("What is 17 + 25?", "Please tell me: what is 17 + 25?", True),
        ("What is 17 + 25?", "What is 17 - 25?", False),
        ("What is 17 + 25?", "What is 17 + 26?", False),
        (LONG.format(3, 60), "Consider this. " + LONG.format(3, 60) + "!", True),
        (LONG.format(3, 60), LONG.format(4, 70), False),
    ],
)
def test_a_case_stands_in_an_example_by_its_words(case: str, example: str, same: bool) -> None:
    assert bool(overlaps([case], [(1, "Nothing of the kind."), (2, example)])) == same


def test_a_gate_whose_cases_were_trained_on_is_refused_with_the_line(tmp_path: Path) -> None:
    from shutil import copytree

    folder = copytree(shipped("adapters") / "code", tmp_path / "code")
    case = json.loads((folder / "eval.jsonl").read_text().splitlines()[4])
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"question": case["question"], "answer": "x"}) + "\n")
    package = read_package(folder)
    with pytest.raises(InvalidFile, match="cannot be a gate") as caught:
        refuse_overlap(suite_of(package), package)
    assert caught.value.line == 5


def test_unknown_keys_name_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownKey) as caught:
        read_suite(written(tmp_path, "[scorer]\nnmae = 'exact'"))
    assert caught.value.line == 3


def test_the_first_cases_are_a_suite_of_their_own(tmp_path: Path) -> None:
    suite: Suite = read_suite(written(tmp_path))
    assert len(suite.first(1).cases) == 1
    assert suite.first(0) is suite
