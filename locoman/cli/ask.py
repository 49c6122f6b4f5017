"""locoman ask"""

from __future__ import annotations

from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.cli.question import QuestionCommand, read_stdin
from locoman.contracts import Chunk, Sampling, Served, Timing
from locoman.errors import UsageError
from locoman.names import ModelName
from locoman.workflows.ask import Answer, build_request, whole_answer
from locoman.workflows.migration.fallback import told_now
from locoman.workflows.router.last_question import Asked, last_asked, remember_asked

_LOADED_MS = 50.0
"""A request that waited so long for its model had it loaded."""


@make("ask", kind=QuestionCommand)
@click.argument("question", nargs=-1)
@click.option("--model", "-m", default="auto", metavar="NAME", help="auto (the router chooses), base, or an adapter.")
@click.option("--max-tokens", type=click.IntRange(1, 1 << 20), help="Stop after this many tokens.")
@click.option("--temperature", type=click.FloatRange(0, 5), help="0 always gives the likeliest answer.")
@click.option(
    "--wrong",
    is_flag=True,
    help="The last question of ask or chat (or this one) went to the wrong adapter: learn that, ask nothing.",
)
@click.option("--should", metavar="NAME", help="With --wrong: the adapter it belongs to (default: the plain base).")
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), help="The same seed draws the same answer.")
def command(
    app: App,
    out: Output,
    question: tuple[str, ...],
    model: str,
    max_tokens: int | None,
    temperature: float | None,
    seed: int | None,
    wrong: bool,
    should: str | None,
) -> None:
    """Ask a question; the right adapter answers.

    Without a QUESTION, or with "-", it is read from standard input.

    \b
    Examples:
      locoman ask "What is 17 + 25?"
      locoman ask --model base "What is 17 + 25?"
      locoman ask --json "How do you spell rhythm?"
      locoman ask < question.txt
      locoman ask --wrong --should words
      locoman ask -- "-x + 3 = 5, what is x?"
    """
    if wrong or should is not None:
        _correct(app, out, question, wrong, should)
        return
    text = read_stdin() if question in ((), ("-",)) else " ".join(question)
    request = build_request(text, ModelName.parse(model), (), Sampling(max_tokens, temperature, seed=seed))
    chunks = app.engine().chat(request)
    if out.mode is Mode.PERSON:
        answer = whole_answer(show(out, chunk) for chunk in chunks)
        out.line()
        out.aside(footer(answer.served, answer.timing))
        if told := told_now(app.home, answer.served):
            out.note(told)
        if answer.timing.load_ms >= _LOADED_MS:
            for held in app.held_by_ollama():
                out.aside(str(held))
    else:
        answer = whole_answer(chunks)
        out.result(describe(answer), lambda: out.line(answer.text))
    remember_asked(app.home, Asked(text, chosen=request.model.kind != "auto"))


def _correct(app: App, out: Output, question: tuple[str, ...], wrong: bool, should: str | None) -> None:
    """Learns that the last question, or the one given, goes to the wrong adapter."""
    from locoman.cli.router_pages import correction_line, print_taught
    from locoman.workflows.router.correct import correct

    if not wrong:
        raise UsageError("--should says where a question belongs; it goes with --wrong.")
    asked = Asked(_typed(question)) if question else last_asked(app.home)
    corrected = correct(app.home, app.deciding(out.note_once), asked, should)
    out.note(correction_line(corrected))
    print_taught(out, corrected.taught)


def _typed(question: tuple[str, ...]) -> str:
    """Raises UsageError for one in which nothing is."""
    text = read_stdin() if question == ("-",) else " ".join(question)
    if not text.strip():
        raise UsageError("The question is empty.")
    return text


def show(out: Output, chunk: Chunk) -> Chunk:
    """Writes a chunk's text as it comes; before its first word what is to be known of the router, and of an adapter without
    weights."""
    if chunk.served:
        out.note_once(chunk.served.notice)
    if chunk.served and chunk.served.prompt_only:
        out.note(f"[{chunk.served.adapter}: prompt-only, without trained weights]")
    if chunk.text:
        out.write(chunk.text)
    return chunk


def footer(served: Served, timing: Timing) -> str:
    """Who answered, how sure the router was, how long it took."""
    who = f"{served.adapter or 'base'} on {served.base}"
    sure = f", {served.confidence:.0%} sure ({served.stage})" if served.stage != "asked" else ""
    return f"{who}{sure}, {timing.total_ms / 1000:.2f} s"


def describe(answer: Answer) -> dict[str, Any]:
    """The answer as --json prints it."""
    served, timing, usage = answer.served, answer.timing, answer.usage
    return {
        "answer": answer.text,
        "adapter": served.adapter,
        "base": served.base,
        "engine": served.engine,
        "confidence": round(served.confidence, 4),
        "stage": served.stage,
        "prompt_only": served.prompt_only,
        "finish": answer.finish,
        "timing": {
            "route_ms": round(timing.route_ms, 2),
            "load_ms": round(timing.load_ms, 2),
            "ttft_ms": round(timing.ttft_ms, 2),
            "total_ms": round(timing.total_ms, 2),
            "tokens_per_second": round(timing.tokens_per_second, 1),
        },
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
        },
    }
