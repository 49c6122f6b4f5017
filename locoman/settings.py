"""LOCOMAN_HOME and its config.toml. A value comes from a flag, else from LOCOMAN_* in the environment, else from the file,
else from the default; `Settings.origin` says which."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locoman.documents import MAX_TOML_BYTES, read_text
from locoman.errors import InvalidFile, UnknownKey, UnknownName, UsageError
from locoman.names import nearest

Value = str | int


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: its key in config.toml, its default (whose type it has), what it does."""

    key: str
    default: Value
    help: str
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable, e.g. LOCOMAN_ENGINE_URL."""
        return "LOCOMAN_" + self.key.replace(".", "_").upper()

    def parse(self, text: str) -> Value:
        """The value written as `text`; raises UsageError."""
        if isinstance(self.default, int):
            if not text.strip().isdecimal() or len(text) > 9:
                raise UsageError(f"{self.key} must be a whole number, not {text!r}.")
            return int(text)
        return self.checked(text)

    def checked(self, value: Value) -> Value:
        """`value`, if this setting may have it; raises UsageError."""
        if type(value) is not type(self.default):
            kind = "a whole number" if isinstance(self.default, int) else "a text"
            raise UsageError(f"{self.key} must be {kind}, not {value!r}.")
        if self.choices and value not in self.choices:
            raise UsageError(f"{self.key} must be one of {', '.join(self.choices)}, not {value!r}.")
        return value


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "engine.kind",
        "host",
        "who answers: locoman's own host, any OpenAI server, llama-cpp-python in the same process, or a script",
        ("host", "openai", "llama_cpp", "scripted"),
    ),
    Setting("engine.url", "", "the OpenAI server's address, for engine.kind = openai"),
    Setting("engine.key", "", "the OpenAI server's key", secret=True),
    Setting("engine.script", "", "the file of answers, for engine.kind = scripted"),
    Setting("engine.keep_alive", 300, "seconds the host stays in memory without a question"),
    Setting("engine.threads", 0, "CPU threads that compute; 0 = one per physical core"),
    Setting("engine.memory", 0, "MB that the host may take for all bases and adapters; 0 = what the machine has"),
    Setting(
        "engine.launcher",
        "auto",
        "how the host runs llama.cpp: the wheel, a llama-server on PATH, or the one installed with Ollama",
        ("auto", "xllamacpp", "llama-server", "ollama"),
    ),
    Setting("serve.host", "127.0.0.1", "the address on which serve listens"),
    Setting("serve.port", 11435, "the port on which serve listens; 0 = any free one"),
    Setting(
        "serve.key", "", "what the clients of serve must send; empty = nothing, on this machine alone", secret=True
    ),
    Setting(
        "catalog.sources",
        "",
        "where else adapters come from: folders, bundles and https addresses of indexes, separated by ;",
    ),
    Setting("calendar.spring", "02-01", "the day (MM-DD) on which the spring semester begins"),
    Setting("calendar.autumn", "09-01", "the day (MM-DD) on which the autumn semester, and the academic year, begins"),
    Setting("ollama.url", "", "Ollama's address; empty = OLLAMA_HOST, else http://127.0.0.1:11434"),
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}


def find_setting(key: str) -> Setting:
    """Raises UnknownName with the nearest keys."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownName("setting", key, nearest(key, _BY_KEY)) from None


@dataclass(frozen=True, slots=True)
class Settings:
    """All values in force for one LOCOMAN_HOME."""

    home: Path
    values: Mapping[str, Value]
    origins: Mapping[str, str]

    def text(self, key: str) -> str:
        """The value of a text setting."""
        return str(self.values[key])

    def number(self, key: str) -> int:
        """The value of a whole-number setting."""
        return int(self.values[key])

    def origin(self, key: str) -> str:
        """ "flag", the variable's name, "config.toml" or "default"."""
        return self.origins[key]


def default_home() -> Path:
    """Where locoman keeps everything unless told otherwise: the platform's folder for a user's data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("locoman", appauthor=False))


def load_settings(home: Path | None, environ: Mapping[str, str], flags: Mapping[str, Value] | None = None) -> Settings:
    """The settings in force. `home` (from --home) beats LOCOMAN_HOME. Raises InvalidFile, UnknownKey, UsageError."""
    root = home or (Path(environ["LOCOMAN_HOME"]) if environ.get("LOCOMAN_HOME") else default_home())
    root = root.expanduser().absolute()
    stored = read_config(root / "config.toml")
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        if flags and setting.key in flags:
            values[setting.key], origins[setting.key] = setting.checked(flags[setting.key]), "flag"
        elif environ.get(setting.variable):
            values[setting.key], origins[setting.key] = setting.parse(environ[setting.variable]), setting.variable
        elif setting.key in stored:
            values[setting.key], origins[setting.key] = stored[setting.key], "config.toml"
        else:
            values[setting.key], origins[setting.key] = setting.default, "default"
    return Settings(root, values, origins)


def read_config(path: Path) -> dict[str, Value]:
    """The keys set in a config.toml, flattened to "section.key"; {} when there is none."""
    if not path.exists():
        return {}
    try:
        document = tomllib.loads(read_text(path, MAX_TOML_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFile(path, f"broken TOML: {error}") from error
    found: dict[str, Value] = {}
    for key, value in _flatten(document):
        if key not in _BY_KEY:
            close = nearest(key, _BY_KEY)
            raise UnknownKey(path, key, close[0] if close else None)
        try:
            found[key] = _BY_KEY[key].checked(value)
        except UsageError as error:
            raise InvalidFile(path, str(error).rstrip(".")) from error
    return found


def config_document(stored: Mapping[str, Value]) -> dict[str, Any]:
    """The nested form of `stored`, as config.toml holds it."""
    document: dict[str, Any] = {}
    for key, value in stored.items():
        section, _, name = key.partition(".")
        document.setdefault(section, {})[name] = value
    return document


def _flatten(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        rows += _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows
