"""llama.cpp's own tools, where this machine has them: what locoman's bytes and times are compared with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def find_llama_quantize() -> Path | None:
    """The llama-quantize on PATH, or the one that is installed beside Ollama (LOCOMAN_TEST_OLLAMA, or on PATH)."""
    if found := shutil.which("llama-quantize"):
        return Path(found)
    ollama = os.environ.get("LOCOMAN_TEST_OLLAMA") or shutil.which("ollama")
    if not ollama:
        return None
    root = Path(ollama).resolve().parent.parent
    return next((path for path in root.glob("lib/ollama/llama-quantize*") if path.is_file()), None)


def llama_quantize(tool: Path, source: Path, target: Path, name: str, *options: str) -> None:
    """Quantizes `source` with the real tool."""
    command = [str(tool), *options, str(source), str(target), name, "2"]
    subprocess.run(command, check=True, capture_output=True, cwd=source.parent)
