"""Where the weights of a model in Ollama lie on this machine, if they can be read from here.

Ollama names the file in the FROM of /api/show. That text comes from a server, so it is believed only as far as it can
be checked: the server is on this machine, the path is absolute and ends in a blob's name, it opens as a regular GGUF
file of the size that Ollama recorded, and, when asked, its sha256 is the one in its name.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from locoman.ollama.address import is_loopback
from locoman.ollama.api import Installed, OllamaApi, Shown
from locoman.ollama.modelfile.shown import adapter_values
from locoman.ollama.tag import OllamaTag
from locoman.progress import Progress, no_progress

MAX_MANIFEST_BYTES = 1 << 20
_WEIGHTS = re.compile(r"(FROM|ADAPTER) (?:.*[/\\])?sha256-([0-9a-f]{64})")
_BLOB = re.compile(r"sha256-([0-9a-f]{64})")
_LAYERS = ("application/vnd.ollama.image.model", "application/vnd.ollama.image.adapter")
_CHUNK_BYTES = 1 << 20

Why = Literal["remote", "cloud", "no file", "absent", "forbidden", "damaged"]


@dataclass(frozen=True, slots=True)
class BaseFile:
    """A model's GGUF among Ollama's blobs, readable from here.

    Args:
        tag: the model, in Ollama's shortest form.
        path: the file; Ollama's own, to be read and never changed.
        size: in bytes.
        sha256: in hex, from the file's name.
        verified: whether the content was compared with it.
    """

    tag: str
    path: Path
    size: int
    sha256: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a model's weights cannot be used where they are: `why` for programs, a sentence, and what would help."""

    tag: str
    why: Why
    sentence: str
    remedy: str


def locate_base(
    api: OllamaApi, tag: str, *, verify: bool = False, progress: Progress = no_progress
) -> BaseFile | Unreadable:
    """The GGUF of `tag` on this machine. `verify` reads all of it to compare its sha256 (progress in bytes).

    Raises OllamaUnavailable, InvalidName, and OllamaRefused with status 404 when Ollama has no such model.
    """
    return _locate(api, OllamaTag.parse(tag), api.show(tag), progress if verify else None)


def locate_adapter(api: OllamaApi, tag: str, progress: Progress = no_progress) -> BaseFile | Unreadable | None:
    """The LoRA GGUF of a model that was made with an ADAPTER, read and compared with its sha256; None: it has none.

    Raises as `locate_base`.
    """
    shown = api.show(tag)
    adapters = adapter_values(shown.modelfile)
    if not adapters:
        return None
    return _locate(api, OllamaTag.parse(tag), replace(shown, from_path=adapters[-1]), progress)


def _locate(api: OllamaApi, name: OllamaTag, shown: Shown, progress: Progress | None) -> BaseFile | Unreadable:
    path = _trusted_path(api, name, shown)
    if isinstance(path, Unreadable):
        return path
    try:
        with _open_regular(path) as file:
            return _checked(file, path, name, _recorded_size(path, name, api.tags()), progress)
    except PermissionError:
        return Unreadable(
            str(name), "forbidden", f"Ollama's file {path} may not be read by you.", _permission_remedy(path)
        )
    except (FileNotFoundError, NotADirectoryError):
        return Unreadable(
            str(name),
            "absent",
            f"Ollama keeps {name} in {path}, which is not on this machine: it runs in a container, or in WSL.",
            "Run locoman where Ollama runs, or let it keep its own copy of the base.",
        )
    except OSError as error:
        return _damaged(name, path, (error.strerror or str(error)).lower())


def weights_of(modelfile: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(sha256 of each FROM, of each ADAPTER) at the head of a Modelfile that /api/show wrote."""
    found: dict[str, list[str]] = {"FROM": [], "ADAPTER": []}
    for line in modelfile.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        match = _WEIGHTS.fullmatch(line.strip())
        if match is None:
            break  # what follows may be text of a template
        found[match[1]].append(match[2])
    return tuple(found["FROM"]), tuple(found["ADAPTER"])


def _trusted_path(api: OllamaApi, name: OllamaTag, shown: Shown) -> Path | Unreadable:
    if shown.remote_host:
        return Unreadable(
            str(name),
            "cloud",
            f"{name} has no weights on this machine: it runs at {shown.remote_host[:200]}.",
            "Name a local model.",
        )
    if not is_loopback(api.url):
        return Unreadable(
            str(name),
            "remote",
            f"Ollama runs on another machine ({api.url}), so its files cannot be read here.",
            "Run locoman on that machine, or let it keep its own copy of the base.",
        )
    text = shown.from_path or ""
    # isprintable also refuses a NUL and a line feed; 4096 is the longest path that Linux opens.
    if len(text) > 4096 or not text.isprintable() or not _BLOB.fullmatch(re.split(r"[/\\]", text)[-1]):
        return Unreadable(
            str(name),
            "no file",
            f"Ollama names no single GGUF file for {name}.",
            "Let locoman keep its own copy of the base.",
        )
    if not Path(text).is_absolute():
        return Unreadable(
            str(name),
            "absent",
            f"Ollama keeps {name} in {text}, a path of another system: it runs in a container, or in WSL.",
            "Run locoman where Ollama runs, or let it keep its own copy of the base.",
        )
    return Path(text)


def _open_regular(path: Path) -> BinaryIO:
    """Opens without ever waiting (a FIFO would) and raises OSError for anything but a regular file."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is not a regular file")
    return os.fdopen(handle, "rb")


