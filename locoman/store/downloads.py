"""Resumable, verified downloads over HTTP(S).

What arrives is kept in `staging/<key>.part`; beside it `<key>.json` says where it came from. A process killed at any
instant leaves a part that the next call goes on from, and a file appears at its target only whole, with the right
size and sha256.

Resuming follows RFC 9110: `Range` with `If-Range` where the server gave a strong entity tag. Without one a part is
gone on from only when the sha256 is known, since then a mixture of two versions cannot pass.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from locoman.errors import DownloadFailed, NotEnoughDisk
from locoman.progress import Progress, no_progress
from locoman.store.atomic import mapped, publish
from locoman.store.digests import sha256_of
from locoman.store.locks import held
from locoman.store.part import Part

MAX_REDIRECTS = 5
MAX_BYTES_OF_UNKNOWN_SIZE = 1 << 30
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONNECT_SECONDS = 10.0
_GOOD_TRY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a broken transfer is taken up again.

    Args:
        tries: in a row that bring less than 1 MiB each; two of them when no server was ever reached.
        first_wait: seconds before the second try, doubled each time.
        longest_wait: seconds, also when the server asks for more.
        silence: seconds without a byte after which a try has failed.
    """

    tries: int = 6
    first_wait: float = 0.5
    longest_wait: float = 15.0
    silence: float = 30.0


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    size: int | None,
    staging: Path,
    progress: Progress = no_progress,
    client: httpx.Client | None = None,
    patience: Patience = Patience(),
) -> None:
    """Fetches `url` into `target`, of `size` bytes and with the hex digest `sha256` where these are known.

    Returns at once when `target` already has the digest. `staging` must lie on the file system of `target`.

    Raises DownloadFailed, NotEnoughDisk (another process fetches the same file), StoreError.
    """
    job = _Job(url, target, sha256.lower() if sha256 else None, size, progress, patience)
    key = job.sha256 or hashlib.sha256(url.encode()).hexdigest()
    # Two processes that wrote one part would undo each other's check of its content.
    with mapped(staging), held(staging / f"{key}.lock", staging):
        if job.sha256 and _has_digest(target, job.sha256, size):
            return
        with Part.open(staging, key) as part, _client(client) as http:
            _fetch(job, part, http)
        publish(part.path, target)
        Part.forget(part.path)


@dataclass(frozen=True, slots=True)
class _Job:
    url: str
    target: Path
    sha256: str | None
    size: int | None
    progress: Progress
    patience: Patience

    def failed(self, detail: str) -> DownloadFailed:
        return DownloadFailed(self.target.name, detail)


class _BrokenOffError(Exception):
    """A transfer that may be taken up again; `wait` in seconds if the server asked for it, `reached` if it answered."""

    def __init__(self, detail: str, *, wait: float = 0.0, reached: bool = True) -> None:
        self.detail = detail
        self.wait = wait
        self.reached = reached
        super().__init__(detail)


def _fetch(job: _Job, part: Part, http: httpx.Client) -> None:
    """Fills `part` until it is whole and right."""
    failures, reached, furthest = 0, False, part.size
    while not _is_whole(job, part):
        try:
            _attempt(job, part, http)
        except _BrokenOffError as error:
            reached = reached or error.reached
            # Measured against the furthest ever, or a server that makes us start over and over would never be given up.
            failures = 1 if part.size - furthest >= _GOOD_TRY_BYTES else failures + 1
            furthest = max(furthest, part.size)
            if failures >= (job.patience.tries if reached else min(2, job.patience.tries)):
                raise job.failed(error.detail) from error
            pause = max(error.wait, job.patience.first_wait * 2 ** (failures - 1))
            time.sleep(min(pause, job.patience.longest_wait))


def _is_whole(job: _Job, part: Part) -> bool:
    """Whether `part` is complete; one that is complete and wrong is thrown away and raises DownloadFailed."""
    expected = job.size if job.size is not None else part.total
    if expected is None or part.size < expected:
        return False
    if part.size > expected:
        part.clear()
        raise job.failed(f"it is larger than the {expected} bytes it should have")
    if job.sha256 is None:
        return True
    if part.sha256() != job.sha256:
        part.clear()
        raise job.failed("its content does not match its sha256")
    return True


def _attempt(job: _Job, part: Part, http: httpx.Client) -> None:
    """One request and its body. Raises _BrokenOffError, DownloadFailed."""
    etag = part.etag_from(job.url)
    resumable = part.size > 0 and (etag is not None or job.sha256 is not None)
    headers = {"accept-encoding": "identity"}
    if resumable:
        headers["range"] = f"bytes={part.size}-"
    if resumable and etag is not None:
        headers["if-range"] = etag
    try:
        with _response(job, http, headers) as response:
            _receive(job, part, response, resumable)
    except httpx.TimeoutException as error:
        raise _BrokenOffError(
            "the server does not answer", reached=not isinstance(error, httpx.ConnectTimeout)
        ) from error
    except httpx.ConnectError as error:
        raise _BrokenOffError("the server cannot be reached", reached=False) from error
    except httpx.TransportError as error:
        raise _BrokenOffError("the connection broke off") from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise job.failed(f"{job.url[:200]!r}, or what it redirects to, is no address") from error


