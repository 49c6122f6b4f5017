"""What every request must pass: the name it calls us by, where it comes from, the key, the size of the body."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request as HttpRequest

from locoman.errors import RequestRefused

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may ask.

    Args:
        owner_key: opens everything; stands in run/host.json for this user alone.
        client_key: opens what clients use; None = no key is needed for that.
        names: host names besides those of the loopback by which clients may call us.
        exposed: whether the server listens beyond the loopback. Then clients may call it by any IP address: a page that
            abuses DNS (rebinding) needs a name for it.
    """

    owner_key: str
    client_key: str | None
    names: frozenset[str] = frozenset()
    exposed: bool = False

    def check_caller(self, headers: Headers) -> None:
        """Raises RequestRefused (403) for what a web page could send: a foreign Host (DNS rebinding) or Origin."""
        host = _host_name(f"//{headers.get('host', '')}")
        if host is None or not (self._ours(host) or (self.exposed and _is_address(host))):
            raise RequestRefused(403, "This server is not called by that name.")
        origin = headers.get("origin")
        if origin is not None and (page := _host_name(origin)) != host and not (page and self._ours(page)):
            raise RequestRefused(403, "This server does not answer web pages from elsewhere.")

    def check_client(self, headers: Headers) -> None:
        """Raises RequestRefused (401) unless the request carries a key, where one is needed."""
        if self.client_key is not None:
            _check_key(headers, (self.client_key, self.owner_key))

    def check_owner(self, headers: Headers) -> None:
        """Raises RequestRefused (401) unless the request carries this user's own key."""
        _check_key(headers, (self.owner_key,))

    def _ours(self, host: str) -> bool:
        return host in _LOOPBACK or host in self.names


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names() -> frozenset[str]:
    """The names of this machine in its network."""
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", f"{name.partition('.')[0]}.local"}) if name else frozenset()


async def read_body(http: HttpRequest, limit: int, seconds: float) -> bytes:
    """The body, not read at all when it says that it is too long, and no further than `limit` bytes when it does not.

    Raises RequestRefused: 413, or 408 when it takes longer than `seconds`.
    """
    too_long = RequestRefused(413, f"The request is larger than {limit // 1_000_000} MB.")
    announced = http.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in http.stream():
                body += piece
                if len(body) > limit:
                    raise too_long
    except TimeoutError as error:
        raise RequestRefused(408, f"The request did not arrive within {seconds:.0f} seconds.") from error
    return bytes(body)


def _check_key(headers: Headers, keys: tuple[str, ...]) -> None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    known = [hmac.compare_digest(given.strip().encode(), key.encode()) for key in keys]
    if scheme.lower() != "bearer" or not any(known):
        raise RequestRefused(401, "The key is missing or wrong.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_name(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None
