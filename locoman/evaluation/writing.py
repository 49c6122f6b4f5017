"""Writes a suite as a TOML beside its JSON lines, as `suite.read_suite` reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tomli_w

from locoman.catalog.manifest import EvaluationCase
from locoman.evaluation.suite import Suite
from locoman.store.atomic import write_atomic


def write_suite(suite: Suite, folder: Path) -> Path:
    """Writes NAME.jsonl, NAME.examples.jsonl where it shows any, and at last NAME.toml, whose path it returns.

    Raises StoreError.
    """
    write_atomic(folder / f"{suite.name}.jsonl", _lines(_case(case) for case in suite.cases))
    examples = suite.prompt.examples
    if examples:
        shown = ({"question": question, "answer": answer} for question, answer in examples)
        write_atomic(folder / f"{suite.name}.examples.jsonl", _lines(shown))
    path = folder / f"{suite.name}.toml"
    write_atomic(path, tomli_w.dumps(_document(suite), multiline_strings=False).encode())
    return path


def _document(suite: Suite) -> dict[str, Any]:
    prompt = suite.prompt
    sampling: dict[str, Any] = {"stop": list(suite.stop), "temperature": suite.temperature}
    if suite.max_tokens is not None:
        sampling["max_tokens"] = suite.max_tokens
    document: dict[str, Any] = {
        "format": 1,
        "name": suite.name,
        "description": suite.description,
        "kind": suite.kind,
        "prompt": {
            "system": prompt.system,
            "template": prompt.template,
            "repeat_question": prompt.repeat_question,
            "examples_as": prompt.examples_as,
            "separator": prompt.separator,
            "delimiter": prompt.delimiter,
        },
        "sampling": sampling,
        "gate": {
            "minimum_cases": suite.gate.minimum_cases,
            "minimum_score": suite.gate.minimum_score,
            "minimum_gain": suite.gate.minimum_gain,
        },
    }
    if prompt.examples:
        document["prompt"]["examples"] = f"{suite.name}.examples.jsonl"
    if suite.kind == "generate":
        options = {
            key: list(value) if isinstance(value, tuple) else value for key, value in suite.scorer.options.items()
        }
        document["scorer"] = {"name": suite.scorer.name, "options": options}
    return document


def _case(case: EvaluationCase) -> dict[str, Any]:
    fields = {
        "question": case.question,
        "answer": case.answer,
        "answers": list(case.answers) or None,
        "choices": list(case.choices) or None,
        "tests": case.tests or None,
        "rubric": case.rubric or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _lines(documents: Any) -> bytes:
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode()
