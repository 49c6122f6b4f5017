"""Adding a base: what its files tell, whether it is an instruct model, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.command import Shell
from support.fake_hub_repository import COMMIT, FakeRepository

from locoman.catalog.shelf import shipped
from locoman.catalog.spec import read_spec
from locoman.errors import InvalidFile
from locoman.evaluation.selection.detect import MARK, Signal, by_end_of_turn, by_template, decide
from locoman.store.home import Home

TINY = shipped("modelfiles") / "loco-tiny"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """loco-tiny's checkpoint under another name, to be changed."""
    return shutil.copytree(TINY, tmp_path / "My Base")


def change(path: Path, **values: object) -> None:
    """Sets keys of a JSON file; None takes one out."""
    document = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def add(shell: Shell, folder: Path, *options: str) -> tuple[int, str]:
    result = shell("base", "add", str(folder), "--licence", "Apache-2.0", "--no-probe", *options)
    return result.code, result.out + result.err


def test_the_files_of_a_folder_make_a_spec(shell: Shell, checkpoint: Path, home: Home) -> None:
    code, said = add(shell, checkpoint)
    assert code == 0
    assert "my-base is added as a candidate" in said and "Not known: languages" in said
    spec = read_spec(home.modelfiles / "my-base.toml").spec
    shipped_spec = read_spec(TINY.with_suffix(".toml")).spec
    assert (spec.parameter_count, spec.architecture) == (shipped_spec.parameter_count, shipped_spec.architecture)
    assert spec.fingerprint == shipped_spec.fingerprint
    assert set(spec.template.stop) == set(shipped_spec.template.stop)
    assert (spec.kind, spec.runtime.context, spec.status) == ("instruct", 1024, "candidate")
    assert "my-base" in shell("base", "compare").out
    assert shell("install", "--base", "my-base", "--yes", "--no-check").code == 0


