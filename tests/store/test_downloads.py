"""Downloads: whole and right, or not there; broken transfers go on where they stopped."""

from __future__ import annotations

import errno
import hashlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from filelock import FileLock
from support.faulty_http import FileServer, Reply

from locoman.errors import DownloadFailed, MissingPrerequisite, NotEnoughDisk, StoreBusy, StoreError
from locoman.store import downloads, part
from locoman.store.downloads import Patience, download

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(tries=4, first_wait=0.001, longest_wait=0.01)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(CONTENT) as running:
        running.chunk = 10_000
        yield running


class Desk:
    """Downloads from one server into one folder."""

    def __init__(self, folder: Path, server: FileServer) -> None:
        self.target = folder / "models" / "base.gguf"
        self.staging = folder / "downloads"
        self.server = server
        self.seen: list[tuple[int, int | None, str]] = []

    def fetch(
        self, *, sha256: str | None = SHA256, size: int | None = len(CONTENT), patience: Patience = QUICK
    ) -> None:
        download(
            f"{self.server.url}/base.gguf",
            self.target,
            sha256=sha256,
            size=size,
            staging=self.staging,
            progress=lambda *step: self.seen.append(step),
            patience=patience,
        )

    def parts(self) -> list[Path]:
        return sorted(self.staging.glob("*.part"))

    def stop_after(self, count: int) -> None:
        """Leaves a part of `count` bytes, as a kill would."""
        self.server.then(*[Reply(cut_after=count)])
        with pytest.raises(DownloadFailed):
            self.fetch(patience=Patience(tries=1))
        assert self.parts()[0].stat().st_size == count
        self.server.requests.clear()


@pytest.fixture
def desk(tmp_path: Path, server: FileServer) -> Desk:
    return Desk(tmp_path, server)


def ranges(server: FileServer) -> list[str | None]:
    return [{name.lower(): value for name, value in headers.items()}.get("range") for headers in server.requests]


@pytest.mark.parametrize("sha256", [SHA256, SHA256.upper(), None])
@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_file_arrives_whole_with_progress_and_leaves_no_part(
    desk: Desk, sha256: str | None, size: int | None
) -> None:
    desk.fetch(sha256=sha256, size=size)
    assert desk.target.read_bytes() == CONTENT
    assert desk.seen[0] == (0, len(CONTENT), "bytes")
    assert desk.seen[-1] == (len(CONTENT), len(CONTENT), "bytes")
    assert not [path for path in desk.staging.iterdir() if path.suffix != ".lock"]


def test_a_file_that_is_there_already_is_not_fetched_again(desk: Desk) -> None:
    desk.fetch()
    desk.server.requests.clear()
    desk.fetch()
    assert desk.server.requests == []


def test_an_old_file_of_other_content_is_replaced(desk: Desk) -> None:
    desk.target.parent.mkdir()
    desk.target.write_bytes(b"old")
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


def test_connections_that_are_cut_again_and_again_are_taken_up_where_they_broke(desk: Desk) -> None:
    desk.server.then(Reply(cut_after=100_000), Reply(cut_after=50_000), Reply(cut_after=1))
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT
    assert ranges(desk.server) == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-"]


def test_a_later_call_goes_on_from_the_part_of_an_earlier_one(desk: Desk) -> None:
    desk.stop_after(120_000)
    desk.fetch()
    assert ranges(desk.server) == ["bytes=120000-"]
    assert desk.target.read_bytes() == CONTENT


def test_without_a_digest_a_strong_etag_is_needed_to_go_on(desk: Desk) -> None:
    for etag, expected in (('"v1"', "bytes=1000-"), ('W/"v1"', None), ("", None), ('"bad\x7f"', None)):
        desk.server.etag = etag
        desk.server.requests.clear()
        desk.server.then(Reply(cut_after=1000))
        desk.fetch(sha256=None)
        assert ranges(desk.server) == [None, expected]
        assert desk.target.read_bytes() == CONTENT