def _checked(
    file: BinaryIO, path: Path, name: OllamaTag, recorded: tuple[int, bool] | None, progress: Progress | None
) -> BaseFile | Unreadable:
    """Compares magic, size and, with a `progress`, the digest."""
    size = os.fstat(file.fileno()).st_size
    if recorded is not None:
        expected, exact = recorded
        if size > expected or (exact and size != expected):
            return _damaged(name, path, f"it has {size} bytes where Ollama recorded {expected}")
    if file.read(4) != b"GGUF":
        return _damaged(name, path, "it is not a GGUF file")
    digest = path.name.removeprefix("sha256-")
    if progress is not None:
        file.seek(0)
        if _sha256(file, size, progress) != digest:
            return _damaged(name, path, "its content does not match its sha256")
    return BaseFile(str(name), path, size, digest, verified=progress is not None)


def _sha256(file: BinaryIO, size: int, progress: Progress) -> str:
    hasher, done = hashlib.sha256(), 0
    while done < size and (chunk := file.read(min(_CHUNK_BYTES, size - done))):
        hasher.update(chunk)
        done += len(chunk)
        progress(done, size, "bytes")
    return hasher.hexdigest()


class _Layer(msgspec.Struct):
    digest: str
    size: int
    media_type: str = msgspec.field(name="mediaType", default="")


class _Manifest(msgspec.Struct):
    layers: tuple[_Layer, ...] = ()


def _recorded_size(path: Path, name: OllamaTag, models: Sequence[Installed]) -> tuple[int, bool] | None:
    """What Ollama says of the file's size in bytes, and whether that is exact.

    Exact from the manifest beside the blobs; where its layout is another one, the sum of the model's layers is an
    upper bound.
    """
    try:
        with _open_regular(path.parents[1] / "manifests" / name.manifest) as file:
            manifest = msgspec.json.decode(file.read(MAX_MANIFEST_BYTES), type=_Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        total = next((model.size for model in models if model.name.lower() == str(name).lower()), 0)
        return (total, False) if total > 0 else None
    digest = path.name.replace("-", ":", 1)
    return next(((x.size, True) for x in manifest.layers if x.digest == digest and x.media_type in _LAYERS), None)


def _damaged(name: OllamaTag, path: Path, detail: str) -> Unreadable:
    remedy = f"ollama rm {name} && ollama pull {name}"
    return Unreadable(str(name), "damaged", f"Ollama's file {path} cannot be used: {detail}.", remedy)


def _permission_remedy(path: Path) -> str:
    """Says which folder is closed and whether a group opens it; changes nothing."""
    own_copy = "let locoman keep its own copy of the base"
    closed = next((folder for folder in reversed(path.parents) if not _may(folder, os.X_OK)), path)
    if os.name != "posix":
        return f"Give yourself the right to read {closed}, or {own_copy}."
    import grp

    try:
        status = closed.stat()
        group = grp.getgrgid(status.st_gid)
    except (OSError, KeyError):
        return f"Ask whoever looks after this machine to let you read {closed}, or {own_copy}."
    if not status.st_mode & (stat.S_IRGRP if closed == path else stat.S_IXGRP):
        return f"Only its owner may read {closed}; set OLLAMA_MODELS to a folder that you can read, or {own_copy}."
    if _is_member(group.gr_mem):
        return f"You were added to the group {group.gr_name} after you logged in: log out and in again."
    return f"Ask whoever looks after this machine to add you to the group {group.gr_name}, log in again, or {own_copy}."


def _may(path: Path, right: int) -> bool:
    return os.access(path, right, effective_ids=os.access in os.supports_effective_ids)


def _is_member(members: Sequence[str]) -> bool:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name in members
    except KeyError:
        return False
