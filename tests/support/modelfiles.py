"""Modelfiles drawn by hypothesis: values that can be written, and texts as hostile as text gets."""

from __future__ import annotations

import os
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st

from locoman.errors import InvalidFile, Unwritable
from locoman.ollama.modelfile import Instruction, Modelfile, parse_modelfile, render_modelfile
from locoman.ollama.modelfile.value import KNOWN, ROLES

EXAMPLES = int(os.environ.get("LOCOMAN_TEST_EXAMPLES", "150"))
"""How many Modelfiles each property is tried on; the full count is 10,000."""

many = settings(max_examples=EXAMPLES, deadline=None)

_BITS = st.sampled_from(
    ['"', '""', '"""', "\n", "\r", "\r\n", " ", "\t", "#", "FROM x", "{{ .Prompt }}", "SYSTEM ", "é", "漢", "\u200d", "\x00",
     "\u00a0", "\ufeff", "🙂", "a", "PARAMETER stop ", "MESSAGE user ", "parameter", "1", "'", "\\", "\\n", "\x85", "\u2028"]
)  # fmt: skip
_WORDS = st.sampled_from(
    [
        *KNOWN,
        *map(str.lower, KNOWN),
        "Novel",
        "PARAMETER model",
        "MESSAGE user",
        "PARAMETER  x",
        "# x",
        "MESSAGE user",
        "PARAMETER stop",
    ]
)
values = st.one_of(st.text(max_size=30), st.lists(_BITS, max_size=12).map("".join))
keys = st.from_regex(r"[A-Za-z0-9_]{0,12}", fullmatch=True)


def _line(pieces: tuple[str, str, str, str]) -> str:
    return "".join(pieces)


lines = st.tuples(
    _WORDS, st.sampled_from([" ", "  ", "\t", "", "\n"]), values, st.sampled_from(["\n", "\r\n", '"\n', "\r"])
).map(_line)
garbage = st.one_of(st.text(max_size=80), st.lists(_BITS, max_size=40).map("".join), st.lists(lines).map("".join))
"""Anything that could stand in a file called Modelfile."""


def readable(found: list[str]) -> str:
    """A Modelfile of those of the lines that are instructions or comments by themselves."""
    kept = []
    for line in found:
        with suppress(InvalidFile):
            parse_modelfile("FROM x\n" + line)
            kept.append(line)
    return "".join(["FROM x\n", *kept])


texts = st.lists(lines, max_size=10).map(readable)
"""Modelfiles as people write them, and worse."""


def writable(found: list[Instruction]) -> Modelfile:
    """A Modelfile of those of the instructions that can be written."""
    kept = [Instruction("FROM", "x")]
    for instruction in found:
        with suppress(Unwritable):
            render_modelfile(Modelfile((instruction,)))
            kept.append(instruction)
    return Modelfile(tuple(kept))


instructions = st.one_of(
    st.builds(Instruction, st.sampled_from([name for name in KNOWN if name not in ("PARAMETER", "MESSAGE")]), values),
    st.builds(Instruction, st.sampled_from(["NOVEL", "LAYER"]), values),
    st.builds(lambda key, value: Instruction("PARAMETER", value, key), keys, values),
    st.builds(lambda key, value: Instruction("MESSAGE", value, key), st.sampled_from(ROLES), values),
)
modelfiles = st.lists(instructions, max_size=10).map(writable)
