"""A real Ollama takes the Modelfile of every family and writes the prompts that the chat template writes.

The binary is the one named by LOCOMAN_TEST_OLLAMA, else `ollama` on PATH; it needs llama-server and llama-quantize beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from support.chat_templates import CHAT_TEMPLATES, apply_chat_template
from support.modelfiles import texts
from support.real_ollama import find_ollama, real_ollama

from locoman.catalog.shelf import Shelf, shipped
from locoman.ollama.choose_template import choose_template
from locoman.ollama.modelfile import Modelfile, parse_modelfile, render_modelfile
from locoman.ollama.template_family import CONVERSATIONS, load_family
from locoman.store.home import Home
from locoman.workflows.modelfile import plan_modelfile

REAL = find_ollama()
pytestmark = pytest.mark.skipif(
    REAL is None, reason="no real Ollama here: set LOCOMAN_TEST_OLLAMA or put ollama on PATH"
)


@dataclass(frozen=True)
class Server:
    """A running Ollama that has a model called `tiny`."""

    http: httpx.Client
    url: str
    folder: Path

    def create(self, name: str, modelfile: str) -> None:
        """As a person does: with the command, from a file."""
        path = self.folder / f"{name}.Modelfile"
        path.write_text(modelfile, encoding="utf-8")
        environment = {**os.environ, "OLLAMA_HOST": self.url, "HOME": str(self.folder)}
        made = subprocess.run(
            [REAL or "", "create", name, "-f", str(path)], env=environment, capture_output=True, text=True, timeout=120
        )
        if "llama-quantize unavailable" in made.stderr:
            pytest.skip("this Ollama was built without llama-quantize")
        assert made.returncode == 0, made.stderr[-2000:]

    def prompt(self, path: str, **request: object) -> str:
        """The prompt of a request that is not run."""
        answer = self.http.post(path, json={**request, "_debug_render_only": True, "stream": False})
        if "llama-server" in answer.text and answer.status_code == 500:
            pytest.skip("this Ollama was built without llama-server")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["_debug_info"]["rendered_template"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_gguf: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ollama")
    with real_ollama(REAL or "", folder) as url, httpx.Client(base_url=url, trust_env=False, timeout=120) as http:
        running = Server(http, url, folder)
        running.create("tiny", f"FROM {tiny_gguf}\n")
        yield running


@pytest.mark.parametrize("model", CHAT_TEMPLATES)
def test_ollama_writes_the_prompts_of_the_chat_template(server: Server, model: str) -> None:
    chat_template = CHAT_TEMPLATES[model][1]
    family = choose_template(chat_template, what=model)
    stops = [("stop", stop) for stop in family.stop]
    written = Modelfile.of("tiny", template=family.template, parameters=stops, licences=["Apache-2.0"])
    name = family.name.replace(".", "-")
    server.create(name, render_modelfile(written))
    shown = server.http.post("/api/show", json={"model": name}).json()
    assert shown["template"] == family.template
    assert json.loads(json.dumps(shown["parameters"])).count("stop") == len(stops)
    for conversation, messages in CONVERSATIONS.items():
        turns = [{"role": message.role, "content": message.content} for message in messages]
        expected = apply_chat_template(
            chat_template, turns, begin=messages[-1].role == "user", eos=family.eos, today=datetime.now()
        )
        if expected is None:  # refused: Ollama's template cannot refuse
            assert family.differs
            continue
        assert server.prompt("/api/chat", model=name, messages=turns) == expected, conversation
        if conversation in ("user", "system"):
            system = turns[0]["content"] if conversation == "system" else ""
            asked = server.prompt("/api/generate", model=name, prompt=turns[-1]["content"], system=system)
            assert asked == expected, conversation


def test_a_system_message_of_the_modelfile_stands_where_a_given_one_would(server: Server) -> None:
    family = load_family("gemma3")
    server.create("brief", render_modelfile(Modelfile.of("tiny", template=family.template, system="Be brief.")))
    question = [{"role": "user", "content": "What is 2 + 2?"}]
    assert server.prompt("/api/chat", model="brief", messages=question) == family.prompts.system


def test_a_written_modelfile_makes_a_model_that_answers_as_locoman_does(server: Server, installed: Path) -> None:
    """The base and its adapter, as they are installed, from the file that `locoman modelfile write` writes."""
    shelf = Shelf((shipped("modelfiles"),), (shipped("adapters"),))
    for adapter, question, answer in ((None, "Hello!", ""), ("arithmetic", "What is 17 + 25?", "42"),
                                      ("words", "Spell the word planet backwards.", "tenalp")):  # fmt: skip
        planned = plan_modelfile(Home(installed), shelf, "loco-tiny", adapter=adapter)
        server.create(adapter or "base", planned.text)
        turns = [{"role": "user", "content": question}]
        told = server.http.post("/api/chat", json={"model": adapter or "base", "messages": turns, "stream": False})
        assert told.status_code == 200, told.text
        said = told.json()["message"]["content"]
        assert said == answer if adapter else said
        assert not any(stop in said for stop in load_family(planned.family).stop)


def test_ollama_reads_in_a_modelfile_what_is_read_here(server: Server) -> None:
    """System messages, templates and messages with all that is difficult in them."""
    difficult = [
        '"Hi" she said',
        'a\n"b"\n',
        "  edges  ",
        "tab\there",
        '"""',
        "# hash",
        "{{ }",
        "é漢🙂",
        "a\r\nb",
        '"a',
        "x\n",
    ]
    for number, text in enumerate(difficult):
        written = Modelfile.of("tiny", system=text, messages=[("user", text), ("assistant", "so: " + text)])
        server.create(f"text{number}", render_modelfile(written))
        shown = server.http.post("/api/show", json={"model": f"text{number}"}).json()
        assert shown["system"] == text
        assert [(m["role"], m["content"]) for m in shown["messages"]] == list(written.messages)


@settings(max_examples=int(os.environ.get("LOCOMAN_TEST_EXAMPLES", "0")) // 100 or 5, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(texts)
def test_ollama_reads_any_system_message_as_it_is_read_here(server: Server, text: str) -> None:
    read = parse_modelfile(text)
    if not (read.system or "").strip():
        return
    server.create("any", render_modelfile(Modelfile.of("tiny", system=read.system)))
    assert server.http.post("/api/show", json={"model": "any"}).json()["system"] == read.system
