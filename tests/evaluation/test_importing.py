"""Suites of others: recognised, taken over whole, refused where they are code or broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locoman.contracts import Target
from locoman.errors import InvalidFile, LocomanError, Unsupported, UsageError
from locoman.evaluation.importing import import_suite
from locoman.evaluation.prompts import context, messages
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import read_suite
from locoman.scoring import build_scorer
from locoman.workflows.import_suite import import_into

GSM8K = """
tag: [math_word_problems]
task: gsm8k
dataset_path: openai/gsm8k
output_type: generate_until
fewshot_split: train
test_split: test
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
num_fewshot: 1
metric_list:
  - metric: exact_match
    ignore_case: true
    ignore_punctuation: false
    regexes_to_ignore: [",", "\\\\$", "(?s).*#### ", "\\\\.$"]
generation_kwargs:
  until: ["Question:", "</s>"]
  do_sample: false
filter_list:
  - name: strict-match
    filter:
      - {function: regex, regex_pattern: '#### (\\-?[0-9\\.\\,]+)'}
      - {function: take_first}
  - name: flexible-extract
    filter:
      - {function: regex, group_select: -1, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)'}
      - {function: take_first}
"""
ARC = """
task: arc_easy
dataset_path: json
dataset_kwargs: {data_files: {test: arc.jsonl}}
output_type: multiple_choice
test_split: test
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{choices.label.index(answerKey)}}"
doc_to_choice: "{{choices.text}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
PROBLEM = {"question": "Two and two?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"}
ARC_ROW = {
    "question": "Which is a plant?",
    "choices": {"text": ["a rose", "a cat"], "label": ["A", "B"]},
    "answerKey": "A",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def imported(folder: Path, path: Path, **options: object) -> Suite:
    made, _ = import_into(folder / "suites", path, **options)  # type: ignore[arg-type]
    return read_suite(made)


def score(suite: Suite, answer: str, case: int = 0) -> float:
    target: Target = suite.cases[case].target
    return build_scorer(suite.scorer.name, suite.scorer.options).score(answer, target).value


def test_a_task_of_the_harness_asks_and_scores_as_it_does_there(tmp_path: Path) -> None:
    (tmp_path / "gsm8k.yaml").write_text(GSM8K)
    data = write(tmp_path / "test.jsonl", PROBLEM, {"question": "One and two?", "answer": "#### 3"})
    shown = write(tmp_path / "train.jsonl", {"question": "One and one?", "answer": "#### 2"}, PROBLEM)
    suite = imported(tmp_path, tmp_path / "gsm8k.yaml", data=data, examples=shown)
    assert [message.content for message in messages(suite.prompt, suite.cases[0])] == [
        "Question: One and one?\nAnswer:",
        "#### 2",
        "Question: Two and two?\nAnswer:",
    ]
    assert (suite.stop, suite.max_tokens) == (("Question:", "</s>"), 256)
    assert [score(suite, text) for text in ("so #### 4", "#### 4.0", "it is 4", "#### $4")] == [1.0, 0.0, 0.0, 0.0]
    flexible = imported(
        tmp_path, tmp_path / "gsm8k.yaml", name="flexible", data=data, examples=shown, scorer="flexible-extract"
    )
    assert [score(flexible, text) for text in ("it is 4", "4 or 5")] == [1.0, 0.0]


def test_a_multiple_choice_task_compares_the_choices_as_continuations(tmp_path: Path) -> None:
    (tmp_path / "arc.yaml").write_text(ARC)
    write(tmp_path / "arc.jsonl", ARC_ROW)
    suite = imported(tmp_path, tmp_path / "arc.yaml")
    (case,) = suite.cases
    assert (suite.kind, suite.name, case.accepted, case.choices) == (
        "choice",
        "arc_easy",
        ("a rose",),
        ("a rose", "a cat"),
    )
    assert context(suite.prompt, case) + suite.prompt.delimiter == "Question: Which is a plant?\nAnswer: "


def test_what_a_task_includes_stands_under_its_own_keys(tmp_path: Path) -> None:
    (tmp_path / "_default_template_yaml").write_text(ARC + "description: 'Plants:\\n\\n'\n")
    (tmp_path / "arc.yaml").write_text('include: _default_template_yaml\ntask: mine\ndescription: "Trees.\\n\\n"\n')
    write(tmp_path / "arc.jsonl", ARC_ROW)
    suite = imported(tmp_path, tmp_path / "arc.yaml")
    assert suite.name == "mine"
    assert context(suite.prompt, suite.cases[0]).startswith("Trees.\n\nQuestion: ")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("doc_to_text: !function utils.doc_to_text", "'!function utils.doc_to_text' stands for code"),
        ("process_docs: !function utils.process", "stands for code"),
        ("x: !!python/object/apply:os.system [ls]", "stands for code"),
        ("include: ../other.yaml", "leaves the folder of the task"),
        ("include: task.yaml", "nested too deeply"),
        ("include: missing.yaml", "missing.yaml: the file is missing"),
        ("group: many", "it is a group of tasks"),
        ("use_prompt: promptsource:x", "it uses 'use_prompt'"),
        ("output_type: loglikelihood_rolling", "output_type is 'loglikelihood_rolling'"),
        ("repeats: 8", "asks each case 8 times"),
        ("metric_list: [{metric: bleu}]", "its metrics are bleu"),
        ("filter_list: [{name: x, filter: [{function: custom}]}]", "the filter 'custom' is not taken over"),
        ('doc_to_text: "{{ nothing }}"', "line 1: the task's template fails here: doc_to_text: 'nothing' is undefined"),
        ('doc_to_text: "{{ question.__class__.__mro__ }}"', "is unsafe"),
        ("doc_to_text: \"{{ 'x' * 10**10 }}\"", "template"),
        ('doc_to_text: "{% for i in range(99999999) %}x{% endfor %}"', "template"),
        ("a: &a [1]\nb: [*a]", "aliases"),
        ("doc_to_choice: [x", "broken YAML"),
    ],
)
def test_code_and_what_is_not_understood_is_refused_by_name(tmp_path: Path, line: str, error: str) -> None:
    key = line.partition(":")[0]
    task = GSM8K.partition(f"{key}:")[0] if key in ("metric_list", "filter_list") else GSM8K
    text = "\n".join(each for each in task.splitlines() if not each.startswith((f"{key}:", "num_fewshot")))
    (tmp_path / "task.yaml").write_text(f"{text}\n{line}\n")
    with pytest.raises(InvalidFile) as caught:
        import_into(tmp_path / "suites", tmp_path / "task.yaml", data=write(tmp_path / "test.jsonl", PROBLEM))
    assert error in str(caught.value)
    assert not list((tmp_path / "suites").glob("*.toml"))


