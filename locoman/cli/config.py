"""locoman config"""

from __future__ import annotations

from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.settings import SETTINGS, Setting, find_setting
from locoman.workflows.configure import set_value, unset_value


@make("config")
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take KEY out of config.toml.")
def command(app: App, out: Output, key: str | None, value: str | None, unset: bool) -> None:
    """Show and change settings: a flag beats LOCOMAN_*, which beats config.toml, which beats the default.

    \b
    Examples:
      locoman config                             all settings and where they come from
      locoman config engine.keep_alive           one setting
      locoman config engine.keep_alive 600       set it
      locoman config engine.keep_alive --unset   back to the default
    """
    if key is None:
        out.result(
            {"settings": [_describe(app, s) for s in SETTINGS], "file": str(app.home.config)}, lambda: _table(app, out)
        )
        return
    setting = find_setting(key)
    if unset:
        unset_value(app.home, setting)
        app = App.load(app.home.root)
    elif value is not None:
        set_value(app.home, setting, value)
        app = App.load(app.home.root)
    out.result(_describe(app, setting), lambda: out.line(_shown(app, setting)))


def _table(app: App, out: Output) -> None:
    out.table(
        ("SETTING", "VALUE", "FROM", "WHAT IT DOES"),
        [(s.key, _shown(app, s) or "-", app.settings.origin(s.key), s.help) for s in SETTINGS],
    )


def _shown(app: App, setting: Setting) -> str:
    value = str(app.settings.values[setting.key])
    return "(hidden)" if setting.secret and value else value


def _describe(app: App, setting: Setting) -> dict[str, Any]:
    value = app.settings.values[setting.key]
    shown = "(hidden)" if setting.secret and value else value
    return {"key": setting.key, "value": shown, "from": app.settings.origin(setting.key), "variable": setting.variable}