def test_with_a_digest_no_etag_is_needed(desk: Desk) -> None:
    desk.server.etag = ""
    desk.stop_after(1000)
    desk.fetch()
    assert ranges(desk.server) == ["bytes=1000-"]


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_file_that_changed_on_the_server_is_fetched_from_the_start(desk: Desk, sha256: str | None) -> None:
    old = bytes(len(CONTENT))
    desk.server.content, desk.server.etag = old, '"v0"'
    desk.server.then(Reply(cut_after=90_000))
    with pytest.raises(DownloadFailed):
        desk.fetch(sha256=sha256, patience=Patience(tries=1))
    desk.server.content, desk.server.etag = CONTENT, '"v1"'
    desk.fetch(sha256=sha256)
    assert desk.target.read_bytes() == CONTENT


def test_a_server_that_ignores_range_is_read_from_the_start(desk: Desk) -> None:
    desk.stop_after(1000)
    desk.server.then(Reply(ignore_range=True))
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


@pytest.mark.parametrize("lie", ["bytes 7-299999/300000", "bytes 1000-299999/400000", "", "lines 1-2/3", "bytes x"])
def test_a_range_that_was_not_asked_for_is_not_used(desk: Desk, lie: str) -> None:
    desk.stop_after(1000)
    desk.server.then(Reply(headers={"content-range": lie}))
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


def test_content_of_another_digest_is_thrown_away(desk: Desk) -> None:
    desk.server.content = bytes(len(CONTENT))
    with pytest.raises(DownloadFailed, match="does not match its sha256"):
        desk.fetch()
    assert not desk.target.exists()
    assert desk.parts()[0].stat().st_size == 0
    desk.server.content = CONTENT
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


def test_a_part_that_was_damaged_on_disk_is_noticed_and_fetched_anew_by_the_next_call(desk: Desk) -> None:
    desk.stop_after(1000)
    desk.parts()[0].write_bytes(bytes(1000))
    with pytest.raises(DownloadFailed, match="sha256"):
        desk.fetch()
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


@pytest.mark.parametrize("origin", [b"", b"{", b"null", b'{"source": 1}', b"\xff", b"[" * 60_000, None])
def test_a_part_without_a_readable_origin_is_not_trusted(desk: Desk, origin: bytes | None) -> None:
    desk.stop_after(1000)
    path = desk.parts()[0].with_suffix(".json")
    path.unlink() if origin is None else path.write_bytes(origin)
    desk.fetch()
    assert ranges(desk.server) == [None]


def test_a_complete_part_needs_no_server(desk: Desk) -> None:
    desk.stop_after(len(CONTENT) - 1)
    with desk.parts()[0].open("ab") as file:
        file.write(CONTENT[-1:])
    desk.fetch()
    assert desk.server.requests == []
    assert desk.target.read_bytes() == CONTENT


def test_416_means_complete_when_the_sizes_agree_and_start_over_when_not(desk: Desk) -> None:
    for extra in (b"", b"x"):
        desk.target.unlink(missing_ok=True)
        desk.server.then(Reply(chunked=True, cut_after=len(CONTENT)))
        with pytest.raises(DownloadFailed):
            desk.fetch(size=None, patience=Patience(tries=1))
        with desk.parts()[0].open("ab") as file:
            file.write(extra)
        desk.fetch(size=None)
        assert desk.target.read_bytes() == CONTENT


def test_416_with_a_known_size_cannot_loop(desk: Desk) -> None:
    desk.stop_after(1000)
    desk.server.content = CONTENT[:1000]
    with pytest.raises(DownloadFailed, match="offers 1000 bytes where 300000"):
        desk.fetch()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206, 304])
