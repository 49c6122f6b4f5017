"""A task of lm-evaluation-harness (YAML) of the types generate_until and multiple_choice, without code.

Fields and defaults are those of lm_eval/config/task.py 0.4.13, prompts those of `ConfigurableTask.fewshot_context` with a
chat template for generate_until, and as plain text for multiple_choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from locoman.catalog.manifest import EvaluationCase
from locoman.errors import InvalidFile, LocomanError, Unsupported, UsageError
from locoman.evaluation.importing.fields import literal, resolved
from locoman.evaluation.importing.filters import read_scorer
from locoman.evaluation.importing.rows import Row, read_rows
from locoman.evaluation.importing.shape import Imported, case_of, without_repetitions
from locoman.evaluation.suite import Prompt, ScorerChoice, Suite
from locoman.names import check_name
from locoman.yaml_documents import read_yaml

CODE = ("class", "process_docs", "process_results", "custom_dataset", "use_prompt", "gen_prefix")
MEDIA = ("doc_to_image", "doc_to_audio")
_MAX_SHOTS = 100
_MAX_INCLUDES = 8


class Task(msgspec.Struct, frozen=True):
    """The keys that matter here; what describes or files the task is passed over."""

    task: str = ""
    dataset_path: str | None = None
    dataset_kwargs: dict[str, Any] | None = None
    output_type: str = "generate_until"
    test_split: str | None = None
    validation_split: str | None = None
    training_split: str | None = None
    fewshot_split: str | None = None
    fewshot_config: dict[str, Any] | None = None
    num_fewshot: int | None = None
    description: str = ""
    doc_to_text: Any = None
    doc_to_target: Any = None
    doc_to_choice: Any = None
    target_delimiter: str = " "
    fewshot_delimiter: str = "\n\n"
    generation_kwargs: dict[str, Any] | None = None
    metric_list: list[dict[str, Any]] | None = None
    filter_list: list[dict[str, Any]] | None = None
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class _Pair:
    """A row as the task asks it: question, all targets, and the choices where there are any."""

    question: str
    targets: tuple[str, ...]
    choices: tuple[str, ...]


def read_task(path: Path, name: str, data: Path | None, examples: Path | None, chosen: str) -> Imported:
    """See `import_suite`; `chosen` is which of several filters counts (default: the first)."""
    task = _read(path)
    suite_name = name or task.task or path.stem
    try:
        check_name(suite_name.lower().replace(" ", "-"), "a suite")
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip(".")) from error
    rows = read_rows(data or _data_file(path, task, task.test_split or task.validation_split or "test", "--data"))
    pairs = _pairs(path, task, rows)
    shown, notes = _shown(path, task, examples)
    multiple = task.output_type == "multiple_choice"
    scorer, more = (
        (ScorerChoice("choice"), ()) if multiple else read_scorer(path, task.metric_list, task.filter_list, chosen)
    )
    generation = task.generation_kwargs or {}
    suite = Suite(
        name=suite_name.lower().replace(" ", "-"),
        cases=(),
        kind="choice" if multiple else "generate",
        prompt=Prompt(
            system=task.description if multiple else task.description.strip(),
            examples=shown,
            separator=task.fewshot_delimiter,
            delimiter=task.target_delimiter,
        ),
        stop=() if multiple else _until(path, generation),
        max_tokens=None if multiple else _max_tokens(path, generation),
        scorer=scorer,
        description=f"From the task {task.task or path.stem} of lm-evaluation-harness",
    )
    if generation.get("do_sample") or float(generation.get("temperature") or 0) > 0:
        notes.append("The task samples its answers; here they are drawn greedily.")
    imported = without_repetitions(
        suite, (_case(row, pair) for row, pair in zip(rows, pairs, strict=True)), rows[0].path
    )
    return Imported(imported.suite, (*imported.notes, *notes, *more))


def _read(path: Path) -> Task:
    document = _with_included(path, _MAX_INCLUDES)
    if isinstance(document.get("task"), list) or "group" in document:
        raise Unsupported(path, "it is a group of tasks; import each task by its own file")
    for key in (*CODE, *MEDIA):
        if document.get(key):
            raise Unsupported(path, f"it uses {key!r}, which is not taken over")
    try:
        task = msgspec.convert(document, Task)
    except msgspec.ValidationError as error:
        raise InvalidFile(path, str(error)[:1].lower() + str(error)[1:]) from error
    if task.output_type not in ("generate_until", "multiple_choice"):
        raise Unsupported(
            path, f"its output_type is {task.output_type!r}; generate_until and multiple_choice are taken over"
        )
    if task.repeats != 1:
        raise Unsupported(path, f"it asks each case {task.repeats} times; a suite of yours can, by the scorer vote")
    if task.doc_to_text is None or task.doc_to_target is None:
        raise InvalidFile(path, "it needs doc_to_text and doc_to_target")
    if task.output_type == "multiple_choice" and task.doc_to_choice is None:
        raise InvalidFile(path, "a multiple_choice task needs doc_to_choice")
    metrics = [metric.get("metric") for metric in task.metric_list or ({"metric": "acc"},)]
    if task.output_type == "multiple_choice" and "acc" not in metrics:
        raise Unsupported(
            path, f"its metrics are {', '.join(map(str, metrics))}; of multiple_choice tasks acc is taken over"
        )
    return task


def _with_included(path: Path, left: int) -> dict[str, Any]:
    """The task's keys over those of the files that it includes, the first of them first. Raises InvalidFile."""
    document = read_yaml(path, typed=True)
    included = document.pop("include", None) or []
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidFile(path, "include is no name of a file")
    if names and not left:
        raise InvalidFile(path, "its includes are nested too deeply")
    merged: dict[str, Any] = {}
    for name in reversed(names):
        beside = path.parent / name
        if not beside.resolve().is_relative_to(path.parent.resolve()):
            raise InvalidFile(path, f"the included {name!r} leaves the folder of the task")
        merged |= _with_included(beside, left - 1)
    return merged | document


