"""The two sides of a check: an adapter as it is, and the base it may move to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import AdapterPackage
from locoman.errors import InvalidName
from locoman.weights.fingerprint import Fingerprint, compare
from locoman.weights.lora_base import LoraBase, read_lora_base


@dataclass(frozen=True, slots=True)
class Subject:
    """An adapter.

    Args:
        weights: the folder with its PEFT files or its LoRA GGUF; None for a prompt-only adapter.
        made_for: the fingerprint of the base it was made for; None where there is none that can be read.
        trusted: False when `made_for` contradicts the base that the adapter runs on today.
        minimum_score: the share of its own cases that its gate asks for.
    """

    name: str
    weights: Path | None
    made_for: Fingerprint | None
    licence: str
    minimum_score: float = 0.0
    trusted: bool = True


def subject_of(package: AdapterPackage, runs_on: Fingerprint | None = None) -> Subject:
    """The adapter of a package; `runs_on` is the fingerprint of the base on which it is installed, where it is."""
    manifest = package.manifest
    made_for = _parsed(manifest.base.fingerprint)
    trusted = runs_on is None or made_for is None or compare(made_for, runs_on).same_model
    return Subject(str(manifest.ref), package.weights, made_for, manifest.licence, manifest.gate.minimum_score, trusted)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A base that adapters may move to. `quantization` is that of its weights as they will run, such as "Q4_K_M"."""

    name: str
    fingerprint: Fingerprint
    tensors: LoraBase
    licence: str
    quantization: str


def read_candidate(name: str, model: Path, fingerprint: Fingerprint, licence: str, quantization: str) -> Candidate:
    """The base whose weights are `model`: a GGUF file, or a checkpoint folder of which config.json is enough.

    Raises InvalidFile, Unsupported, StoreError.
    """
    return Candidate(name, fingerprint, read_lora_base(model), licence, quantization)


def _parsed(text: str) -> Fingerprint | None:
    try:
        return Fingerprint.parse(text)
    except InvalidName:
        return None