def test_asking_it_has_the_last_word(
    shell: Shell, checkpoint: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCOMAN_ENGINE_THREADS", "1")
    result = shell("base", "add", str(checkpoint), "--licence", "mit", "--probe", "--json")
    found = result.document
    assert (result.code, found["kind"], found["spec"]["licence"]) == (0, "instruct", "MIT")
    assert found["signals"][-1]["name"] == "probe" and "6 of 6" in found["signals"][-1]["detail"]
    assert not [path for path in home.evals.rglob("*") if path.is_file()]  # nothing of the trial stays


def test_a_plan_writes_nothing(shell: Shell, checkpoint: Path, home: Home) -> None:
    code, said = add(shell, checkpoint, "--dry-run")
    assert code == 0 and "would be added" in said
    assert not home.modelfiles.exists()


def test_without_a_licence_it_says_how_to_name_one(shell: Shell, checkpoint: Path) -> None:
    result = shell("base", "add", str(checkpoint), "--no-probe")
    assert result.code == 2
    assert "licence" in result.err and "base add" in result.err and "--licence NAME" in result.err


def test_the_licence_is_read_from_the_model_card(shell: Shell, checkpoint: Path) -> None:
    (checkpoint / "README.md").write_text("---\nlibrary_name: transformers\nlicense: apache-2.0\n---\n# A model\n")
    result = shell("base", "add", str(checkpoint), "--no-probe", "--json")
    assert result.document["spec"]["licence"] == "Apache-2.0"


def test_a_licence_that_nobody_knows_is_named_as_such(shell: Shell, checkpoint: Path) -> None:
    result = shell("base", "add", str(checkpoint), "--licence", "Own-1.0", "--no-probe", "--json")
    assert "what the licence Own-1.0 permits" in result.document["unknown"]


def test_a_base_without_a_chat_template_is_refused(shell: Shell, checkpoint: Path, home: Home) -> None:
    (checkpoint / "chat_template.jinja").unlink()
    code, said = add(shell, checkpoint)
    assert code == 3 and "no chat template" in said
    assert not list(home.modelfiles.glob("*")) if home.modelfiles.exists() else True


def bare(folder: Path) -> None:
    """As bare bases are shipped: with a template, but generation ends with the text."""
    change(folder / "generation_config.json", eos_token_id=0)
    change(folder / "config.json", eos_token_id=0)
    change(folder / "tokenizer_config.json", eos_token="<|endoftext|>")


def test_a_bare_base_with_a_template_is_refused_by_the_end_of_its_turns(shell: Shell, checkpoint: Path) -> None:
    bare(checkpoint)
    code, said = add(shell, checkpoint)
    assert code == 3 and "<|im_end|>" in said and "<|endoftext|>" in said


def test_a_bare_base_that_is_wanted_can_never_be_the_standard(shell: Shell, checkpoint: Path, home: Home) -> None:
    bare(checkpoint)
    assert add(shell, checkpoint, "--bare")[0] == 0
    path = home.modelfiles / "my-base.toml"
    assert read_spec(path).spec.kind == "base"
    assert "NO instruct" in shell("base", "compare", "my-base").out
    path.write_text(path.read_text().replace('status = "candidate"', 'status = "standard"'))
    with pytest.raises(InvalidFile, match="bare base"):
        read_spec(path)


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        (lambda f: (f / "config.json").unlink(), 1, "config.json"),
        (lambda f: (f / "tokenizer.json").write_text("{"), 1, "tokenizer.json"),
        (lambda f: change(f / "config.json", architectures=["MambaForCausalLM"], model_type="mamba"), 1, "amba"),
        (lambda f: change(f / "config.json", intermediate_size=99), 1, "has the shape"),
        (lambda f: (f / "model.safetensors").unlink(), 1, "safetensors"),
        (lambda f: (f / "generation_config.json").write_text("[]"), 1, "generation_config.json"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_left(
    shell: Shell, checkpoint: Path, home: Home, broken: object, code: int, words: str
) -> None:
    broken(checkpoint)  # type: ignore[operator]
    found, said = add(shell, checkpoint)
    assert found == code and words in said
    assert not home.modelfiles.exists()


def test_a_folder_that_is_none_is_refused(shell: Shell, tmp_path: Path) -> None:
    assert add(shell, tmp_path / "nowhere")[0] == 1
    code, said = add(shell, Path("nonsense"))
    assert code == 2 and "OWNER/NAME" in said


def test_a_name_that_is_taken_is_refused_with_the_way_out(shell: Shell, checkpoint: Path) -> None:
    code, said = add(shell, checkpoint, "--name", "loco-tiny")
    assert code == 2 and "--name" in said


def test_a_repository_is_described_by_its_small_files_and_installed_from_its_checkpoint(
    shell: Shell, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeRepository(TINY) as hub:
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        result = shell("base", "add", "Some/Tiny-Chat", "--licence", "Apache-2.0", "--json")
        assert result.code == 0, result.out
        spec = result.document["spec"]
        assert (spec["name"], spec["source"]["revision"]) == ("tiny-chat", COMMIT)
        assert not any("safetensors" in path for path in hub.asked)
        assert shell("install", "--base", "tiny-chat", "--yes", "--no-check").code == 0
        assert any("safetensors" in path for path in hub.asked)


def test_signals_of_a_kind() -> None:
    assert by_template(" ").says == "base"
    assert by_end_of_turn(f"<u>x</u><a>{MARK}</a>", ("</s>", "</a>")).says == "instruct"
    assert by_end_of_turn(f"<a>{MARK}</a>", ("</s>",)).says == "base"
    assert by_end_of_turn(None, ("</s>",)).says == ""
    assert by_end_of_turn(f"<a>{MARK}</a>", ()).says == ""


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"chat template": "base", "probe": "instruct"}, "base"),
        ({"end of a turn": "base", "probe": "instruct"}, "instruct"),
        ({"end of a turn": "instruct", "probe": "base"}, "base"),
        ({"end of a turn": "instruct"}, "instruct"),
        ({"chat template": "", "end of a turn": ""}, ""),
    ],
)
def test_behaviour_has_the_last_word(said: dict[str, str], kind: str) -> None:
    assert decide([Signal(name, says, "") for name, says in said.items()]) == kind  # type: ignore[arg-type]
