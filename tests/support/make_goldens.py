"""Writes the committed values of tests/golden with torch, transformers and peft: `python tests/support/make_goldens.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import families

GOLDEN = Path(__file__).parents[1] / "golden"


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


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    write_logits()
