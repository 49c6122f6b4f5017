"""locoman eval run"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.evaluate.pages import evaluation_document, evaluation_lines, plan_document, plan_lines
from locoman.cli.output import Output
from locoman.names import ModelName
from locoman.workflows.evaluate import execute_evaluation
from locoman.workflows.evaluation_plan import EvaluationOptions, plan_evaluation


@make("run")
@click.argument("suite")
@click.option("--adapter", metavar="NAME", help='Ask this adapter ("auto": whom the router chooses).')
@click.option("--base", is_flag=True, help="Ask the plain base; together with --adapter, judge the adapter against it.")
@click.option("--on", metavar="BASE", default="", help="On this installed base, and not on the one in use.")
@click.option("--serial", is_flag=True, help="One case at a time, nothing reused: the same answers bit for bit.")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Cases asked at a time.")
@click.option("--limit", type=click.IntRange(1), default=None, help="Only the first cases of each suite.")
@click.option("--fresh", is_flag=True, help="Ask again what is known already.")
@click.option("--allow-code", is_flag=True, help="Run code from answers, in a sandbox, where a suite scores it so.")
@click.option("--dry-run", is_flag=True, help="Show what would be asked of whom and stop.")
def run(
    app: App,
    out: Output,
    suite: str,
    adapter: str | None,
    base: bool,
    on: str,
    serial: bool,
    parallel: int,
    limit: int | None,
    fresh: bool,
    allow_code: bool,
    dry_run: bool,
) -> None:
    """Ask every case of a suite and score the answers.

    SUITE is an adapter's name (its own set), a suite of yours in LOCOMAN_HOME/suites, a suite's TOML file, an adapter
    package's folder, or "all": the sets of all active adapters. With neither --adapter nor --base an adapter's set is asked
    of the adapter and of the base, and the adapter is judged by its gate; any other suite is asked of the base.

    A run that is killed goes on where it was when the same command is given again; one that is finished is shown again.

    \b
    Examples:
      locoman eval run arithmetic
      locoman eval run arithmetic --adapter arithmetic --serial
      locoman eval run all --adapter arithmetic --base
      locoman eval run exam.toml --adapter auto --json
    """
    options = EvaluationOptions(
        adapter=ModelName.parse(adapter) if adapter else None,
        base=base,
        on=on,
        serial=serial,
        parallel=parallel,
        limit=limit or 0,
        fresh=fresh,
    )
    plan = plan_evaluation(app.home, app.registry(), app.engine_facts(), suite, options)
    if dry_run:
        out.result(plan_document(plan), lambda: out.lines(plan_lines(plan)))
        return
    engine = app.engine()
    with out.stages() as stages:
        done = execute_evaluation(plan, engine, app.scorers(engine, allow_code), stages)
    out.result(evaluation_document(done), lambda: out.lines(evaluation_lines(done)))
    failed = [judgement for judgement in done.judgements if not judgement.verdict.passed]
    if failed:
        names = ", ".join(judgement.adapter for judgement in failed)
        out.fall_short(f"The gate is not met by {names}.", f"locoman eval show {done.outcomes[0].stored.folder.name}")
