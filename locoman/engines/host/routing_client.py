"""Asks the running host who would answer. On the standard library alone: `locoman route` waits for every import."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from locoman import __version__
from locoman.contracts import Decision, Message
from locoman.engines.host.files import HostAddress

ROUTE_PATH = "/locoman/v1/route"
_SECONDS = 60.0
"""For an arbiter whose base has yet to be loaded."""
_MAX_BYTES = 1 << 20


class HostDecider:
    """A contracts.Decider for as long as a host runs."""

    def __init__(self, address: HostAddress, connection: http.client.HTTPConnection) -> None:
        self._address = address
        self._connection = connection

    @classmethod
    def at(cls, address: HostAddress) -> HostDecider | None:
        """The decider of the host at `address`; None where no host of this version answers. Starts nothing."""
        if address.version != __version__:
            return None
        place = urlsplit(address.url)
        found = cls(address, http.client.HTTPConnection(place.hostname or "", place.port, timeout=_SECONDS))
        document = found._asked("GET", "/health", None)  # a stranger on its port is told nothing
        if isinstance(document, dict) and document.get("nonce") == address.nonce:
            return found
        found.close()
        return None

    def try_to(self, question: str, history: Sequence[Message] = ()) -> Decision | None:
        """As contracts.Decider.decide; None where the host cannot say, or is gone."""
        turns = [*history, Message("user", question)]
        document = self._asked("POST", ROUTE_PATH, json.dumps({"messages": msgspec.to_builtins(turns)}).encode())
        try:
            return msgspec.convert(document, Decision)
        except msgspec.ValidationError:
            return None

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _asked(self, method: str, path: str, body: bytes | None) -> object:
        headers = {"content-type": "application/json"}
        if body is not None:
            headers["authorization"] = f"Bearer {self._address.key}"
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            data = response.read(_MAX_BYTES)
            return json.loads(data) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            return None