def test_a_refusal_is_final(desk: Desk, status: int) -> None:
    desk.server.then(*[Reply(status=status, content=b"")] * 9)
    with pytest.raises(DownloadFailed, match=f"status {status}"):
        desk.fetch()
    assert len(desk.server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_trouble_is_waited_for(desk: Desk, status: int) -> None:
    desk.server.then(*[Reply(status=status, headers={"retry-after": "3600"})] * 3)
    desk.fetch()
    assert desk.target.read_bytes() == CONTENT


def test_patience_ends(desk: Desk) -> None:
    desk.server.then(*[Reply(status=503)] * 99)
    with pytest.raises(DownloadFailed, match="status 503"):
        desk.fetch()
    assert len(desk.server.requests) == QUICK.tries


def test_patience_also_ends_when_every_try_starts_over(desk: Desk) -> None:
    desk.server.content = random.Random(2).randbytes(3 << 20)
    desk.server.chunk = 1 << 16
    desk.server.then(*[Reply(cut_after=2 << 20, ignore_range=True)] * 99)
    with pytest.raises(DownloadFailed, match="broke off"):
        desk.fetch(sha256=hashlib.sha256(desk.server.content).hexdigest(), size=3 << 20)
    assert len(desk.server.requests) <= QUICK.tries + 1


def test_progress_renews_patience(desk: Desk) -> None:
    desk.server.content = random.Random(2).randbytes(8 << 20)
    desk.server.chunk = 1 << 16
    desk.server.then(*[Reply(cut_after=1 << 20)] * 7)
    desk.fetch(sha256=None, size=None, patience=Patience(tries=2, first_wait=0.001))
    assert desk.target.read_bytes() == desk.server.content


def test_a_server_that_cannot_be_reached_is_given_up_soon(desk: Desk) -> None:
    with FileServer(b"") as gone:
        pass
    desk.server = gone
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        desk.fetch(patience=Patience(tries=50, first_wait=0.001))


def test_too_much_is_refused_whatever_the_server_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.server.then(Reply(chunked=True, extra=b"x"))
    with pytest.raises(DownloadFailed, match="more than 300000 bytes"):
        desk.fetch()
    desk.server.then(Reply(extra=b"x"))
    with pytest.raises(DownloadFailed, match="offers 300001 bytes"):
        desk.fetch()
    monkeypatch.setattr(downloads, "MAX_BYTES_OF_UNKNOWN_SIZE", 10_000)
    desk.server.then(Reply(chunked=True))
    with pytest.raises(DownloadFailed, match="more than 10000 bytes"):
        desk.fetch(size=None)
    assert desk.parts()[0].stat().st_size == 0
    assert not desk.target.exists()


def test_too_little_is_refused(desk: Desk) -> None:
    desk.server.content = CONTENT[:-1]
    with pytest.raises(DownloadFailed, match="offers 299999 bytes"):
        desk.fetch()
    desk.server.then(*[Reply(chunked=True, ignore_range=True)] * QUICK.tries)
    with pytest.raises(DownloadFailed, match="broke off"):
        desk.fetch()


def test_a_content_length_that_promises_too_much_is_a_broken_transfer(desk: Desk) -> None:
    desk.server.then(Reply(headers={"content-length": "400000"}, cut_after=300_000))
    with pytest.raises(DownloadFailed):
        desk.fetch(size=None, patience=Patience(tries=1))
    desk.fetch(size=None)
    assert desk.target.read_bytes() == CONTENT


def test_a_length_that_nobody_tells_is_fine(desk: Desk) -> None:
    desk.server.then(Reply(chunked=True))
    desk.fetch(sha256=None, size=None)
    assert desk.target.read_bytes() == CONTENT
    assert desk.seen[-1] == (len(CONTENT), None, "bytes")


def test_a_chunked_body_that_is_cut_is_not_taken_for_whole(desk: Desk) -> None:
    desk.server.then(Reply(chunked=True, cut_after=1000))
    desk.fetch(sha256=None, size=None)
    assert desk.target.read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_asked_again(desk: Desk) -> None:
    desk.server.then(Reply(silent=1.0), Reply(cut_after=1000))
    desk.fetch(patience=replace(QUICK, silence=0.2))
    assert ranges(desk.server) == [None, None, "bytes=1000-"]


def test_a_login_page_is_called_one(desk: Desk) -> None:
    desk.server.then(Reply(headers={"content-type": "text/html; charset=utf-8"}, content=b"<html>"))
    with pytest.raises(DownloadFailed, match="web page"):
        desk.fetch()


def test_a_compressed_body_is_refused(desk: Desk) -> None:
    desk.server.then(Reply(headers={"content-encoding": "gzip"}))
    with pytest.raises(DownloadFailed, match="compressed"):
        desk.fetch()


def test_redirects_are_followed_and_bounded(desk: Desk) -> None:
    hop = Reply(status=302, headers={"location": "/elsewhere"}, content=b"")
    desk.server.then(hop, hop)
    desk.fetch()
    desk.target.unlink()
    desk.server.then(*[hop] * 20)
    with pytest.raises(DownloadFailed, match="redirects"):
        desk.fetch()


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://a:b:c/", "data:,x"]
)
def test_a_redirect_to_anything_but_http_is_refused(desk: Desk, location: str) -> None:
    desk.server.then(*[Reply(status=307, headers={"location": location}, content=b"")] * QUICK.tries)
    with pytest.raises(DownloadFailed):
        desk.fetch()


