"""locoman base pick"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import cast

import click

from locoman.app import App
from locoman.catalog.licences import USES, Use
from locoman.cli.base import pages
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.errors import UsageError
from locoman.evaluation.selection.check import Wishes
from locoman.evaluation.selection.pick import FAST_MACHINE_BYTES, Pick
from locoman.evaluation.selection.pick import pick as choose
from locoman.sizes import megabytes
from locoman.workflows.bases.view import subjects
from locoman.workflows.install import machine_memory


@make("pick")
@click.option(
    "--memory", metavar="SIZE", help="Memory of the machines it must run on, such as 8GB. Default: this one's."
)
@click.option(
    "--use", type=click.Choice(USES), help="What the adapters are for. Default: any use, as a standard needs."
)
@click.option("--language", "languages", multiple=True, metavar="CODE", help="A language it must speak, such as de.")
@click.option("--context", type=click.IntRange(1), metavar="TOKENS", help="Tokens that a conversation must hold.")
@click.option("--speed", is_flag=True, help="Rather a fast one (up to 2 B parameters).")
def pick(
    app: App,
    out: Output,
    memory: str | None,
    use: str | None,
    languages: tuple[str, ...],
    context: int | None,
    speed: bool,
) -> None:
    """Pick a base by what is needed: who is left, in which order, and what eliminated the others.

    What is not given is asked for on a terminal. How much context is needed is told by `locoman base evaluate --texts`.

    \b
    Examples:
      locoman base pick --memory 8GB --use classroom --language de
      locoman base pick --memory 4GB --speed
    """
    given = Wishes(
        date.today(),
        parse_size(memory) if memory else None,
        cast("Use | None", use),
        tuple(parse_language(code) for code in languages),
        context,
        speed,
    )
    wishes = _asked(given) if _interactive(out) else given
    result = choose(subjects(app.shelf), replace(wishes, memory=wishes.memory or machine_memory()))
    document = {
        "wishes": {
            "memory_bytes": result.wishes.memory, "use": result.wishes.use, "languages": list(result.wishes.languages),
            "context": result.wishes.context, "speed": result.wishes.speed,
        },
        "ranked": [pages.document(each) for each in result.ranked],
        "eliminated": [pages.document(each) for each in result.eliminated],
        "fast": result.fast,
    }  # fmt: skip
    out.result(document, lambda: out.lines(_lines(result)))
    if not result.ranked:
        out.fall_short("No base that is known here meets all of it.", "locoman base pick   (with less asked for)")


def parse_size(text: str) -> int:
    """ "8GB", "8 GB", "512MB" or a number of bytes, in bytes. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*([kmgt]?)i?b?", text.strip().lower())
    if not match or float(match[1]) == 0:
        raise UsageError(f"{text[:40]!r} is no size; write it as 8GB.")
    return round(float(match[1]) * 1000.0 ** " kmgt".index(match[2] or " "))


def parse_language(text: str) -> str:
    """An ISO 639 code in lower case. Raises UsageError."""
    code = text.strip().lower()
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise UsageError(f"{text[:40]!r} is no language's code; write de for German, tr for Turkish.")
    return code


def _interactive(out: Output) -> bool:
    return out.mode is Mode.PERSON and sys.stdin.isatty() and sys.stdout.isatty()


def _asked(given: Wishes) -> Wishes:
    """`given` with what it leaves open asked for; an empty answer asks for nothing."""
    memory, use, languages, context = given.memory, given.use, given.languages, given.context
    if memory is None:
        here = megabytes(machine_memory())
        memory = parse_size(click.prompt("Memory of the machines", default=here.replace(" ", ""), err=True))
    if use is None:
        choices = click.Choice(["any", *USES])
        answer = click.prompt("Used for", type=choices, default="any", err=True)
        use = None if answer == "any" else cast("Use", answer)
    if not languages:
        answer = click.prompt("Languages (codes, such as de tr)", default="", show_default=False, err=True)
        languages = tuple(parse_language(code) for code in re.split(r"[\s,]+", answer.strip()) if code)
    if context is None:
        context = click.prompt("Tokens of context", type=click.IntRange(0), default=0, err=True) or None
    return replace(given, memory=memory, use=use, languages=languages, context=context)


def _lines(result: Pick) -> Iterator[str]:
    for place, each in enumerate(result.ranked, start=1):
        yield f"{place}. {each.subject.name}: {'; '.join(each.preferences)}"
        yield from pages.check_lines(each.unknown)
        notes = [
            c for c in each.checks if c.requirement == "licence" and c.outcome == "passed" and "strings" in c.reason
        ]
        yield from pages.check_lines(notes)
    if result.eliminated:
        yield ""
        yield "Eliminated"
        for each in result.eliminated:
            yield f"   {each.subject.name}"
            yield from pages.check_lines(each.failed)
    yield ""
    if result.fast:
        yield f"For machines with {megabytes(FAST_MACHINE_BYTES)}: {result.fast}"
    if result.ranked:
        best = result.ranked[0].subject
        verb = "install --base" if best.status else "base add"
        yield f"Next: locoman {verb} {best.name if best.status else best.repository}"
