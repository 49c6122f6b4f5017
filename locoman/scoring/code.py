"""The answer's Python program passes the case's tests, in a sandbox (HumanEval, MBPP and their like).

The tests are Python too, and run behind the program: `assert add(2, 3) == 5`, or HumanEval's `check` with its call. They are
passed when their last line is reached; a program that ends itself before fails. What runs knows nothing of the host, but it
shares a process with its tests: a program written to cheat them can.
"""

from __future__ import annotations

import re
import textwrap
from typing import Annotated, Literal

import msgspec

from locoman.contracts import Score, Target
from locoman.errors import MissingPrerequisite, ScorerFailed
from locoman.scoring.sandbox import Limits, Outcome, Sandbox

MAX_CHARACTERS = 200_000
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python3?|py)?[ \t]*\r?\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_DEFINES = re.compile(r"^(?:async\s+def|def|class|import|from|@)\b|^\w+\s*=", re.MULTILINE)
_FUNCTION = re.compile(r"^(?:async\s+)?def\s+(\w+)\s*\(", re.MULTILINE)
_BEGINS_AS_CODE = re.compile(r"\s*(?:from\s+\w|import\s+\w|def\s+\w|class\s+\w|async\s+def|@\w|#|\"\"\"|'''|\w+\s*=)")


class CodeOptions(msgspec.Struct, frozen=True):
    """`prompt`: whether the question is put before the answer as code; `auto` does so where it reads as the beginning of a
    program that defines a function, which the answer then completes or defines anew. `memory` is in MB."""

    prompt: Literal["auto", "always", "never"] = "auto"
    seconds: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    memory: Annotated[int, msgspec.Meta(ge=64, le=8192)] = 512


class Code:
    """1.0 when all tests are passed, else 0.0 with the reason. Raises MissingPrerequisite when there is no sandbox."""

    def __init__(self, sandbox: Sandbox | None, options: CodeOptions = CodeOptions()) -> None:  # noqa: B008  (frozen)
        if sandbox is None:
            raise MissingPrerequisite(
                "The scorer code runs programs that a model wrote, which has to be allowed.",
                "the same command with --allow-code",
            )
        self._sandbox, self._prompt = sandbox, options.prompt
        memory = options.memory * 1_000_000
        self._limits = Limits(seconds=options.seconds, cpu_seconds=int(options.seconds) + 1, memory=memory)

    def score(self, answer: str, target: Target) -> Score:
        """See `locoman.contracts.Scorer`."""
        if not target.tests.strip():
            raise ScorerFailed(f"The case {target.question[:80]!r} has no tests.")
        if len(answer) > MAX_CHARACTERS:
            return Score(0.0, note=f"more than {MAX_CHARACTERS:,} characters")
        program = f"{solution(answer, target.question, self._prompt)}\n\n{target.tests}\n"
        outcome = self._sandbox.run(_as_module(program), limits=self._limits)
        return Score(float(outcome.end == "completed"), note=_reason(outcome, self._limits))


def solution(answer: str, question: str, prompt: Literal["auto", "always", "never"] = "auto") -> str:
    """The program in an answer, with the question's code before it where that belongs to it."""
    code = extracted(answer)
    names = _FUNCTION.findall(question)
    begun = prompt == "always" or (prompt == "auto" and bool(names) and _BEGINS_AS_CODE.match(question) is not None)
    if not begun:
        return code
    if not names or names[-1] in _FUNCTION.findall(code):
        return f"{question}\n\n{code}"
    return f"{question.rstrip()}\n{_as_body(code)}"


def extracted(answer: str) -> str:
    """The code in an answer: its first block that defines something, else its first block, else the answer itself."""
    blocks: list[str] = [textwrap.dedent(block) for block in _FENCE.findall(answer)]
    return next((block for block in blocks if _DEFINES.search(block)), blocks[0] if blocks else answer)


def _as_body(code: str) -> str:
    """Indented as the inside of a function; of a completion whose first line has lost its indent, only that line."""
    lines = [line for line in code.splitlines() if line.strip()]
    if not lines or lines[0].startswith((" ", "\t")):
        return code
    if (
        len(lines) > 1
        and all(line.startswith(("    ", "\t")) for line in lines[1:])
        and not lines[0].rstrip().endswith(":")
    ):
        return f"    {code.lstrip()}"
    return textwrap.indent(code, "    ")


def _as_module(program: str) -> str:
    """Runs `program` as an imported module, so that what stands under `if __name__ == "__main__"` does not."""
    return (
        "import sys, types, linecache\n"
        f"source = {program!r}\n"
        "module = sys.modules['solution'] = types.ModuleType('solution')\n"
        "exec(compile(source, 'solution.py', 'exec'), module.__dict__)\n"
    )


def _reason(outcome: Outcome, limits: Limits) -> str:
    if outcome.end == "completed":
        return ""
    ends = {
        "time": f"took longer than {limits.seconds:g} s",
        "memory": f"took more than {limits.memory // 1_000_000} MB",
        "output": "wrote too much",
        "files": "made too many files",
    }
    lines = outcome.stderr.strip().splitlines()
    ended = f"ended with {outcome.code} before its tests were through"
    return ends.get(outcome.end) or (lines[-1][:300] if lines else ended)
