"""The report of evaluations, made of real runs and opened in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

from support.browser import open_page
from support.command import Shell

from locoman.store.home import Home


def test_the_report_of_an_adapter_and_its_base(own: Home, shell: Shell, tmp_path: Path) -> None:
    nothing = shell("eval", "report", "--out", str(tmp_path / "none.html"))
    assert nothing.code == 2 and "Nothing was evaluated yet" in nothing.err
    shell("eval", "run", "arithmetic", "--limit", "12")
    page = tmp_path / "report.html"
    made = shell("eval", "report", "--out", str(page), "--json")
    assert made.code == 0, made.err
    assert "1 of 1 adapters do better" in made.document["lead"]
    opened = open_page(page, tmp_path)
    assert (opened.console, opened.asked) == ((), frozenset())
    for plot in ("Scores with 95 % intervals", "Gain over the base", "Time to the first token", "Where questions went"):
        assert f'aria-label="{plot}"' in opened.dom
    assert "loco-tiny alone" in opened.dom and "<b>Expected</b>" in opened.dom
    again = shell("eval", "report", "--out", str(page))
    assert again.code == 2 and "--force" in again.err
    text = tmp_path / "report.md"
    assert shell("eval", "report", "--out", str(text)).code == 0
    assert "## Adapters against their base" in text.read_text(encoding="utf-8")
    data = tmp_path / "report.json"
    assert shell("eval", "report", "--out", str(data)).code == 0
    assert json.loads(data.read_text(encoding="utf-8"))["title"] == "Evaluation"
    wrong = shell("eval", "report", "--out", str(tmp_path / "report.pdf"))
    assert wrong.code == 2 and ".html" in wrong.err
