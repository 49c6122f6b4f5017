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
from support.llama_probe import Call, ask_llama
from support.tokenizer_kinds import GOLDEN, KINDS, Kind, checksum

from locoman.weights.convert import convert, plan_conversion

ALONE, BATCH = 50, 200
needs_llama = pytest.mark.skipif(not find_spec("xllamacpp"), reason="there is no llama.cpp wheel for this machine")
FILES = [
    pytest.param(kind, parts, id=f"{name}-{label}")
    for name, kind in KINDS.items()
    for label, parts in (
        ("json", {"with_model": False}),
        *((("both", {}), ("model", {"with_json": False})) if kind.sentencepiece else ()),
    )
    if not (label == "model" and name == "mistral")  # its tokenizer.model puts a blank before every text
]
"""Kind, and the files it is read from."""


def tokenize(model: Path, texts: list[str], separator: int) -> list[list[int]]:
    """llama.cpp's tokens of each text, with those put around it: the first texts one by one, all in batches.

    Between the texts of a batch stands the id of a token that no text has; each text is cut for itself.
    """
    alone: list[Call] = [("/tokenize", {"content": text, "add_special": True}) for text in ["", *texts[:ALONE]]]
    calls: list[Call] = []
    for start in range(0, len(texts), BATCH):
        content = [part for text in texts[start : start + BATCH] for part in (separator, text)]
        calls.append(("/tokenize", {"content": content, "add_special": True}))
    answers = [answer["tokens"] for answer in ask_llama(model, alone + calls)]
    around = answers[0]
    ids: list[list[int]] = []
    for answer in answers[len(alone) :]:
        for token in answer:
            if token == separator:
                ids.append(list(around))
            else:
                ids[-1].append(token)
    assert ids[:ALONE] == answers[1 : len(alone)]
    return ids


@needs_llama
@pytest.mark.parametrize(("kind", "parts"), FILES)
def test_texts_become_the_tokens_that_transformers_makes(kind: Kind, parts: dict[str, bool], tmp_path: Path) -> None:
    checkpoint = tokenizer_kinds.write_checkpoint(kind, tmp_path / "base", **parts)
    convert(plan_conversion(checkpoint, "F16"), tmp_path / "base.gguf")
    texts = tokenizer_kinds.strings(kind)
    golden = np.load(GOLDEN / "ids.npz")
    assert checksum("\0".join(texts).encode()) == golden[f"{kind.name}/texts"], "the texts are not those of the goldens"
    ids = tokenize(tmp_path / "base.gguf", texts, separator=kind.size())
    if find_spec("transformers"):
        (tmp_path / "judge").mkdir()
        expected = tokenizer_kinds.ask_transformers(kind, tmp_path / "judge", texts)
        assert ids == expected
    wrong = [text for text, found, sum_ in zip(texts, ids, golden[kind.name], strict=True) if checksum(found) != sum_]
    assert not wrong, f"{len(wrong)} texts, such as {wrong[:3]!r}"
