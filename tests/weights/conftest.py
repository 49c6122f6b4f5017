"""A converted checkpoint that the tests of this room share; nobody changes it in place."""

from __future__ import annotations

import pytest
from support import checkpoints

from locoman.weights.convert import convert, plan_conversion
from locoman.weights.lora import convert_lora, plan_lora


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> checkpoints.Made:
    folder = tmp_path_factory.mktemp("weights")
    files = checkpoints.Made(
        checkpoints.write_checkpoint(folder / "base"),
        checkpoints.write_adapter(folder / "adapter"),
        folder / "base.gguf",
        folder / "adapter.gguf",
    )
    convert(plan_conversion(files.checkpoint, "Q8_0"), files.gguf)
    convert_lora(plan_lora(files.adapter, files.gguf), files.lora)
    return files
