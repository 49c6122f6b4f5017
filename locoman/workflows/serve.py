"""Decides how a host that others may use is run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from locoman.engines.host.guard import is_loopback
from locoman.errors import MissingPrerequisite, UsageError

_LEAST_KEY = 16
"""Characters of a key on a network: fewer could be guessed."""


@dataclass(frozen=True, slots=True)
class ServePlan:
    """Where to listen and what clients must send; `key` "" = nothing. `names` by which clients may call, beside our own."""

    host: str
    port: int
    key: str
    names: tuple[str, ...] = ()


def plan_serving(host: str, port: int, key: str, new_key: bool, names: tuple[str, ...] = ()) -> ServePlan:
    """The plan; with `new_key` its key is a new random one.

    Raises MissingPrerequisite where others could ask without a key, UsageError for a key or a port that cannot be one.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"A port is a number up to 65535, not {port}.")
    if key and new_key:
        raise UsageError("Either a key of your own or a new one, not both.")
    key = secrets.token_urlsafe(24) if new_key else key
    if not all("!" <= letter <= "~" for letter in key):
        raise UsageError("A key consists of ASCII letters, digits and signs, without spaces.")
    if not is_loopback(host) and not key:
        raise MissingPrerequisite(
            f"Whoever reaches {host} could ask: a key is needed.", f"locoman serve --host {host} --new-key"
        )
    if not is_loopback(host) and len(key) < _LEAST_KEY:
        raise UsageError(f"A key that protects a server on a network has at least {_LEAST_KEY} characters.")
    return ServePlan(host, port, key, names)
