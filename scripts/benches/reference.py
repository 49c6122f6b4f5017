"""Where llama.cpp's own tools are, told by the environment; a bench runs without them and says so.

LOCOMAN_BENCH_LLAMA_CPP        a checkout of llama.cpp, with convert_hf_to_gguf.py
LOCOMAN_BENCH_PYTHON           a Python with what that needs: torch, transformers, sentencepiece (default: this one)
LOCOMAN_BENCH_LLAMA_QUANTIZE   llama-quantize (default: on PATH, or beside Ollama)
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from support.reference import find_llama_quantize

TOOL = Path(__file__).with_name("reference_tool.py")


@dataclass(frozen=True, slots=True)
class Reference:
    """The tools found; None for those that are not there."""

    converters: Path | None
    python: str
    quantize: Path | None

    def converter(self, script: str, *arguments: str) -> list[str]:
        """The command line of one of the Python converters."""
        return [self.python, str(TOOL), str(self.converters), script, *arguments]


def find_reference() -> Reference:
    """What the environment names."""
    root = os.environ.get("LOCOMAN_BENCH_LLAMA_CPP")
    converters = Path(root) if root and (Path(root) / "convert_hf_to_gguf.py").is_file() else None
    named = os.environ.get("LOCOMAN_BENCH_LLAMA_QUANTIZE")
    quantize = Path(named) if named else find_llama_quantize()
    return Reference(converters, os.environ.get("LOCOMAN_BENCH_PYTHON") or sys.executable, quantize)