def test_cases_from_a_hub_are_asked_for_and_so_are_examples(tmp_path: Path) -> None:
    (tmp_path / "gsm8k.yaml").write_text(GSM8K)
    with pytest.raises(UsageError, match="openai/gsm8k; give it as JSON lines with --data FILE"):
        import_suite(tmp_path / "gsm8k.yaml", "")
    with pytest.raises(UsageError, match="--examples FILE"):
        import_suite(tmp_path / "gsm8k.yaml", "", data=write(tmp_path / "test.jsonl", PROBLEM))


SQUAD = {"id": "1", "title": "t", "context": "Rome lies in Italy.", "question": "Where?"}


@pytest.mark.parametrize(
    ("row", "scorer", "right", "wrong"),
    [
        (PROBLEM, "numeric", "The answer is 4.", "5"),
        (SQUAD | {"answers": {"text": ["Italy", "in Italy"], "answer_start": [13, 10]}}, "squad", "in Italy", "France"),
        (SQUAD | {"answers": {"text": [], "answer_start": []}}, "squad", "", "Italy"),
        ({"question": "Which?", "choices": ["x", "y", "z", "w"], "answer": 1, "subject": "s"}, "choice", "B", "A"),
        ({"question": "Which?", "choices": ["x", "y"], "answer": "B"}, "choice", "B.", "A."),
    ],
)
def test_json_lines_are_recognised_by_their_shape(
    tmp_path: Path, row: dict[str, object], scorer: str, right: str, wrong: str
) -> None:
    suite = imported(tmp_path, write(tmp_path / "Test set.jsonl", row))
    assert (suite.name, suite.scorer.name) == ("test-set", scorer)
    assert (score(suite, right), score(suite, wrong)) == (1.0, 0.0)


def test_humaneval_becomes_tests_that_call_check(tmp_path: Path) -> None:
    row = {
        "task_id": "HumanEval/0",
        "prompt": "def inc(x):\n",
        "canonical_solution": "    return x + 1\n",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
        "entry_point": "inc",
    }
    suite = imported(tmp_path, write(tmp_path / "h.jsonl", row))
    assert suite.scorer.name == "code"
    assert suite.cases[0].tests.endswith("check(inc)\n")
    with pytest.raises(InvalidFile, match="is no name"):
        imported(tmp_path, write(tmp_path / "i.jsonl", row | {"entry_point": "x(); import os"}))


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"question": "Q", "answer": "no mark"}, "line 2: the answer has no '####'"),
        ({"question": "Q", "choices": ["x", "y"], "answer": 7}, "line 2"),
        ({"question": 3, "answer": "#### 4"}, "line 2: 'question' is no text"),
        ({"text": "x"}, "line 2"),
        ([], "line 2: no JSON object"),
    ],
)
def test_a_line_of_another_shape_is_refused_with_its_number(tmp_path: Path, row: object, error: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        import_suite(write(tmp_path / "x.jsonl", PROBLEM, row), "x")
    assert error in str(caught.value)


def test_repetitions_are_taken_once_and_said(tmp_path: Path) -> None:
    found = import_suite(write(tmp_path / "x.jsonl", PROBLEM, PROBLEM), "x")
    assert len(found.suite.cases) == 1
    assert found.notes == ("1 of 2 cases stand there more than once and are taken once.",)


def test_an_unknown_shape_names_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="gsm8k: answer, question"):
        import_suite(write(tmp_path / "x.jsonl", {"a": 1}), "x")


def test_a_suite_is_not_replaced(tmp_path: Path) -> None:
    import_into(tmp_path, write(tmp_path / "x.jsonl", PROBLEM), "mine")
    with pytest.raises(UsageError, match="take another name"):
        import_into(tmp_path, tmp_path / "x.jsonl", "mine")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_line_makes_an_importer_crash(place: Path, row: object) -> None:
    try:
        import_suite(write(place / "any.jsonl", row), "any")
    except LocomanError:
        return


@given(
    st.fixed_dictionaries(
        {
            "question": st.text() | st.integers(),
            "choices": st.lists(st.text() | st.integers(), max_size=4) | st.none(),
            "answer": st.integers(-2, 5) | st.text(max_size=2) | st.none(),
            "answers": st.none() | st.dictionaries(st.just("text"), st.lists(st.text())),
        }
    ),
    st.sampled_from(["gsm8k", "mmlu", "squad", "humaneval"]),
)
def test_no_almost_right_line_makes_an_importer_crash(place: Path, row: dict[str, object], shape: str) -> None:
    try:
        import_suite(write(place / "almost.jsonl", row), "almost", shape=shape)
    except LocomanError:
        return
