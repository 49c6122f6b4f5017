"""A bare PEFT folder: adapter_config.json and safetensors, with nothing that says whose it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from locoman.weights.files import read_json
from locoman.weights.peft import MAX_CONFIG_BYTES
from locoman.workflows.importing.draft import BaseClue, Draft

CONFIG = "adapter_config.json"


class _Config(msgspec.Struct, frozen=True):
    base_model_name_or_path: str | None = None


def read_peft(folder: Path, where: str) -> Draft:
    """Raises InvalidFile, StoreError. The weights themselves are read when they are compared with a base."""
    config = read_json(folder / CONFIG, _Config, MAX_CONFIG_BYTES)
    return Draft("a PEFT folder", where, BaseClue(config.base_model_name_or_path or ""), folder)
