"""Where a file on the Hugging Face hub is, how large, and its digest: asked of the hub itself at a pinned revision."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.errors import ExtraMissing, MissingPrerequisite

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file to be downloaded: `size` in bytes; `sha256` "" where the hub does not tell one."""

    url: str
    size: int
    sha256: str


def find_hub_file(repository: str, revision: str, name: str) -> HubFile:
    """Raises ExtraMissing, and MissingPrerequisite when the hub cannot be reached or has no such file.

    huggingface_hub knows the address (HF_ENDPOINT) and the headers; the question itself goes through httpx, because that
    library changes its HTTP client, and so its errors, from one major version to the next.
    """
    try:
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils import build_hf_headers
    except ImportError:
        raise ExtraMissing("huggingface_hub", "hub", "Downloading from the hub") from None
    import httpx

    if constants.HF_HUB_OFFLINE:
        raise MissingPrerequisite("HF_HUB_OFFLINE is set.")
    url = hf_hub_url(repository, name, revision=revision)
    try:
        answer = httpx.head(url, headers=build_hf_headers(), timeout=_TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise MissingPrerequisite("The hub cannot be reached; is there a network?") from error
    if answer.status_code >= 400:
        raise MissingPrerequisite(f"The hub answers {answer.status_code} for {name} in {repository} at {revision}.")
    size = answer.headers.get(constants.HUGGINGFACE_HEADER_X_LINKED_SIZE) or answer.headers.get("content-length", "")
    digest = answer.headers.get(constants.HUGGINGFACE_HEADER_X_LINKED_ETAG, "").strip('"')
    if not size.isdecimal() or int(size) == 0:
        raise MissingPrerequisite(f"The hub does not tell the size of {name}.")
    return HubFile(url, int(size), digest if len(digest) == 64 else "")
