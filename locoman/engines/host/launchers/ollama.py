"""The llama-server that is installed with Ollama, on the processor or on a GPU.

Where it lies and how it finds its GPU libraries is as in Ollama's own llm/llama_binary.go and llm/llama_server.go: the
binary's own folder, then that of one GPU backend (cuda_v12, rocm ...), and GGML_BACKEND_PATH names the backend's library.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from locoman.engines.host.launchers.flags import run
from locoman.engines.host.launchers.launcher import Launcher
from locoman.engines.host.launchers.llama_server import LlamaServerLauncher, clean_environment
from locoman.errors import EngineUnavailable

_EXE = ".exe" if sys.platform == "win32" else ""
_LIBRARY_PATH = {"win32": "PATH", "darwin": "DYLD_LIBRARY_PATH"}.get(sys.platform, "LD_LIBRARY_PATH")
_BACKENDS = ("libggml-*.so*", "libggml-*.dylib", "libggml-*.dll", "ggml-*.dll")
_NO_BACKEND = re.compile(r"(lib)?ggml-(base|cpu)")
_DEVICE = re.compile(r"^\s+(CUDA|ROCm|Vulkan|Metal|MTL|SYCL)\w*:", re.MULTILINE)


def find_llama_server(ollama: Path | None = None) -> Path | None:
    """Ollama's llama-server; `ollama` is its command if it is not where it usually is."""
    for command in (ollama,) if ollama is not None else _commands():
        folder = command.resolve().parent
        for candidate in (folder, folder / "lib" / "ollama", folder.parent / "lib" / "ollama"):
            binary = candidate / f"llama-server{_EXE}"
            if binary.is_file():
                return binary
    return None


async def ollama_on_gpu(binary: Path, load_timeout: float) -> tuple[Launcher, ...]:
    """The server with the first GPU backend that finds a device, then the same without; none where there is no GPU."""
    for folder in _backend_folders(binary):
        additions = _additions(binary, folder)
        try:
            devices = await run((str(binary), "--list-devices"), {**clean_environment(), **additions}, binary.parent)
        except EngineUnavailable:
            continue
        if _DEVICE.search(devices):
            return (
                LlamaServerLauncher("ollama (gpu)", binary, load_timeout, additions, gpu=True),
                ollama_on_cpu(binary, load_timeout),
            )
    return ()


def ollama_on_cpu(binary: Path, load_timeout: float) -> Launcher:
    """The server with nothing on a GPU."""
    return LlamaServerLauncher("ollama", binary, load_timeout, _additions(binary, binary.parent))


def _commands() -> tuple[Path, ...]:
    """Where the command `ollama` may be."""
    found = shutil.which("ollama")
    usual = {
        "win32": [Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Ollama" / "ollama.exe"],
        "darwin": [Path("/Applications/Ollama.app/Contents/Resources/ollama"), Path("/opt/homebrew/bin/ollama")],
    }.get(sys.platform, [Path("/usr/local/bin/ollama"), Path("/usr/bin/ollama")])
    return ((Path(found),) if found else ()) + tuple(path for path in usual if path.is_file())


def _backend_folders(binary: Path) -> list[Path]:
    """The folders with a GPU backend, the newest CUDA first and Vulkan, which all cards have, last; on a Mac Metal is
    built into the binary."""
    folders = [folder for folder in binary.parent.iterdir() if folder.is_dir() and _backend(folder) is not None]
    folders.sort(key=lambda folder: (not folder.name.startswith("vulkan"), folder.name), reverse=True)
    return [binary.parent, *folders] if sys.platform == "darwin" else folders


def _backend(folder: Path) -> Path | None:
    found = sorted(path for pattern in _BACKENDS for path in folder.glob(pattern) if not _NO_BACKEND.match(path.name))
    return found[0] if found else None


def _additions(binary: Path, folder: Path) -> dict[str, str]:
    """The environment in which the binary finds its own libraries and the backend in `folder`."""
    known = os.environ.get(_LIBRARY_PATH, "").split(os.pathsep)
    paths = dict.fromkeys(part for part in (str(binary.parent), str(folder), *known) if part)
    result = {_LIBRARY_PATH: os.pathsep.join(paths)}
    backend = _backend(folder) if folder != binary.parent else None
    if backend is not None:
        result["GGML_BACKEND_PATH"] = str(backend)
    return result
