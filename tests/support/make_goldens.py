"""Writes the committed values of tests/golden: `python tests/support/make_goldens.py [logits|vocabularies|tokens]`.

Needs torch, transformers, peft, tokenizers and sentencepiece.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import families, tokenizer_kinds

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(__file__).parents[2]


def write_logits() -> None:
    """logits.npz: for each family and case, positions x watched tokens."""
    values = {}
    for name, family in families.FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = families.write_checkpoint(family, Path(folder) / "base")
            adapters = [families.write_adapter(family, lora, Path(folder) / lora) for lora in families.LORAS]
            answers = families.ask_transformers(checkpoint, adapters)
        for case, answer in zip(("base", *families.LORAS), answers, strict=True):
            values[f"{name}/{case}"] = answer[:, list(families.WATCHED)].astype(np.float32)
        print(name, *(f"{np.abs(answer - answers[0]).max():.2f}" for answer in answers[1:]))
    np.savez_compressed(GOLDEN / "logits.npz", **values)


def corpus() -> list[str]:
    """The texts that the vocabularies are trained on."""
    files = [ROOT / "LICENSE", *sorted((ROOT / "docs").glob("*.md"))]
    return [path.read_text(encoding="utf-8") for path in files] + list(tokenizer_kinds.SAMPLES) * 8


def write_vocabularies() -> None:
    """bytes.json, llama.model, llama.json, gemma.model, gemma.json."""
    import sentencepiece
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    folder = tokenizer_kinds.GOLDEN
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=8, show_progress=False
    )
    pieces = [text[start : start + 40] for text in corpus() for start in range(0, len(text), 40)]
    tokenizer.train_from_iterator(pieces, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    _write(folder / "bytes.json", {"merges": merges})
    common = {
        "model_type": "bpe",
        "vocab_size": 700,
        "byte_fallback": True,
        "character_coverage": 0.995,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "allow_whitespace_only_pieces": True,
        "split_digits": True,
        "minloglevel": 2,
    }
    lines = [line for text in corpus() for line in text.split("\n")]
    gemma = {
        "pad_id": 0,
        "eos_id": 1,
        "bos_id": 2,
        "unk_id": 3,
        "pad_piece": "<pad>",
        "eos_piece": "<eos>",
        "bos_piece": "<bos>",
        "control_symbols": ["<start_of_turn>", "<end_of_turn>"],
        "user_defined_symbols": ["\n\n", "\n\n\n", "\u2581" * 2, "\u2581" * 3, "<table>"],
        "add_dummy_prefix": False,
    }
    for name, settings in (("llama", {}), ("gemma", gemma)):
        with (folder / f"{name}.model").open("wb") as file:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_writer=file, **common, **settings
            )
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
        vocab = {model.id_to_piece(number): number for number in range(model.get_piece_size())}
        _write(folder / f"{name}.json", {"vocab": vocab, "merges": _merges(model, vocab)})


def _merges(model: object, vocab: dict[str, int]) -> list[list[str]]:
    """As transformers' generate_merges: every way to put a piece together, the best pieces first."""
    found = []
    for text, number in vocab.items():
        if model.is_control(number) or model.is_byte(number) or model.is_unknown(number):  # type: ignore[attr-defined]
            continue
        cuts = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        ways = [pair for pair in cuts if pair[0] in vocab and pair[1] in vocab]
        ways.sort(key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
        found += [(model.get_score(number), *pair) for pair in ways]  # type: ignore[attr-defined]
    found.sort(key=lambda merge: (merge[0], len(merge[1]), len(merge[2])), reverse=True)
    return [[left, right] for _, left, right in found]


def write_tokens() -> None:
    """ids.npz: for each kind of tokenizer, a checksum of the ids of each text, and one of the texts themselves."""
    values = {}
    for name, kind in tokenizer_kinds.KINDS.items():
        texts = tokenizer_kinds.strings(kind)
        with tempfile.TemporaryDirectory() as folder:
            ids = tokenizer_kinds.ask_transformers(kind, Path(folder), texts)
        values[name] = np.array([tokenizer_kinds.checksum(one) for one in ids], dtype=np.uint32)
        values[f"{name}/texts"] = np.array(tokenizer_kinds.checksum("\0".join(texts).encode()), dtype=np.uint32)
        print(name, sum(map(len, ids)) / len(ids), "tokens a text")
    np.savez_compressed(tokenizer_kinds.GOLDEN / "ids.npz", **values)


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    for part in sys.argv[1:] or ("logits", "vocabularies", "tokens"):
        {"logits": write_logits, "vocabularies": write_vocabularies, "tokens": write_tokens}[part]()
