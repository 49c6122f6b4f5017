"""Changes config.toml, one key at a time, whole or not at all."""

from __future__ import annotations

import tomli_w

from locoman.settings import Setting, Value, config_document, read_config
from locoman.store.atomic import write_atomic
from locoman.store.home import Home


def set_value(home: Home, setting: Setting, text: str) -> None:
    """Writes the setting. Raises UsageError, InvalidFile, StoreError."""
    _write(home, read_config(home.config) | {setting.key: setting.checked(setting.parse(text))})


def unset_value(home: Home, setting: Setting) -> None:
    """Takes the setting out, so that its default is in force."""
    _write(home, {key: value for key, value in read_config(home.config).items() if key != setting.key})


def _write(home: Home, stored: dict[str, Value]) -> None:
    # It can hold a key to somebody's server.
    write_atomic(home.config, tomli_w.dumps(config_document(stored)).encode(), mode=0o600)
