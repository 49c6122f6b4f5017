"""An index on a web server: packages are fetched as archives, compared with the index's size and sha256, then unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from locoman.catalog.index import MAX_INDEX_BYTES, Index, IndexedPackage, read_index
from locoman.contracts import Listing
from locoman.errors import BadDelivery, DownloadFailed, MissingPrerequisite, UsageError
from locoman.names import BaseRef
from locoman.progress import Progress
from locoman.store.archive import open_archive
from locoman.store.atomic import mapped

_TIMEOUT_SECONDS = 15.0
_MAX_REDIRECTS = 5
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class IndexSource:
    """An index.json at `url`; `downloads` keeps archives until their package is installed, also when a fetch was cut."""

    def __init__(self, url: str, downloads: Path) -> None:
        """Raises UsageError for an address without TLS (but on this machine), or with a password in it."""
        try:
            parts = urlsplit(url)
            host, secret = parts.hostname, parts.username or parts.password
        except ValueError:
            host, secret = None, None
        if not host or not url.isprintable():
            raise UsageError(f"{url[:200]!r} cannot be the address of an index.")
        if secret:
            raise UsageError("The address of an index must not hold a password: it is kept and shown.")
        if not url.startswith("https://") and host not in _LOOPBACK:
            raise UsageError(f"{url[:200]} is not an https address; what comes from it could be changed on the way.")
        self.name = url
        self._downloads = downloads

    def listings(self) -> Sequence[Listing]:
        """See `contracts.Source`. Raises BadDelivery, DownloadFailed, MissingPrerequisite (it cannot be reached)."""
        return tuple(
            Listing(
                package.ref, BaseRef(package.base), package.domain, package.kind, package.description, package.licence,
                package.bytes, package.unpacked_bytes, self.name, str(number),
            )
            for number, package in enumerate(self._index.packages)
        )  # fmt: skip

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """See `contracts.Source`. Raises DownloadFailed, NotEnoughDisk, StoreError."""
        from locoman.store.downloads import download

        package = self._package(listing)
        download(
            urljoin(self.name, quote(package.file)), self._archive(package), sha256=package.sha256, size=package.bytes,
            staging=self._downloads, progress=progress,
        )  # fmt: skip

    def unpack(self, listing: Listing, folder: Path) -> None:
        """See `contracts.Source`. Raises BadDelivery, StoreError."""
        package = self._package(listing)
        path = self._archive(package)
        with open_archive(path, max_bytes=package.unpacked_bytes) as archive:
            if sum(entry.bytes for entry in archive.entries) != package.unpacked_bytes:
                raise BadDelivery(path, "it has another size than its index says")
            archive.unpack(folder)

    def forget(self, listing: Listing) -> None:
        """See `contracts.Source`."""
        path = self._archive(self._package(listing))
        with mapped(path):
            path.unlink(missing_ok=True)

    @cached_property
    def _index(self) -> Index:
        return read_index(_get(self.name), self.name)

    def _package(self, listing: Listing) -> IndexedPackage:
        return self._index.packages[int(listing.key)]

    def _archive(self, package: IndexedPackage) -> Path:
        return self._downloads / f"{package.sha256}.zip"


def _get(url: str) -> bytes:
    """The index's bytes: bounded, and never from a web page or over a redirect out of https."""
    import httpx

    data = bytearray()
    host = urlsplit(url).hostname
    try:
        # A proxy that the environment names is not asked for this very machine.
        with (
            httpx.Client(
                timeout=_TIMEOUT_SECONDS, max_redirects=_MAX_REDIRECTS, trust_env=host not in _LOOPBACK
            ) as http,
            http.stream("GET", url, follow_redirects=True, headers={"accept": "application/json"}) as answer,
        ):
            _refuse(answer, url)
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > MAX_INDEX_BYTES:
                    raise DownloadFailed(url, f"it is larger than {MAX_INDEX_BYTES >> 20} MiB")
    except httpx.TimeoutException as error:
        raise MissingPrerequisite(f"{url} does not answer; is there a network?") from error
    except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
        raise MissingPrerequisite(f"{url} cannot be reached; is there a network?") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise DownloadFailed(url, "the connection broke off, or what came is no answer") from error
    return bytes(data)


def _refuse(answer: object, url: str) -> None:
    """Raises DownloadFailed for anything but the index itself."""
    import httpx

    assert isinstance(answer, httpx.Response)
    secure = url.startswith("https://")
    if secure and any(step.url.scheme != "https" for step in (*answer.history, answer)):
        raise DownloadFailed(url, "the server redirects from https to http")
    if answer.status_code != 200:
        raise DownloadFailed(url, f"the server answers with status {answer.status_code}")
    if "text/html" in answer.headers.get("content-type", ""):
        raise DownloadFailed(url, "a web page came instead, perhaps a login page of the network")
