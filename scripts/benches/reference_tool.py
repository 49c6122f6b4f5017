"""Runs one of llama.cpp's own converters: `python reference_tool.py LLAMA_CPP SCRIPT ARGUMENTS...`.

It is told the pre-tokenizer, which it finds by a hash of the vocabulary and so cannot know for a made-up one.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    root = Path(sys.argv[1])
    script = root / sys.argv[2]
    sys.path[:0] = [str(root / "gguf-py"), str(root)]
    from conversion.base import TextModel

    TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    sys.argv = [str(script), *sys.argv[3:]]
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