def _data_file(path: Path, task: Task, split: str, option: str) -> Path:
    """The local file of a split. Raises UsageError where the task takes it from elsewhere."""
    files = (task.dataset_kwargs or {}).get("data_files") if task.dataset_path == "json" else None
    name = files.get(split) if isinstance(files, dict) else files
    if not isinstance(name, str):
        where = f"the data set {task.dataset_path}" if task.dataset_path else "nowhere"
        raise UsageError(
            f"{path.name} takes its split {split!r} from {where}; give it as JSON lines with {option} FILE."
        )
    found = path.parent / name
    if not found.resolve().is_relative_to(path.parent.resolve()):
        raise InvalidFile(path, f"{name!r} leaves the folder of the task; give it with {option} FILE")
    return found


def _pairs(path: Path, task: Task, rows: Sequence[Row]) -> list[_Pair]:
    wanted = {"doc_to_text": task.doc_to_text, "doc_to_target": task.doc_to_target, "doc_to_choice": task.doc_to_choice}
    return [_pair(row, values) for row, values in zip(rows, resolved(path, wanted, rows), strict=True)]


def _pair(row: Row, values: dict[str, Any]) -> _Pair:
    choices = values.get("doc_to_choice")
    if isinstance(choices, dict):
        choices = list(choices.values())
    if isinstance(choices, str):
        choices = literal(choices, row, "doc_to_choice")
    if choices is not None and (not isinstance(choices, list) or not choices):
        raise row.wrong("doc_to_choice gives no list")
    options = tuple(str(choice) for choice in choices or ())
    question = values["doc_to_text"]
    if not isinstance(question, str) or (question.isdigit() and options):
        raise Unsupported(row.path, "doc_to_text gives no text", line=row.line)
    return _Pair(question, _targets(values["doc_to_target"], options, row), options)


def _targets(value: Any, options: tuple[str, ...], row: Row) -> tuple[str, ...]:
    if isinstance(value, str) and options and value.isdigit():
        value = int(value)
    if isinstance(value, str) and len(value) >= 2 and value[0] == "[" and value[-1] == "]":
        try:
            value = literal(value, row, "doc_to_target")
        except InvalidFile:
            return (value,)
    if isinstance(value, int) and options:
        if not 0 <= value < len(options):
            raise row.wrong(f"doc_to_target gives {value}, and there are {len(options)} choices")
        return (options[value],)
    found = tuple(str(part) for part in value) if isinstance(value, list) else (str(value),)
    if options and not set(found) <= set(options):
        raise row.wrong(f"doc_to_target gives {found[0][:80]!r}, which is none of the choices")
    return found


def _case(row: Row, pair: _Pair) -> EvaluationCase:
    return case_of(
        row, question=pair.question, answer=pair.targets[0], answers=pair.targets[1:], choices=list(pair.choices)
    )


def _shown(path: Path, task: Task, examples: Path | None) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """The examples that are shown first: of the configuration, or the first of their split."""
    count = min(task.num_fewshot or 0, _MAX_SHOTS)
    if not count:
        return (), []
    config = task.fewshot_config or {}
    samples = config.get("samples")
    notes = []
    if isinstance(samples, list) and all(isinstance(sample, dict) for sample in samples):
        rows = [Row(path, 1, sample) for sample in samples]
    else:
        split = task.fewshot_split or task.training_split or task.validation_split or "train"
        rows = read_rows(examples or _data_file(path, task, split, "--examples"))
        if config.get("sampler") != "first_n":
            notes.append(f"The task draws its {count} examples by chance; here they are the first {count}.")
    if len(rows) < count:
        raise InvalidFile(path, f"it shows {count} examples, and there are {len(rows)}")
    pairs = _pairs(path, task, rows[:count])
    return tuple((pair.question, pair.targets[0]) for pair in pairs), notes


def _until(path: Path, generation: dict[str, Any]) -> tuple[str, ...]:
    until = generation.get("until") or ()
    texts = [until] if isinstance(until, str) else until
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text for text in texts):
        raise InvalidFile(path, "generation_kwargs.until is no list of texts")
    return tuple(texts)


def _max_tokens(path: Path, generation: dict[str, Any]) -> int:
    tokens = generation.get("max_gen_toks", generation.get("max_tokens", 256))
    if not isinstance(tokens, int) or tokens < 1:
        raise InvalidFile(path, "generation_kwargs.max_gen_toks is no number of tokens")
    return tokens
