"""What the reference encoder makes of texts: written once by `python tests/support/encoder_goldens.py FOLDER`, which needs
torch, transformers and tokenizers and, in FOLDER, the files of all-MiniLM-L6-v2; read by the tests, which need none of these.

`random` are vectors for weights of the same shape drawn by numpy's generator, so that the forward pass is compared wherever the
tests run; `real` are those of the real weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from locoman.routing.encoder.minilm import HEADS, INNER, LAYERS, WIDTH

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


def random_weights() -> dict[str, NDArray[np.float32]]:
    """Weights by the names of the real file, small enough that nothing saturates."""
    random = np.random.default_rng(7)

    def draw(*shape: int, scale: float = 0.05) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32) * np.float32(scale)

    weights = {
        "embeddings.word_embeddings.weight": draw(30522, WIDTH),
        "embeddings.position_embeddings.weight": draw(512, WIDTH),
        "embeddings.token_type_embeddings.weight": draw(2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
        dense = [(f"attention.self.{part}", WIDTH, WIDTH) for part in ("query", "key", "value")]
        dense += [
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", INNER, WIDTH),
            ("output.dense", WIDTH, INNER),
        ]
        for name, out, into in dense:
            weights[f"{layer}{name}.weight"] = draw(out, into, scale=0.08)
            weights[f"{layer}{name}.bias"] = draw(out)
    for name in norms:
        weights[f"{name}.weight"] = 1 + draw(WIDTH)
        weights[f"{name}.bias"] = draw(WIDTH)
    return weights


def _reference(model: object, ids: list[list[int]]) -> NDArray[np.float32]:
    import torch

    rows = []
    for numbers in ids:
        with torch.no_grad():
            states = model(torch.tensor([numbers]), output_hidden_states=True).hidden_states  # type: ignore[operator]
        means = [torch.nn.functional.normalize(state[0].mean(dim=0), dim=0) for state in states]
        halves = (means[3] + means[4], means[5] / 2 + means[6])
        rows.append(torch.cat([torch.nn.functional.normalize(half, dim=0) for half in halves]).numpy() * np.sqrt(0.5))
    return np.stack(rows).astype(np.float32)


def main(folder: Path) -> None:
    """Writes tests/golden/encoder/."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    real = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    config = BertConfig(hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS, num_attention_heads=HEADS)
    drawn = BertModel(config, add_pooling_layer=False).eval()
    missing = drawn.load_state_dict({k: torch.from_numpy(v) for k, v in random_weights().items()}, strict=False)
    assert not missing.unexpected_keys, missing
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "tokens.json").write_text(json.dumps(ids) + "\n", encoding="utf-8")
    np.savez(GOLDEN / "vectors.npz", real=_reference(real, ids), random=_reference(drawn, ids))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