@contextmanager
def _response(job: _Job, http: httpx.Client, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The answer after redirects; none may lead from https to http."""
    url = httpx.URL(job.url)
    timeout = httpx.Timeout(job.patience.silence, connect=min(_CONNECT_SECONDS, job.patience.silence))
    for _ in range(MAX_REDIRECTS + 1):
        if url.scheme not in ("http", "https"):
            raise job.failed(f"{str(url)[:200]!r} is not an http or https address")
        request = http.build_request("GET", url, headers=headers, timeout=timeout)
        with closing(http.send(request, stream=True, follow_redirects=False)) as response:
            if not response.has_redirect_location:
                yield response
                return
            following = url.join(response.headers["location"])
        if url.scheme == "https" and following.scheme != "https":
            raise job.failed(f"the server redirects from https to {str(following)[:200]!r}")
        url = following
    raise job.failed(f"more than {MAX_REDIRECTS} redirects")


def _receive(job: _Job, part: Part, response: httpx.Response, resumable: bool) -> None:
    """Puts the body into `part`, at its end (206) or from the start (200)."""
    _refuse_bad_answer(job, part, response, resumable)
    if response.status_code == 416:
        part.finish()
        return
    if response.status_code == 206:
        start, total = _content_range(response)
        if start != part.size or (part.total is not None and total is not None and total != part.total):
            part.clear()
            raise _BrokenOffError("the server sends another range than was asked for")
    else:
        total = _number(response.headers.get("content-length", ""))
        part.begin(job.url, response.headers.get("etag"), total)
    total = total if total is not None else part.total
    if job.size is not None and total is not None and total != job.size:
        part.clear()
        raise job.failed(f"the server offers {total} bytes where {job.size} are expected")
    _copy(job, part, response, job.size if job.size is not None else total)


def _refuse_bad_answer(job: _Job, part: Part, response: httpx.Response, resumable: bool) -> None:
    """Lets pass 200, 206 for a range that was asked for, and 416 that says that `part` is all there is."""
    status = response.status_code
    if status in _RETRIED:
        raise _BrokenOffError(f"the server answers with status {status}", wait=_retry_after(response))
    if status == 416 and resumable:
        if job.size is None and _content_range(response)[1] == part.size:
            return
        part.clear()
        raise _BrokenOffError("the server has not the rest of what arrived before")
    if status != 200 and not (status == 206 and resumable):
        raise job.failed(f"the server answers with status {status} {response.reason_phrase}".rstrip())
    if "text/html" in response.headers.get("content-type", ""):
        raise job.failed("a web page came instead, perhaps a login page of the network")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise job.failed("the server sends it compressed, which was not asked for")


def _copy(job: _Job, part: Part, response: httpx.Response, total: int | None) -> None:
    limit = total if total is not None else MAX_BYTES_OF_UNKNOWN_SIZE
    if total is not None:
        free = shutil.disk_usage(part.path.parent).free
        if total - part.size > free:
            raise NotEnoughDisk(total - part.size, free, part.path.parent)
    job.progress(part.size, total, "bytes")
    for chunk in response.iter_raw():
        part.append(chunk)
        if part.size > limit:
            part.clear()
            raise job.failed(f"the server sends more than {limit} bytes")
        job.progress(part.size, total, "bytes")
    if total is None:
        # Only the end of the connection tells the length, and httpx raises for one that is cut where it can be told.
        part.finish()
    elif part.size < total:
        raise _BrokenOffError("the connection broke off")


def _content_range(response: httpx.Response) -> tuple[int | None, int | None]:
    """(start, total) of "bytes 5-9/10", (None, total) of "bytes */10"; None for each that is not told."""
    unit, _, rest = response.headers.get("content-range", "").strip().partition(" ")
    span, _, total = rest.partition("/")
    return (_number(span.partition("-")[0].strip()), _number(total)) if unit.lower() == "bytes" else (None, None)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _retry_after(response: httpx.Response) -> float:
    return float(_number(response.headers.get("retry-after", "")) or 0)


def _has_digest(path: Path, sha256: str, size: int | None) -> bool:
    return path.is_file() and size in (None, path.stat().st_size) and sha256_of(path) == sha256


@contextmanager
def _client(given: httpx.Client | None) -> Iterator[httpx.Client]:
    if given is not None:
        yield given
        return
    with httpx.Client() as own:
        yield own
