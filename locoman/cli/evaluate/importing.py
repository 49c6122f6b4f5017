"""locoman eval import"""

from __future__ import annotations

from pathlib import Path

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@make("import")
@click.argument("path", type=_FILE)
@click.option("--name", default="", help="The suite's name (default: the task's, or the file's).")
@click.option(
    "--shape", type=click.Choice(("gsm8k", "squad", "mmlu", "humaneval")), help="What JSON lines are (default: seen)."
)
@click.option("--data", type=_FILE, help="The task's cases as JSON lines, where it takes them from a hub.")
@click.option("--examples", type=_FILE, help="The same of the examples that it shows first.")
@click.option("--filter", "chosen", metavar="NAME", default="", help="Which of the task's filters counts.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Not into LOCOMAN_HOME/suites.")
def import_(
    app: App,
    out: Output,
    path: Path,
    name: str,
    shape: str | None,
    data: Path | None,
    examples: Path | None,
    chosen: str,
    folder: Path | None,
) -> None:
    """Make a suite of a task of lm-evaluation-harness (YAML), or of JSON lines as GSM8K, SQuAD, MMLU and HumanEval have them.

    Of tasks, the types generate_until and multiple_choice are taken over: doc_to_text, doc_to_target and doc_to_choice as
    names of fields or jinja templates, examples, stop texts, exact_match behind a regular expression. Code in them
    (!function) is refused.

    \b
    Examples:
      locoman eval import test.jsonl --shape gsm8k --name gsm8k
      locoman eval import gsm8k.yaml --data test.jsonl --examples train.jsonl --filter flexible-extract
    """
    from locoman.workflows.import_suite import import_into

    made, imported = import_into(
        folder or app.home.suites, path, name, shape=shape or "", data=data, examples=examples, scorer=chosen
    )
    out.notes(imported.notes)
    suite = imported.suite
    document = {"suite": suite.name, "path": str(made), "cases": len(suite.cases), "notes": list(imported.notes)}
    out.result(document, lambda: out.line(f"{suite.name}: {len(suite.cases):,} cases in {made}"))
