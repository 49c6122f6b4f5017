"""locoman chat"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from locoman.app import App
from locoman.cli.ask import footer, show
from locoman.cli.command import command as make
from locoman.cli.output import Mode, Output
from locoman.contracts import Chunk, Engine
from locoman.errors import EngineError, LocomanError, UsageError
from locoman.names import BASE, AdapterRef, ModelName
from locoman.workflows.chat import Conversation
from locoman.workflows.router.last_question import remember_asked

HELP = """/help             this list
/adapter NAME     let this adapter answer; "auto" lets the router choose again
/base             let the plain base answer
/wrong [NAME]     the last question belongs to this adapter (nothing, or "base": to the plain base): learn that
/clear            forget the conversation
/stats            who gave the last answer, and how fast
/quit             leave (so does Ctrl-D); Ctrl-C stops an answer"""


@make("chat")
@click.option("--model", "-m", default="auto", metavar="NAME", help="auto (the router chooses), base, or an adapter.")
def command(app: App, out: Output, model: str) -> None:
    """Hold a conversation; /help lists what can be typed in it.

    \b
    Examples:
      locoman chat
      locoman chat --model words
    """
    if out.mode is Mode.JSON:
        raise UsageError("A conversation has no --json form; use locoman ask --json.")
    conversation = Conversation(ModelName.parse(model))
    engine = app.engine()
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (gives input() its history and line editing)
        out.note("Type a question, /help, or /quit.")
    while (line := _read_line()) is not None:
        if line.startswith("/"):
            if not _obey(line, conversation, engine, app, out):
                return
        elif line:
            before = conversation.asked
            _answer(conversation, engine, line, out)
            if conversation.asked is not None and conversation.asked is not before:
                remember_asked(app.home, conversation.asked)


def _read_line() -> str | None:
    """The next line typed; None at the end. Ctrl-C at the prompt starts a new line."""
    while True:
        try:
            return input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return None
        except KeyboardInterrupt:
            print(file=sys.stderr)
        except UnicodeDecodeError as error:
            raise UsageError("The input is not UTF-8 text.") from error


def _answer(conversation: Conversation, engine: Engine, line: str, out: Output) -> None:
    chunks: Iterator[Chunk] = conversation.ask(engine, line)
    try:
        for chunk in chunks:
            show(out, chunk)
        out.line()
        if conversation.last:
            out.aside(footer(conversation.last[0], conversation.last[1]))
    except KeyboardInterrupt:
        out.line()
        out.note("Stopped.")
    except (EngineError, UsageError) as error:
        out.line()
        out.note(str(error))
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            chunks.close()  # type: ignore[attr-defined]


def _obey(line: str, conversation: Conversation, engine: Engine, app: App, out: Output) -> bool:
    """Carries out a slash command; False ends the conversation."""
    word, _, argument = line.partition(" ")
    if word in ("/quit", "/exit"):
        return False
    if word == "/help":
        out.line(HELP)
    elif word == "/base":
        conversation.model = BASE
        out.note("The plain base answers from now on.")
    elif word == "/clear":
        conversation.clear()
        out.note("Forgotten.")
    elif word == "/stats":
        _stats(conversation, out)
    elif word == "/wrong":
        _correct(argument.strip(), conversation, app, out)
    elif word == "/adapter":
        _choose(argument.strip(), conversation, app, out)
    else:
        out.note(f"There is no {word}; /help lists what there is.")
    return True


def _choose(name: str, conversation: Conversation, app: App, out: Output) -> None:
    try:
        model = ModelName.parse(name or "auto")
        if isinstance(model.adapter, AdapterRef):
            registry = app.registry()
            registry.find_adapter(registry.current().name, model.adapter)
    except LocomanError as error:
        out.note(str(error))
        return
    conversation.model = model
    out.note("The router chooses from now on." if model.kind == "auto" else f"{model} answers from now on.")


def _correct(name: str, conversation: Conversation, app: App, out: Output) -> None:
    from locoman.cli.router_pages import correction_line
    from locoman.workflows.router.correct import correct

    if conversation.asked is None:
        out.note("Nothing has been answered yet.")
        return
    try:
        corrected = correct(app.home, app.deciding(out.note_once), conversation.asked, name or None)
    except LocomanError as error:
        out.note(str(error))
        return
    out.note(f"{correction_line(corrected)} Undo: locoman router learn --undo")


def _stats(conversation: Conversation, out: Output) -> None:
    if conversation.last is None:
        out.note("Nothing has been answered yet.")
        return
    served, timing, usage = conversation.last
    out.line(footer(served, timing))
    out.line(
        f"first token after {timing.ttft_ms:.0f} ms, {timing.tokens_per_second:.0f} tokens/s, "
        f"{usage.prompt_tokens} prompt tokens ({usage.cached_tokens} cached), {usage.completion_tokens} answered"
    )
