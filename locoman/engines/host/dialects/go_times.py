"""Times as Go writes them, and so Ollama."""

from __future__ import annotations

import math
import re
from datetime import datetime

from locoman.errors import RequestRefused

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(ns|us|µs|μs|ms|s|m|h)")


def seconds(duration: float | str | None) -> float | None:
    """Seconds of a number or of a text as Go writes it ("1h30m"); below zero is for ever. Raises RequestRefused (400)."""
    if isinstance(duration, str):
        duration = _parse_duration(duration.strip())
    if duration is None:
        return None
    return math.inf if duration < 0 else float(duration)


def _parse_duration(text: str) -> float:
    parts = _DURATION_PART.findall(text)
    sign = -1.0 if text.startswith("-") else 1.0
    digits = text[1:] if text.startswith(("+", "-")) else text
    if digits == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != digits:
        raise RequestRefused(400, f"{text[:40]!r} is no duration such as 5m or 1h30m.")
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in parts)


def timestamp(moment: datetime) -> str:
    """As Go writes a time in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nanoseconds(milliseconds: float) -> int:
    """A duration as Go counts it."""
    return round(milliseconds * 1e6)