def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://example.invalid/base.gguf"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client, pytest.raises(DownloadFailed, match="https"):
        download(
            "https://example.invalid/base.gguf",
            tmp_path / "base.gguf",
            sha256=None,
            size=None,
            staging=tmp_path / "downloads",
            client=client,
        )


@pytest.mark.parametrize(
    "url", ["", "base.gguf", "file:///etc/passwd", "http://", "http://[", "http://" + "a" * 70 + "/"]
)
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadFailed):
        download(url, tmp_path / "x", sha256=None, size=None, staging=tmp_path / "downloads", patience=QUICK)


def test_a_file_larger_than_the_disk_is_refused_before_it_is_fetched(desk: Desk) -> None:
    desk.server.then(Reply(headers={"content-length": str(10**17)}, cut_after=10))
    with pytest.raises(NotEnoughDisk) as caught:
        desk.fetch(size=None)
    assert caught.value.needed == 10**17
    assert desk.parts()[0].stat().st_size == 0


def test_a_disk_that_fills_up_is_told_and_what_arrived_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write = part.FileIO.write

    class FullDisk(part.FileIO):
        def write(self, data: memoryview) -> int:  # type: ignore[override]
            if self.tell() >= 100_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(self, data[: 100_000 - self.tell()])

    with monkeypatch.context() as full:
        full.setattr(part, "FileIO", FullDisk)
        with pytest.raises(MissingPrerequisite, match="no disk space left"):
            desk.fetch()
    assert desk.parts()[0].stat().st_size == 100_000
    desk.server.requests.clear()
    desk.fetch()
    assert ranges(desk.server) == ["bytes=100000-"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_file_system_that_takes_no_large_files_is_told(desk: Desk) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(MissingPrerequisite, match="cannot hold a file this large"):
            desk.fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_place_that_cannot_be_made_is_told(desk: Desk) -> None:
    desk.staging.write_bytes(b"a file")
    with pytest.raises(StoreError):
        desk.fetch()


def test_two_downloads_of_one_file_do_not_mix(desk: Desk) -> None:
    desk.staging.mkdir()
    with FileLock(desk.staging / f"{SHA256}.lock"), pytest.raises(StoreBusy):
        desk.fetch()


CHILD = """
import sys
from pathlib import Path
from locoman.store.downloads import download
url, target, staging, sha256, size = sys.argv[1:]
download(url, Path(target), sha256=sha256, size=int(size), staging=Path(staging))
"""


def test_a_download_that_is_killed_over_and_over_arrives_in_the_end(desk: Desk) -> None:
    desk.server.chunk, desk.server.pause = 2_000, 0.004
    moment = random.Random(3)
    command = [sys.executable, "-c", CHILD, f"{desk.server.url}/base.gguf", str(desk.target), str(desk.staging), SHA256]
    sizes = [0]
    for _ in range(4):
        child = subprocess.Popen([*command, str(len(CONTENT))])
        try:
            _wait_for_growth(desk, sizes[-1], child)
            time.sleep(moment.uniform(0, 0.05))
        finally:
            child.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            child.wait()
        assert not desk.target.exists()
        sizes.append(desk.parts()[0].stat().st_size)
    assert sizes == sorted(sizes)
    desk.server.pause = 0
    desk.server.requests.clear()
    desk.fetch()
    assert ranges(desk.server) == [f"bytes={sizes[-1]}-"]
    assert desk.target.read_bytes() == CONTENT


def _wait_for_growth(desk: Desk, size: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and child.poll() is None:
        if desk.parts() and desk.parts()[0].stat().st_size > size:
            return
        time.sleep(0.005)
    raise AssertionError("the child downloads nothing")
