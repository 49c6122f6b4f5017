"""A threaded HTTP server on a free loopback port that cleans up after itself."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar


class _Server(ThreadingHTTPServer):
    # On leaving, wait for no request that is still being answered: clients may have been killed in the middle of one.
    daemon_threads = True
    block_on_close = False
    owner: Any

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report; every other error is kept and fails the test."""
        import sys

        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            self.owner.errors.append(error)


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open, stays silent, and knows its server as `self.owner`."""

    protocol_version = "HTTP/1.1"
    timeout = 30.0
    disable_nagle_algorithm = True  # else each body waits up to 40 ms until its headers are acknowledged

    @property
    def owner(self) -> Any:
        return self.server.owner  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        return

    def reply(self, status: int, body: bytes = b"", content_type: str = "text/plain", **headers: str) -> None:
        """Sends a whole answer."""
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        """Ends the connection at once."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()


class LoopbackServer:
    """A context manager; `url` has no trailing slash. `errors` of the handlers are raised on leaving."""

    handler: ClassVar[type[Handler]]

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._server = _Server(("127.0.0.1", 0), self.handler)
        self._server.owner = self
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if error is None and self.errors:
            raise self.errors[0]
