"""Which Modelfile is written for what."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import checkpoints, families, generated_modelfiles
from support.chat_templates import CHAT_TEMPLATES
from support.tiny_gguf import write_tiny_base, write_tiny_lora

from locoman.catalog.shelf import Shelf, shipped
from locoman.errors import InvalidFile, NoOllamaTemplate, UnknownName, UsageError
from locoman.ollama.modelfile import parse_modelfile
from locoman.ollama.template_family import load_family
from locoman.store.home import Home
from locoman.workflows.convert import ConvertOptions, execute_convert, plan_convert
from locoman.workflows.modelfile import ShownModelfile, plan_modelfile, show_modelfile

SHELF = Shelf((shipped("modelfiles"),), (shipped("adapters"),))
NOBODY = "http://127.0.0.1:9"


def plan(home: Home, text: str, **more: object) -> ShownModelfile:
    return plan_modelfile(home, SHELF, text, **more)  # type: ignore[arg-type]


def test_what_ships_is_what_is_written_and_nothing_else() -> None:
    written = dict(generated_modelfiles.render())
    shipped_now = {path: path.read_text(encoding="utf-8") for path in shipped("modelfiles").glob("*.Modelfile")}
    assert shipped_now == written, "run scripts/docs"


def test_a_base_that_is_in_ollama_s_library_is_named_by_its_tag(home: Home) -> None:
    modelfile = plan(home, "qwen3-4b-instruct").modelfile
    assert modelfile is not None
    assert modelfile.froms == ("qwen3:4b-instruct-2507-q4_K_M",)
    assert modelfile.template == load_family("chatml").template
    assert ("num_ctx", "4096") in modelfile.parameters
    assert [value for name, value in modelfile.parameters if name == "stop"] == ["<|im_end|>", "<|endoftext|>"]
    assert modelfile.licences == ("Apache-2.0",)


def test_an_installed_base_is_named_by_its_file_and_an_adapter_stands_beside_it(own: Home) -> None:
    planned = plan(own, "loco-tiny", adapter="arithmetic")
    assert planned.modelfile is not None
    (from_,), (adapter,) = planned.modelfile.froms, planned.modelfile.adapters
    assert Path(from_).is_relative_to(own.root.resolve())
    assert Path(adapter).is_relative_to(own.root.resolve())
    assert parse_modelfile(planned.text) == planned.modelfile
    assert show_modelfile(own, SHELF, NOBODY, "arithmetic").text == planned.text
    assert show_modelfile(own, SHELF, NOBODY, "loco-tiny").text == plan(own, "loco-tiny").text


def test_an_adapter_of_a_base_that_is_not_installed_is_refused(home: Home) -> None:
    with pytest.raises(UnknownName, match="installed base"):
        plan(home, "loco-tiny", adapter="arithmetic")


def test_a_lora_file_can_be_given_in_place_of_a_name(home: Home, tmp_path: Path) -> None:
    lora = write_tiny_lora(tmp_path / "lora.gguf")
    planned = plan(home, "loco-tiny", adapter=str(lora))
    assert planned.modelfile is not None
    assert planned.modelfile.adapters == (str(lora.resolve()),)
    with pytest.raises(InvalidFile, match="no GGUF"):
        plan(home, "loco-tiny", adapter=__file__)


def test_a_checkpoint_and_the_gguf_made_of_it_get_the_same_template(home: Home, tmp_path: Path) -> None:
    for name, model in (
        ("gemma3", "Gemma 3"),
        ("mistral", "Mistral v0.3"),
        ("phi3", "Phi-3"),
        ("llama-3.2", "Llama 3.2"),
    ):
        folder = families.write_checkpoint(families.FAMILIES[name], tmp_path / name)
        (folder / "chat_template.jinja").write_text(CHAT_TEMPLATES[model][1], encoding="utf-8")
        target = tmp_path / f"{name}.gguf"
        execute_convert(plan_convert(folder, target, ConvertOptions("F32")), lambda *_: None)
        for path in (folder, target):
            planned = plan(home, str(path))
            assert planned.modelfile is not None
            assert planned.family == CHAT_TEMPLATES[model][0]
            assert planned.modelfile.froms == (str(path.resolve()),)
            assert planned.modelfile.template == load_family(planned.family).template


def test_an_unknown_chat_template_is_refused_and_a_template_of_one_s_own_is_taken(home: Home, tmp_path: Path) -> None:
    folder = checkpoints.write_checkpoint(tmp_path / "strange")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    with pytest.raises(NoOllamaTemplate, match="of strange") as caught:
        plan(home, str(folder))
    assert "--template FILE" in caught.value.remedy
    own = tmp_path / "prompts.gotmpl"
    own.write_text("{{ .Prompt }}\n", encoding="utf-8")
    planned = plan(home, str(folder), template=own)
    assert planned.modelfile is not None
    assert (planned.modelfile.template, planned.family) == ("{{ .Prompt }}\n", "")
    own.write_text("\n")
    with pytest.raises(InvalidFile, match="empty"):
        plan(home, str(folder), template=own)


def test_what_no_modelfile_can_be_about_is_refused(home: Home, tmp_path: Path) -> None:
    bare = write_tiny_base(tmp_path / "bare.gguf")
    with pytest.raises(NoOllamaTemplate, match="no chat template"):
        plan(home, str(bare))
    with pytest.raises(UsageError, match="'adapter'"):
        plan(home, str(write_tiny_lora(tmp_path / "lora.gguf")))
    with pytest.raises(UsageError, match="--adapter goes with"):
        plan(home, str(bare), adapter="x")
    with pytest.raises(InvalidFile, match="no such file"):
        plan(home, "./nothing.gguf")
    with pytest.raises(InvalidFile, match="no GGUF file"):
        plan(home, __file__)
    with pytest.raises(InvalidFile, match="no checkpoint"):
        plan(home, str(tmp_path))
    with pytest.raises(UnknownName, match="loco-tiny"):
        plan(home, "loco-tyni")


def test_a_name_that_is_nowhere_is_told_with_what_looks_like_it(home: Home) -> None:
    with pytest.raises(UnknownName, match="loco-tiny"):
        show_modelfile(home, SHELF, NOBODY, "loco-tyni")
