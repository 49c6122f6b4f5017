"""Reports on every kind of page: nothing in them is markup but what we put there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.browser import open_page

from locoman.reporting import plots
from locoman.reporting.document import render_document
from locoman.reporting.html import render_html
from locoman.reporting.markdown import render_markdown
from locoman.reporting.report import Bullets, Cell, Code, Exchange, Paragraph, Report, Section, Table

HOSTILE = '<script>document.title="taken"</script><img src=x onerror="document.title=1"> | `a` [b](http://c) & "d"'


def report(text: str) -> Report:
    blocks = (
        Paragraph(text),
        Bullets((text, text)),
        Table((text, "n"), ((text, Cell(text, "bad")),), (1,)),
        Exchange(text, text, text, text),
        Code(text),
        plots.intervals(
            f"Scores {text}", text, [plots.Span(text, 0.5, 0.2, 0.9, "a"), plots.Span("b", 0.1, 0, 0.4, "b")]
        ),
        plots.curves(f"Loss {text}", text, {text: [(0, 1), (1, 0.5)]}, "step", "loss"),
        plots.bars(f"Memory {text}", text, {text: 3.0}, "MB"),
        plots.matrix(f"Router {text}", text, [text, "y"], [text, "y"], [[1, 2], [0, 3]]),
    )
    return Report("A report", text, ((text, text),), (Section(text, blocks), Section("b", ()), Section("c", ())))


def test_in_a_browser_the_page_runs_nothing_and_asks_for_nothing(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_html(report(HOSTILE)), encoding="utf-8")
    opened = open_page(page, tmp_path)
    assert "<title>A report</title>" in opened.dom
    assert opened.dom.count("<svg") == 4
    assert opened.console == ()
    assert opened.asked == frozenset()


def test_a_page_that_asks_and_complains_would_be_found_out(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text('<!doctype html><img src="http://127.0.0.1:9/x.png"><script>nobody()</script>', encoding="utf-8")
    opened = open_page(page, tmp_path)
    assert opened.console != ()
    assert "http://127.0.0.1:9/x.png" in opened.asked


def test_the_page_names_no_address_but_that_of_svg() -> None:
    page = render_html(report("plain"))
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert all(address.startswith("http://www.w3.org/") for address in addresses), addresses
    assert "<script" not in page and "@import" not in page and "url(http" not in page


def test_the_same_values_give_the_same_bytes() -> None:
    assert render_html(report("x")) == render_html(report("x"))


@given(st.text(max_size=60))
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    page = render_markdown(Report(text, "", (), (Section("s", (Paragraph(text), Table(("a",), ((text,),)))),)))
    html = MarkdownIt("commonmark").enable("table").render(page)
    for tag in re.findall(r"<([a-z0-9]+)", html):
        assert tag in ("h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"), (tag, page)


def test_json_has_everything_but_the_drawings() -> None:
    document = json.loads(json.dumps(render_document(report(HOSTILE))))
    kinds = [block["kind"] for block in document["sections"][0]["blocks"]]
    assert kinds == ["paragraph", "bullets", "table", "exchange", "code", "plot", "plot", "plot", "plot"]
    assert "<svg" not in json.dumps(document)


def test_without_matplotlib_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    from locoman.errors import ExtraMissing

    real = builtins.__import__

    def missing(name: str, *rest: object, **more: object) -> object:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name=name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ExtraMissing, match="matplotlib"):
        plots.bars("t", "s", {"a": 1.0}, "x")
