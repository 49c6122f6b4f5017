"""locoman base compare"""

from __future__ import annotations

from datetime import date

import click

from locoman.app import App
from locoman.cli.base import pages
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.evaluation.selection.check import Wishes
from locoman.evaluation.selection.pick import judge
from locoman.workflows.bases.view import subjects


@make("compare")
@click.argument("names", nargs=-1, metavar="[NAMES]...")
def compare(app: App, out: Output, names: tuple[str, ...]) -> None:
    """Compare bases and candidates: what a base must have, six dimensions, and what others measured.

    Without names a table of all; with names a page for each, with every reason, figure, source and date. TUNED is the rank
    after fine-tuning, 1 being best; ~ marks what is reckoned from the number of parameters.

    \b
    Examples:
      locoman base compare
      locoman base compare qwen3-4b-instruct llama-3.2-3b-instruct
    """
    judged = judge(subjects(app.shelf, names), Wishes(date.today()))
    document = {"bases": [pages.document(each) for each in judged]}
    if names:
        out.result(document, lambda: out.lines(line for each in judged for line in pages.page(each)))
    else:
        out.result(document, lambda: out.table(pages.COLUMNS, [pages.row(each) for each in judged]))
