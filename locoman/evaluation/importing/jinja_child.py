"""Renders a stranger's templates in a process of its own, which may be ended, and may not take much memory.

Run as a script, so it imports nothing of locoman. Standard input: {"templates": {name: text}, "documents": [fields]};
standard output: for each document {name: text}, or {"error": why} for the first that cannot be rendered, at its place and
with nothing behind it. As lm-evaluation-harness does it (lm_eval/utils.py, `apply_template`), in a sandbox.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys

MAX_MEMORY = 1 << 30
MAX_CHARACTERS = 1 << 20


def main() -> None:
    """Answers one question."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, not everywhere allowed
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    question = json.load(sys.stdin)
    json.dump(_rendered(question["templates"], question["documents"]), sys.stdout)


def _rendered(templates: dict[str, str], documents: list[dict[str, object]]) -> list[dict[str, str]]:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def regex_replace(text: str, pattern: str, replacement: str, count: int = 0) -> str:
        return re.sub(pattern, replacement, text, count=count)

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["regex_replace"] = regex_replace
    done: list[dict[str, str]] = []
    problems = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, re.error)
    name = ""
    try:
        compiled = {}
        for name, text in templates.items():
            compiled[name] = environment.from_string(text)
        for document in documents:
            texts = {}
            for name, template in compiled.items():
                texts[name] = template.render(**document)[:MAX_CHARACTERS]
            done.append(texts)
    except problems as error:
        done.append({"error": f"{name}: {error}"})
    return done


if __name__ == "__main__":
    main()
