"""What every request must pass: the name it calls us by, where it comes from, the key, the size of the body."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request as HttpRequest

from locoman.errors import RequestRefused

MAX_BODY_BYTES = 8_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def check_caller(http: HttpRequest) -> None:
    """Raises RequestRefused (403) for what a web page could send: foreign Host (DNS rebinding) or Origin."""
    if _host_name(f"//{http.headers.get('host', '')}") not in _LOOPBACK:
        raise RequestRefused(403, "This server is called by its loopback address only.")
    origin = http.headers.get("origin")
    if origin is not None and _host_name(origin) not in _LOOPBACK:
        raise RequestRefused(403, "This server does not answer web pages from elsewhere.")


def check_key(http: HttpRequest, key: str) -> None:
    """Raises RequestRefused (401) unless the request carries the key."""
    scheme, _, given = http.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key.encode()):
        raise RequestRefused(401, "The key is missing or wrong.")


async def read_body(http: HttpRequest) -> bytes:
    """The body, read no further than it may be long. Raises RequestRefused (413)."""
    body = bytearray()
    async for piece in http.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise RequestRefused(413, f"The request is larger than {MAX_BODY_BYTES // 1_000_000} MB.")
    return bytes(body)


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
