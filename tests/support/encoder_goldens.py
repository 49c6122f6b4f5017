"""What the reference encoder makes of texts: written once by `python tests/support/encoder_goldens.py FOLDER`, which needs
torch, transformers and tokenizers and, in FOLDER, config.json, model.safetensors and tokenizer.json of BAAI/bge-small-en-v1.5;
read by the tests, which need none of these.

`real` in vectors.npz are vectors by the weights in float32, of which those in whole numbers of 8 bits are to stay near.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[1] / "golden" / "encoder"
TEXTS = (
    "That is a happy person",
    "That is a happy dog",
    "Today is a sunny day",
    "What is 17 + 25?",
    "reverse the word planet",
    "a",
    "Is this C++ code? for i in range(10): print(i)",
    "naïve café, résumé!",
    "It's the teacher's - isn't it?",
    "日本の首都は東京です",
    "Как дела?",
    "😀 emoji",
    "unbelievablyantidisestablishmentarianism",
    "x" * 120,
    "3.14 kg = 3140 g; 5 km -> m",
    "tab\tnew\nline\u00a0space \u200bzero",
    "",
    "The quick brown fox jumps over the lazy dog. " * 30,
    "straße ŒUVRE İstanbul ﬁne",
    "100% of $5 [SEPARATE] <b>#tag</b> @me ^_^",
)


def _reference(model: object, ids: list[list[int]]) -> NDArray[np.float32]:
    """By the layers 7 and 9, and 11 and 12."""
    import torch
    from torch.nn.functional import normalize

    rows = []
    for numbers in ids:
        with torch.no_grad():
            states = model(torch.tensor([numbers]), output_hidden_states=True).hidden_states  # type: ignore[operator]
        means = [normalize(state[0].mean(dim=0), dim=0) for state in states]  # the first is of no layer yet
        halves = ((means[7] + means[9]) / 2, (means[11] + means[12]) / 2)
        rows.append(torch.cat([normalize(half, dim=0) for half in halves]).numpy() * np.sqrt(0.5))
    return np.stack(rows).astype(np.float32)


def main(folder: Path) -> None:
    """Writes tests/golden/encoder/."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").eval()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "tokens.json").write_text(json.dumps(ids) + "\n", encoding="utf-8")
    np.savez(GOLDEN / "vectors.npz", real=_reference(model, ids))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
