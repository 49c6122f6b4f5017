"""Where Ollama listens, read as Ollama itself reads OLLAMA_HOST (its envconfig/config.go, `ConnectableHost`)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from locoman.errors import UsageError

DEFAULT_PORT = 11434


def resolve_url(text: str | None) -> str:
    """The URL a client connects to, without a trailing slash, for a text such as OLLAMA_HOST holds.

    "host", "host:port", "[::1]:port", ":port" and whole URLs are understood; None and "" mean this machine. An
    address that only a server can listen on (0.0.0.0, ::) becomes loopback, a port that is none becomes the default
    one (11434; 80 and 443 after http:// and https://). Raises UsageError for what cannot be an address.
    """
    cleaned = (text or "").strip().strip("\"'").strip()
    scheme, separator, rest = cleaned.partition("://")
    if not separator:
        scheme, rest = "http", cleaned
    defaults = {"http": 80 if separator else DEFAULT_PORT, "https": 443}
    if scheme not in defaults:
        raise UsageError(f"Ollama's address {cleaned[:80]!r} must begin with http:// or https://.")
    host_port, _, path = rest.partition("/")
    host, port = _split(host_port)
    if not _is_host(host):
        raise UsageError(f"{cleaned[:80]!r} cannot be Ollama's address.")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 9 else -1
    if not 0 <= number <= 65535:
        number = defaults[scheme]
    path = path.rstrip("/")
    return f"{scheme}://{_connectable(host)}:{number}" + (f"/{path}" if path else "")


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this machine by its own name for itself (a tunnel can still end elsewhere)."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(text: str) -> tuple[str, str]:
    """(host, port) without brackets; port "" when there is none."""
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port


def _is_host(text: str) -> bool:
    if ":" in text:
        return _address(text) is not None
    # Only what every resolver takes: an overlong or empty label would end in a UnicodeError far from here.
    labels = text.removesuffix(".").split(".")
    characters = text.replace("-", "").replace("_", "").replace(".", "")
    well_formed = text.isascii() and (characters.isalnum() or not text)
    return well_formed and len(text) <= 253 and (not text or all(0 < len(label) <= 63 for label in labels))


def _connectable(host: str) -> str:
    address = _address(host)
    if address is None:
        return host or "127.0.0.1"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
