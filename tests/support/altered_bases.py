"""Bases made from loco-tiny and loco-tiny-next by code, each changed in one respect: what a new base may look like."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from support.tiny_answers import TinyModel

from locoman.catalog.manifest import read_package
from locoman.catalog.shelf import shipped
from locoman.migration.subject import Candidate, Subject, read_candidate, subject_of
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.fingerprint import fingerprint_of_checkpoint, fingerprint_of_gguf
from locoman.weights.safetensors import open_weights

Tensors = dict[str, NDArray[np.float32]]
TINY, NEXT = shipped("modelfiles") / "loco-tiny", shipped("modelfiles") / "loco-tiny-next"
OTHER_TEMPLATE = (
    "{%- for message in messages %}### {{ message['role'] }}:\n{{ message['content'] }}\n\n{%- endfor %}"
    "{%- if add_generation_prompt %}### assistant:\n{%- endif %}"
)


@dataclass(frozen=True)
class AlteredBase:
    """A base as a candidate, and as something that answers."""

    candidate: Candidate
    model: TinyModel


Maker = Callable[[Path, int], AlteredBase]
"""Makes the base in a new folder; what is random comes from the seed."""


def of_checkpoint(folder: Path, licence: str = "Apache-2.0", name: str = "") -> AlteredBase:
    """A checkpoint as it lies in `folder`."""
    print_ = fingerprint_of_checkpoint(folder)
    candidate = read_candidate(name or folder.name, folder, print_, licence, "F32")
    return AlteredBase(candidate, TinyModel.of_checkpoint(folder))


def other_dimensions(folder: Path, seed: int) -> AlteredBase:
    """loco-tiny with a third more units in its feed-forward layers that do nothing: it says the same as before."""
    random = np.random.default_rng(seed)

    def widen(tensors: Tensors) -> None:
        for name, value in tensors.items():
            if ".mlp.down_proj" in name:
                tensors[name] = np.concatenate([value, np.zeros((256, 256), np.float32)], axis=1)
            elif ".mlp." in name:
                more = random.standard_normal((256, 256)).astype(np.float32) * value.std()
                tensors[name] = np.concatenate([value, more])

    return of_checkpoint(_changed(TINY, folder, widen, {"intermediate_size": 1024}))


def other_tokenizer(folder: Path, seed: int) -> AlteredBase:
    """loco-tiny with the numbers of its plain tokens shuffled; every tensor is as before."""
    _changed(TINY, folder)
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text("utf-8"))
    special = {token["content"] for token in document["added_tokens"]}
    ids = document["model"]["vocab"]
    plain = [token for token in ids if token not in special]
    shuffled = np.random.default_rng(seed).permutation([ids[token] for token in plain])
    document["model"]["vocab"] = ids | {t: int(n) for t, n in zip(plain, shuffled, strict=True)}
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return of_checkpoint(folder)


def other_template(folder: Path, seed: int, template: str = OTHER_TEMPLATE) -> AlteredBase:
    """loco-tiny that is to be talked to in another form."""
    _changed(TINY, folder)
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    return of_checkpoint(folder)


def other_licence(folder: Path, seed: int, licence: str = "CC-BY-NC-ND-4.0") -> AlteredBase:
    """loco-tiny-next under a licence that lets nothing be made from it."""
    return of_checkpoint(_changed(NEXT, folder), licence)


def requantized(folder: Path, seed: int, quantizations: tuple[str, ...] = ("Q8_0", "Q6_K", "Q5_K_M")) -> AlteredBase:
    """loco-tiny in one of these quantizations."""
    folder.mkdir(parents=True)
    quantization = quantizations[seed % len(quantizations)]
    path = folder / "model.gguf"
    convert(plan_conversion(TINY, quantization), path)
    candidate = read_candidate("requantized", path, fingerprint_of_gguf(path), "Apache-2.0", quantization)
    return AlteredBase(candidate, TinyModel.of_gguf(path, TINY))


def fine_tuned(folder: Path, seed: int, size: float = 0.03) -> AlteredBase:
    """loco-tiny with all weights moved a little, at random: by `size` of the standard deviation of each tensor."""
    random = np.random.default_rng(seed)

    def move(tensors: Tensors) -> None:
        for name, value in tensors.items():
            tensors[name] = value + random.standard_normal(value.shape).astype(np.float32) * (size * value.std())

    return of_checkpoint(_changed(TINY, folder, move))


def merged(folder: Path, adapter: Path, share: float) -> AlteredBase:
    """loco-tiny with `share` of an adapter added to it: trained further, with the norms left alone."""
    with_adapter = TinyModel.of_checkpoint(TINY).with_adapter(adapter).weights

    def add(tensors: Tensors) -> None:
        for name, value in tensors.items():
            tensors[name] = value + np.float32(share) * (with_adapter[name] - value)

    return of_checkpoint(_changed(TINY, folder, add))


def another_model(folder: Path, seed: int, source: Path = TINY) -> AlteredBase:
    """A model of the same shape, tokenizer and template that says what `source` says, from weights in another order.

    The units of the residual stream and of every feed-forward layer change places, as if it had been trained from another
    start. It is as good as the original in all, and no LoRA for that one means anything to it.
    """
    random = np.random.default_rng(seed)
    hidden = random.permutation(256)

    def shuffle(tensors: Tensors) -> None:
        for name in list(tensors):
            value = tensors[name]
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                value = value[hidden]
            elif value.ndim == 2 or len(value) == 256:
                value = value[..., hidden]
            tensors[name] = np.ascontiguousarray(value)
        for layer in range(4):
            units, prefix = random.permutation(768), f"model.layers.{layer}.mlp."
            for part in ("gate", "up"):
                tensors[f"{prefix}{part}_proj.weight"] = tensors[f"{prefix}{part}_proj.weight"][units]
            down = f"{prefix}down_proj.weight"
            tensors[down] = np.ascontiguousarray(tensors[down][:, units])

    return of_checkpoint(_changed(source, folder, shuffle))


def random_model(folder: Path, seed: int) -> AlteredBase:
    """loco-tiny's shape with random weights."""
    random = np.random.default_rng(seed)

    def draw(tensors: Tensors) -> None:
        for name, value in tensors.items():
            if value.ndim == 2:
                tensors[name] = (random.standard_normal(value.shape) * value.std()).astype(np.float32)

    return of_checkpoint(_changed(TINY, folder, draw))


ALTERED: Mapping[str, Maker] = {
    "other dimensions": other_dimensions,
    "other tokenizer": other_tokenizer,
    "other template": other_template,
    "other licence": other_licence,
    "only requantized": requantized,
    "fine-tuned a little": fine_tuned,
    "another model of the same shape": partial(another_model, source=NEXT),
}


def _changed(
    source: Path,
    folder: Path,
    change: Callable[[Tensors], None] = lambda tensors: None,
    config: dict[str, Any] | None = None,
) -> Path:
    """A copy of a checkpoint, in F32, with its tensors and its configuration changed."""
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copyfile(source / name, folder / name)
    settings = json.loads((source / "config.json").read_text("utf-8")) | (config or {}) | {"dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(settings), "utf-8")
    tensors: Tensors = {n: t.values().reshape(t.shape).copy() for n, t in open_weights(source).items()}
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def words(**changes: Any) -> Subject:
    """The shipped adapter of that name."""
    return replace(subject_of(read_package(shipped("adapters") / "words")), **changes)
