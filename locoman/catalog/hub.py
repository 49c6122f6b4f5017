"""Where a file on the Hugging Face hub is, how large, and its digest: asked of the hub itself at a pinned revision."""

from __future__ import annotations

from dataclasses import dataclass

from locoman.errors import ExtraMissing, MissingPrerequisite


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file to be downloaded: `size` in bytes; `sha256` "" where the hub does not tell one."""

    url: str
    size: int
    sha256: str


def find_hub_file(repository: str, revision: str, name: str) -> HubFile:
    """Raises ExtraMissing, and MissingPrerequisite when the hub cannot be reached or has no such file."""
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    except ImportError:
        raise ExtraMissing("huggingface_hub", "hub", "Downloading from the hub") from None
    import httpx

    url = hf_hub_url(repository, name, revision=revision)
    try:
        found = get_hf_file_metadata(url, timeout=10)
    except HfHubHTTPError as error:
        raise MissingPrerequisite(f"The hub has no {name} in {repository} at {revision}.") from error
    except (httpx.HTTPError, OSError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise MissingPrerequisite("The hub cannot be reached; is there a network?") from error
    digest = (found.etag or "").strip('"')
    sha256 = digest if len(digest) == 64 else ""
    if not found.size or not found.location:
        raise MissingPrerequisite(f"The hub does not tell the size of {name}.")
    return HubFile(url, found.size, sha256)
