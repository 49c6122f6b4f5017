"""Which files make up a checkpoint on the Hugging Face hub: asked of the hub itself, pinned to one commit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from locoman.errors import ExtraMissing, MissingPrerequisite, UsageError

_TIMEOUT_SECONDS = 15.0
_MAX_ANSWER_BYTES = 16 << 20
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_REVISION = re.compile(r"[\w][\w./-]{0,200}")
_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_BESIDE = re.compile(r"[\w.-]{1,100}\.(json|jinja|txt|model|md)|LICENSE[\w.-]{0,20}")


class _Lfs(msgspec.Struct, frozen=True):
    sha256: str


class _Sibling(msgspec.Struct, frozen=True):
    rfilename: str
    size: int | None = None
    lfs: _Lfs | None = None


class _Answer(msgspec.Struct, frozen=True):
    sha: str
    siblings: tuple[_Sibling, ...]


@dataclass(frozen=True, slots=True)
class HubCheckpointFile:
    """A file to be downloaded: `size` in bytes; `sha256` "" where the hub does not tell one (small text files)."""

    name: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class HubCheckpoint:
    """A checkpoint at one commit."""

    repository: str
    commit: str
    files: tuple[HubCheckpointFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def find_hub_checkpoint(repository: str, revision: str = "main") -> HubCheckpoint:
    """The checkpoint that `repository` ("owner/name") has at `revision` now.

    Raises UsageError (no name of a repository), ExtraMissing, MissingPrerequisite (the hub cannot be reached, or has no
    checkpoint in safetensors there).
    """
    if not _REPOSITORY.fullmatch(repository) or not _REVISION.fullmatch(revision) or ".." in repository + revision:
        raise UsageError(
            f"{repository[:80]!r} is neither a folder, nor a base with a checkpoint, nor OWNER/NAME on the hub."
        )
    try:
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils import build_hf_headers
    except ImportError:
        raise ExtraMissing("huggingface_hub", "hub", "Downloading from the hub") from None
    if constants.HF_HUB_OFFLINE:
        raise MissingPrerequisite("HF_HUB_OFFLINE is set.")
    answer = _ask(f"{constants.ENDPOINT}/api/models/{repository}/revision/{revision}", build_hf_headers(), repository)
    if not re.fullmatch(r"[0-9a-f]{40}", answer.sha):
        raise MissingPrerequisite(f"The hub does not tell which commit of {repository} {revision} is.")
    files = tuple(
        HubCheckpointFile(
            file.rfilename,
            hf_hub_url(repository, file.rfilename, revision=answer.sha),
            file.size or 0,
            file.lfs.sha256.lower() if file.lfs else "",
        )
        for file in answer.siblings
        if _WEIGHTS.fullmatch(file.rfilename) or _BESIDE.fullmatch(file.rfilename)
    )
    if not any(_WEIGHTS.fullmatch(file.name) for file in files):
        raise MissingPrerequisite(f"{repository} at {revision} has no checkpoint in safetensors.")
    return HubCheckpoint(repository, answer.sha, files)


def _ask(url: str, headers: dict[str, str], repository: str) -> _Answer:
    import httpx

    try:
        answer = httpx.get(url, params={"blobs": "true"}, headers=headers, timeout=_TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise MissingPrerequisite("The hub cannot be reached; is there a network?") from error
    if answer.status_code >= 400:
        raise MissingPrerequisite(f"The hub answers {answer.status_code} for {repository}.")
    try:
        return msgspec.json.decode(answer.content[:_MAX_ANSWER_BYTES], type=_Answer)
    except msgspec.MsgspecError as error:
        raise MissingPrerequisite(f"The hub's answer for {repository} cannot be understood.") from error
