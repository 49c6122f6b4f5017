"""What llama.cpp makes of 2,000 texts with converted tokenizers of every kind, against transformers.

The checksums in tests/golden/tokenizers come from tests/support/make_goldens.py; where transformers is installed the ids
are computed anew.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support import tokenizer_kinds
from support.llama_probe import ask_llama
from support.tokenizer_kinds import GOLDEN, KINDS, Kind, checksum

from locoman.weights.convert import convert, plan_conversion

needs_llama = pytest.mark.skipif(not find_spec("xllamacpp"), reason="there is no llama.cpp wheel for this machine")
FILES = [
    pytest.param(kind, parts, step, id=f"{name}-{label}")
    for name, kind in KINDS.items()
    for label, parts, step in (
        ("json", {"with_model": False}, 1),
        *((("both", {}, 5), ("model", {"with_json": False}, 5)) if kind.sentencepiece else ()),
    )
    if not (label == "model" and name == "mistral")  # its tokenizer.model puts a blank before every text
]
"""Kind, the files it is read from, and which texts are tried: all, or every fifth."""


@needs_llama
@pytest.mark.parametrize(("kind", "parts", "step"), FILES)
def test_texts_become_the_tokens_that_transformers_makes(
    kind: Kind, parts: dict[str, bool], step: int, tmp_path: Path
) -> None:
    checkpoint = tokenizer_kinds.write_checkpoint(kind, tmp_path / "base", **parts)
    convert(plan_conversion(checkpoint, "F16"), tmp_path / "base.gguf")
    texts = tokenizer_kinds.strings(kind)
    golden = np.load(GOLDEN / "ids.npz")
    assert checksum("\0".join(texts).encode()) == golden[f"{kind.name}/texts"], "the texts are not those of the goldens"
    texts, sums = texts[::step], golden[kind.name][::step]
    answers = ask_llama(
        tmp_path / "base.gguf", [("/tokenize", {"content": text, "add_special": True}) for text in texts]
    )
    ids = [answer["tokens"] for answer in answers]
    if find_spec("transformers"):
        (tmp_path / "judge").mkdir()
        expected = tokenizer_kinds.ask_transformers(kind, tmp_path / "judge", texts)
        assert ids == expected
    wrong = [text for text, found, sum_ in zip(texts, ids, sums, strict=True) if checksum(found) != sum_]
    assert not wrong, f"{len(wrong)} texts, such as {wrong[:3]!r}"
