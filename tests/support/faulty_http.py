"""A file server that misbehaves on order: one `Reply` per request, in turn; with none left it behaves."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from support.loopback import Handler, LoopbackServer


@dataclass(frozen=True)
class Reply:
    """How one request is answered.

    Args:
        status: instead of 200 or 206.
        headers: added, or put in place of the right ones.
        cut_after: bytes of the body after which the connection ends.
        ignore_range: sends all of the file to a request for a part of it.
        chunked: tells no length.
        extra: bytes sent beyond the file's end.
        content: instead of the file.
        silent: seconds without a word, before anything is answered.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    ignore_range: bool = False
    chunked: bool = False
    extra: bytes = b""
    content: bytes | None = None
    silent: float = 0.0


class _FileHandler(Handler):
    def do_GET(self) -> None:  # noqa: N802
        server: FileServer = self.owner
        server.requests.append(dict(self.headers.items()))
        server.paths.append(self.path)
        reply = server.replies.popleft() if server.replies else Reply()
        time.sleep(reply.silent)
        content = reply.content if reply.content is not None else server.files.get(self.path, server.content)
        start = None if reply.ignore_range else self._range_start(server)
        if start is not None and start >= len(content):
            self.reply(416, content_range=f"bytes */{len(content)}")
            return
        body = content[start or 0 :] + reply.extra
        headers = {"content-type": "application/octet-stream", "etag": server.etag, "content-length": str(len(body))}
        if start is not None:
            headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if reply.chunked:
            del headers["content-length"]
            headers["transfer-encoding"] = "chunked"
        self.send_response(reply.status or (200 if start is None else 206))
        for name, value in {**headers, **reply.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self._send(body[: reply.cut_after], server.chunk, server.pause, reply.chunked)
        if reply.cut_after is not None:
            self.hang_up()
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def _range_start(self, server: FileServer) -> int | None:
        asked = self.headers.get("range")
        if asked is None or self.headers.get("if-range", server.etag) != server.etag:
            return None
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def _send(self, body: bytes, chunk: int, pause: float, chunked: bool) -> None:
        for at in range(0, len(body), chunk):
            piece = body[at : at + chunk]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if pause:
                time.sleep(pause)


class FileServer(LoopbackServer):
    """Serves `content` at every path but those of `files`, which have their own.

    `requests` holds the headers of each request and `paths` where it went; `pause` seconds follow each chunk.
    """

    handler = _FileHandler

    def __init__(self, content: bytes, etag: str = '"v1"') -> None:
        super().__init__()
        self.content = content
        self.etag = etag
        self.replies: deque[Reply] = deque()
        self.requests: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.files: dict[str, bytes] = {}
        self.chunk = 1 << 16
        self.pause = 0.0

    def then(self, *replies: Reply) -> None:
        """Orders what the next requests get."""
        self.replies.extend(replies)
