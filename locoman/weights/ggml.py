"""ggml's own quantizers, called in whichever llama.cpp library this machine has.

Only functions that ggml.h and ggml-quants.h publish are used, so that any build serves: the xllamacpp wheel, the libraries
of llama-cpp-python, or those beside Ollama. ctypes lets other threads run during each call, and ggml's functions work on
rows independently: calls on ranges of rows give the bytes that llama-quantize writes.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOATS = {"F16": "ggml_fp16_to_fp32_row", "BF16": "ggml_bf16_to_fp32_row"}
"""Not ggml_cpu_fp16_to_fp32, which is faster: its last values come from a table that is empty until ggml_cpu_init."""
_BLOCKS = (
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
    "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0",
)  # fmt: skip
_FROM_F32 = "ggml_cpu_fp32_to_fp16"
"""Rounds as IEEE 754 says, as ggml_fp32_to_fp16_row does, in a twentieth of the time; not in every library."""

_Decode = Callable[[int, int, int], None]


class Ggml:
    """The functions of one loaded library."""

    def __init__(self, path: Path, library: ctypes.CDLL) -> None:
        self.path = path
        self._chunk: Callable[..., int] = library.ggml_quantize_chunk
        self._chunk.restype = ctypes.c_size_t
        self._chunk.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
            ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
        ]  # fmt: skip
        names = _FLOATS | {name: f"dequantize_row_{name[:-1].lower() + name[-1]}" for name in _BLOCKS}
        self._decoders = {name: found for name, symbol in names.items() if (found := _converter(library, symbol))}
        self._to_f16 = _converter(library, _FROM_F32)

    def quantize(
        self, values: NDArray[np.float32], name: str, code: int, row_bytes: int, importance: NDArray[np.float32] | None
    ) -> NDArray[np.uint8]:
        """`values` (rows x columns, C order) as the type `name` (`code` in ggml) stores them (rows x row_bytes).

        `importance` (columns) weighs the errors of each column. The columns must be whole blocks of the type.
        """
        rows, columns = values.shape
        packed = np.empty((rows, row_bytes), np.uint8)
        if name == "F16" and self._to_f16:
            self._to_f16(values.ctypes.data, packed.ctypes.data, values.size)
            return packed
        weights = None if importance is None else importance.ctypes.data
        written = self._chunk(code, values.ctypes.data, packed.ctypes.data, 0, rows, columns, weights)
        if written != packed.nbytes:
            raise ValueError(f"{name}: {written} bytes written, {packed.nbytes} expected")
        return packed

    def dequantize(self, packed: NDArray[np.uint8], name: str, columns: int) -> NDArray[np.float32] | None:
        """Rows stored as `name` (C order) as float32 (rows x columns); None for a type that this library cannot decode."""
        decode = self._decoders.get(name)
        if decode is None:
            return None
        values = np.empty((len(packed), columns), np.float32)
        decode(packed.ctypes.data, values.ctypes.data, values.size)
        return values


@cache
def find_ggml() -> Ggml | None:
    """The first library found that can quantize; None when this machine has none."""
    for path in candidates():
        try:
            return Ggml(path, ctypes.CDLL(str(path)))
        except (OSError, AttributeError):  # not loadable here, or it does not export the function
            continue
    return None


def candidates() -> Iterator[Path]:
    """Where a library may be, best first: the wheels in this Python, then Ollama's installation."""
    for package, patterns in (("xllamacpp", ("xllamacpp*",)), ("llama_cpp", ("lib/*ggml-base*", "*ggml-base*"))):
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            for pattern in patterns:
                yield from _libraries(Path(location), pattern)
    for folder in _ollama_folders():
        yield from _libraries(folder, "*ggml-base*")


def _libraries(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if {".so", ".pyd", ".dll", ".dylib"} & set(path.suffixes))


def _ollama_folders() -> Iterator[Path]:
    """lib/ollama beside the bin folder of the command; on macOS the app's resources; on Windows the user's programs."""
    command = shutil.which("ollama")
    if command:
        binary = Path(command).resolve()
        yield from (binary.parent.parent / "lib" / "ollama", binary.parent / "lib" / "ollama", binary.parent)
    if sys.platform == "darwin":
        yield Path("/Applications/Ollama.app/Contents/Resources")
    if sys.platform == "win32" and (programs := os.environ.get("LOCALAPPDATA")):
        yield Path(programs) / "Programs" / "Ollama" / "lib" / "ollama"


def _converter(library: ctypes.CDLL, symbol: str) -> _Decode | None:
    """The function (source, target, count of values) called `symbol`, if the library has it."""
    function: Any = getattr(library, symbol, None)
    if function is not None:
        function.restype = None
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    return function  # type: ignore[no-any-return]
