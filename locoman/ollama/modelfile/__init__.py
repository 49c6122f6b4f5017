"""Modelfiles: the value, its parser and its renderer, by Ollama's own rules.

`parse_modelfile(text)` -> `Modelfile` -> `render_modelfile(value)`; `Modelfile.of(from_, template=..., ...)` makes a new one.
"""

from __future__ import annotations

from locoman.ollama.modelfile.parse import parse_modelfile, read_modelfile
from locoman.ollama.modelfile.render import render_modelfile
from locoman.ollama.modelfile.shown import from_value
from locoman.ollama.modelfile.value import Instruction, Modelfile

__all__ = ["Instruction", "Modelfile", "from_value", "parse_modelfile", "read_modelfile", "render_modelfile"]
