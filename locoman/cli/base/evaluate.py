"""locoman base evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UsageError
from locoman.sizes import megabytes
from locoman.workflows.bases.options import DEFAULT_TASK, Options, parse_steps

_FILE = click.Path(path_type=Path)


@make("evaluate")
@click.argument("candidates", nargs=-1, metavar="CANDIDATE...")
@click.option("--steps", default="", metavar="STEPS", help="Which of the five steps, such as 1-3 or suites,practical.")
@click.option(
    "--suite", "suites", multiple=True, type=_FILE, help="A suite (TOML) to ask beside the adapters' own sets."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Ask the first N cases of each suite only.")
@click.option("--task", default=DEFAULT_TASK, show_default=True, help="The adapter that is trained on each base.")
@click.option("--train-steps", type=click.IntRange(10, 100_000), default=60, show_default=True, help="For how long.")
@click.option("--texts", type=_FILE, help="Texts of your own, one a line or JSONL: how much context do they need?")
@click.option("--turns", type=click.IntRange(2, 1000), default=50, show_default=True, help="Of the long conversation.")
@click.option("--download", is_flag=True, help="Fetch the checkpoint from the hub where training needs one.")
@click.option("--all", "eliminated_too", is_flag=True, help="Try out those too that fail a requirement.")
@click.option("--fresh", is_flag=True, help="Use nothing that was found before.")
@click.option("--export", type=_FILE, help="Write everything to a file, to be merged with those of other laptops.")
@click.option("--merge", is_flag=True, help="The arguments are exported files: join them in one table by machine.")
@click.option("--dry-run", is_flag=True, help="Show what would be done and stop.")
def evaluate(
    app: App, out: Output, candidates: tuple[str, ...], export: Path | None, merge: bool, fresh: bool, dry_run: bool,
    steps: str, limit: int | None, **chosen: Any,
) -> None:  # fmt: skip
    """Evaluate bases in five steps and say which is better, with the evidence.

    \b
    1 filter     what a base must have
    2 figures    what others measured
    3 suites     all suites with the bare base; how long the texts are
    4 training   the same quick adapter on each (needs the extra "train")
    5 practical  waiting, speed, memory over a long conversation, Ollama, the same answer twice

    Each base is tried in a room of its own; nothing that is installed changes. Stopped, the same command goes on where it
    was; results stay in LOCOMAN_HOME/evals/bases.

    \b
    Examples:
      locoman base evaluate loco-tiny --steps 1-3 --limit 20
      locoman base evaluate loco-tiny qwen3-4b-instruct --export laptop-1.json
      locoman base evaluate --merge laptop-1.json laptop-2.json
    """
    if merge:
        _merge(out, candidates, export)
        return
    options = Options(steps=parse_steps(steps), limit=limit or 0, **chosen)
    with out.stages() as stages:
        bench = app.bench(stages)
        from locoman.workflows.bases.evaluate import evaluate as run
        from locoman.workflows.bases.evaluate import plan_evaluation

        plan = plan_evaluation(bench, candidates, options)
        if dry_run:
            _show_plan(out, plan)
            return
        done = run(bench, plan, app.ollama_url, fresh=fresh)
    from locoman.evaluation.selection.report import bases_report
    from locoman.reporting.markdown import render_markdown
    from locoman.store.atomic import write_atomic
    from locoman.workflows.bases.notebook import encoded

    if export is not None:
        write_atomic(export, encoded(done.evaluation))
    document = done.evaluation.document() | {
        "json": str(done.json), "markdown": str(done.markdown), "html": str(done.html),
    }  # fmt: skip
    out.result(document, lambda: out.write(render_markdown(bases_report(done.evaluation))))
    out.note(f"Kept in {done.html}{f' and {export}' if export else ''}.")
    failed = [(c.name, s) for c in done.evaluation.candidates for s in c.steps if s.state == "failed"]
    if failed:
        name, step = failed[0]
        out.fall_short(
            f"Step {step.step} of {name} failed: {step.reason}", "the same command again, once that is mended"
        )


def _merge(out: Output, files: tuple[str, ...], export: Path | None) -> None:
    from msgspec import to_builtins

    from locoman.evaluation.selection.evidence import read_evaluation
    from locoman.evaluation.selection.merge import merge
    from locoman.evaluation.selection.report import merged_report
    from locoman.reporting.markdown import render_markdown
    from locoman.store.atomic import write_atomic

    if not files:
        raise UsageError("--merge needs the files that --export wrote.")
    merged = merge([read_evaluation(Path(name)) for name in files])
    page = render_markdown(merged_report(merged))
    if export is not None:
        write_atomic(export, page.encode())
    document = {"rows": [to_builtins(row) for row in merged.rows], "odd": list(merged.odd)}
    out.result(document, lambda: out.write(page))


def _show_plan(out: Output, plan: Any) -> None:
    cases = sum(len(suite.cases) for suite in plan.suites)
    rows = [
        (each.name, "yes" if each.name in plan.specs else "no", megabytes(each.size or 0), megabytes(each.memory or 0))
        for each in plan.subjects
    ]
    document = {
        "run": plan.run, "folder": str(plan.folder), "bases": [subject.name for subject in plan.subjects],
        "options": plan.options.document(), "suites": [suite.name for suite in plan.suites], "cases": cases,
    }  # fmt: skip

    def render() -> None:
        out.table(("BASE", "CAN BE TRIED", "SIZE", "MEMORY"), rows)
        out.line(f"Steps   {', '.join(plan.options.steps)}")
        out.line(f"Suites  {', '.join(suite.name for suite in plan.suites) or 'none'} ({cases} cases)")
        out.line(f"Kept in {plan.folder}")

    out.result(document, render)
