"""Adapters that were made elsewhere: each kind is understood, or what is missing is named; the base is compared."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command import Shell
from support.kills import check_files
from support.ollama_standin import StandinOllama
from support.real_ollama import find_ollama, real_ollama
from support.tiny_gguf import write_tiny_base, write_tiny_lora

from locoman.catalog.manifest import Case, read_package
from locoman.catalog.shelf import shipped
from locoman.documents import read_jsonl
from locoman.errors import InvalidFile, LocomanError
from locoman.ollama.api import NewModel, OllamaApi
from locoman.store.digests import sha256_of
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, load_registry
from locoman.workflows.importing.locollm import find_description, read_locollm
from locoman.yaml_documents import read_yaml

QUESTION = ("ask", "--model", "poems", "--json", "How is the word cat written backwards?")


def peft(tmp_path: Path, base: str = "/content/model") -> Path:
    """The bare weights of `words`, as PEFT saves them."""
    folder = tmp_path / "bare"
    shutil.copytree(shipped("adapters") / "words" / "weights" / "loco-tiny", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": base}))
    return folder


def lora(own: Home, tmp_path: Path) -> Path:
    """`words` as a LoRA GGUF."""
    adapter = next(a for a in load_registry(own.registry).adapters if a.name == "words")
    return Path(shutil.copy(own.root / adapter.gguf, tmp_path / "lora.gguf"))


def base_gguf(own: Home) -> Path:
    return own.root / load_registry(own.registry).current().gguf


def imported(own: Home, name: str = "poems") -> InstalledAdapter:
    check_files(own.root)
    return next(a for a in load_registry(own.registry).adapters if a.name == name)


def answers_as_words(shell: Shell) -> bool:
    document = shell(*QUESTION).document
    return bool(document["answer"] == "tac" and document["adapter"] == "poems")


def test_a_bare_peft_folder_becomes_a_package_and_answers(shell: Shell, own: Home, tmp_path: Path) -> None:
    folder = peft(tmp_path)
    told = ("--name", "poems@0.3.0", "--domain", "poems", "--base", "loco-tiny", "--licence", "MIT")
    assert shell("adapter", "add", str(folder), *told).code == 0
    adapter = imported(own)
    assert (adapter.version, adapter.domain, adapter.kind, adapter.source) == ("0.3.0", "poems", "lora", "")
    package = read_package(own.root / adapter.package)
    assert (package.manifest.licence, package.cases(), package.routing()) == ("MIT", (), ())
    assert answers_as_words(shell)
    assert "without an evaluation set" in shell("adapter", "show", "poems").out
    assert shell("doctor", "--deep").code == 0


def test_a_bare_lora_gguf_is_kept_as_it_is(shell: Shell, own: Home, tmp_path: Path) -> None:
    path = lora(own, tmp_path)
    assert shell("adapter", "add", str(path), "--name", "poems", "--domain", "poems", "--base", "loco-tiny").code == 0
    adapter = imported(own)
    assert adapter.gguf == f"{adapter.package}/weights/loco-tiny/adapter.gguf"
    assert adapter.sha256 == sha256_of(path)
    assert answers_as_words(shell)
    bundle = tmp_path / "b.locoman"
    assert shell("bundle", "create", str(bundle), "--adapter", "poems").code == 0
    assert shell("bundle", "install", str(bundle), "--no-check", "--home", str(tmp_path / "other")).code == 0


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ((), ("--name NAME", "--domain DOMAIN", "--base BASE")),
        (("--name", "poems"), ("--domain DOMAIN", "--base BASE")),
        (("--name", "poems", "--domain", "poems"), ("--base BASE",)),
    ],
)
def test_what_is_missing_is_named_with_the_options_that_tell_it(
    shell: Shell, copied: Home, tmp_path: Path, arguments: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    before = copied.registry.read_bytes()
    for path in (peft(tmp_path), lora(copied, tmp_path)):
        result = shell("adapter", "add", str(path), *arguments)
        assert result.code == 2
        *_, sentence, following = result.err.strip().splitlines()
        assert "does not tell its" in sentence
        assert following == f"Next: locoman adapter add {path} {' '.join(missing)}"
    assert copied.registry.read_bytes() == before


@pytest.mark.parametrize("says", ["loco-tiny", "/home/me/loco-tiny", "C:\\models\\loco-tiny"])
def test_a_peft_folder_that_names_its_base_needs_not_be_told(
    shell: Shell, copied: Home, tmp_path: Path, says: str
) -> None:
    assert shell("adapter", "add", str(peft(tmp_path, says)), "--name", "poems", "--domain", "poems").code == 0
    assert imported(copied).base == "loco-tiny"


def test_an_adapter_of_another_base_is_refused(shell: Shell, copied: Home, tmp_path: Path) -> None:
    before = copied.registry.read_bytes()
    named = ("--name", "poems", "--domain", "poems")
    other = peft(tmp_path, "Qwen/Qwen3-4B-Instruct-2507")
    result = shell("adapter", "add", str(other), *named, "--base", "loco-tiny")
    assert (result.code, "was made for qwen3-4b-instruct" in result.err) == (3, True)
    result = shell("adapter", "add", str(other), *named)
    assert (result.code, "Next: locoman install --base qwen3-4b-instruct" in result.err) == (4, True)
    result = shell("adapter", "add", str(write_tiny_lora(tmp_path / "x.gguf")), *named, "--base", "loco-tiny")
    assert result.code == 3
    assert "missing there" in result.err or "in the adapter" in result.err
    assert copied.registry.read_bytes() == before


def modelfile(folder: Path, *lines: str) -> Path:
    path = folder / "Modelfile"
    path.write_text("# by somebody else\n" + "\n".join(lines) + "\n")
    return path


def test_a_modelfile_of_somebody_else_is_taken_over(shell: Shell, copied: Home, tmp_path: Path) -> None:
    lora(copied, tmp_path)
    path = modelfile(
        tmp_path, f"FROM {base_gguf(copied)}", "ADAPTER ./lora.gguf", 'TEMPLATE """{{ .Prompt }}"""',
        "PARAMETER temperature 0.2", 'SYSTEM """\nSay little.\n"""', "LICENSE MIT",
    )  # fmt: skip
    result = shell("adapter", "add", str(path), "--name", "poems", "--domain", "poems")
    assert result.code == 0, result.err
    assert "template is not taken over" in result.err
    assert "parameters are not taken over: temperature" in result.err
    manifest = read_package(copied.root / imported(copied).package).manifest
    assert (manifest.base.name, manifest.prompt.system, manifest.licence) == ("loco-tiny", "Say little.", "MIT")


def test_a_modelfile_with_peft_files_beside_it(shell: Shell, own: Home, tmp_path: Path) -> None:
    peft(tmp_path)
    modelfile(tmp_path, f"FROM {base_gguf(own)}", "ADAPTER bare")
    assert shell("adapter", "add", str(tmp_path / "Modelfile"), "--name", "poems", "--domain", "poems").code == 0
    assert answers_as_words(shell)


def test_a_modelfile_with_a_system_message_alone_becomes_a_prompt(shell: Shell, copied: Home, tmp_path: Path) -> None:
    path = modelfile(tmp_path, f"FROM {base_gguf(copied)}", "SYSTEM You answer in rhymes.")
    assert shell("adapter", "add", str(path), "--name", "poems", "--domain", "poems").code == 0
    assert (imported(copied).kind, imported(copied).gguf) == ("prompt", "")


def test_a_modelfile_on_another_model_is_refused_by_its_fingerprint(shell: Shell, copied: Home, tmp_path: Path) -> None:
    write_tiny_base(tmp_path / "other.gguf")
    lora(copied, tmp_path)
    path = modelfile(tmp_path, "FROM ./other.gguf", "ADAPTER ./lora.gguf")
    result = shell("adapter", "add", str(path), "--name", "poems", "--domain", "poems", "--base", "loco-tiny")
    assert result.code == 3
    assert "the model that it stands on, other.gguf, is another" in result.err


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("FROM loco-tiny", "ADAPTER ./nothing.gguf"), "line 3"),
        (("FROM loco-tiny",), "neither an ADAPTER nor a SYSTEM"),
        (("ADAPTER ./lora.gguf",), "no FROM"),
        (("This is a letter.",), "Modelfile"),
    ],
)
def test_a_modelfile_with_nothing_to_take_is_told(
    shell: Shell, copied: Home, tmp_path: Path, lines: tuple[str, ...], told: str
) -> None:
    result = shell("adapter", "add", str(modelfile(tmp_path, *lines)), "--name", "poems", "--domain", "poems")
    assert result.code == 1
    assert told in result.err


def model_in_ollama(url: str, base: Path, adapter: Path, system: str = "") -> None:
    with OllamaApi(url) as api:
        for path in (base, adapter):
            api.put_blob(path, sha256_of(path))
        files = {"base.gguf": f"sha256:{sha256_of(base)}"}
        adapters = {"adapter.gguf": f"sha256:{sha256_of(adapter)}"}
        template = "{{ .Prompt }}"
        api.create(NewModel("poems:v1", files=files, adapters=adapters, template=template, system=system))
        api.create(NewModel("plain", files=files, template=template))


@pytest.fixture(params=["stand-in", "real"])
def ollama(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "stand-in":
        with StandinOllama(tmp_path / "models") as server:
            yield server.url
        return
    binary = find_ollama()
    if binary is None:
        pytest.skip("no real Ollama; set LOCOMAN_TEST_OLLAMA")
    with real_ollama(binary, tmp_path / "real") as url:
        yield url


def test_a_model_in_ollama_gives_its_adapter(
    shell: Shell, copied: Home, ollama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama)
    model_in_ollama(ollama, base_gguf(copied), lora(copied, tmp_path), "Say little.")
    with OllamaApi(ollama) as api:
        before = {(model.name, model.digest) for model in api.tags()}
    result = shell("adapter", "add", "ollama:poems:v1", "--domain", "poems")
    assert result.code == 0, result.err
    assert "not taken over" in result.err
    adapter = imported(copied)
    assert (adapter.base, adapter.sha256) == ("loco-tiny", sha256_of(tmp_path / "lora.gguf"))
    assert read_package(copied.root / adapter.package).manifest.prompt.system == "Say little."
    result = shell("adapter", "add", "ollama:plain", "--domain", "plain")
    assert (result.code, "nothing to take" in result.err) == (2, True)
    result = shell("adapter", "add", "ollama:poem:v1", "--domain", "poems")
    assert (result.code, "Did you mean poems:v1?" in result.err) == (2, True)
    with OllamaApi(ollama) as api:
        assert {(model.name, model.digest) for model in api.tags()} == before


def test_without_ollama_its_models_cannot_be_taken(shell: Shell, copied: Home) -> None:
    assert shell("adapter", "add", "ollama:poems", "--domain", "poems").code == 4


LOCOLLM = """
# LocoLLM Adapter Registry
base_model:
  name: "Qwen/Qwen3-4B-Instruct"
adapters:
  poems:
    version: "0.2.0"
    description: "Writes words backwards"
    base_model: "loco-tiny"
    authors: ["Team A, ISYS6020"]
    tags: ["x"]
    lora_rank: 16
    benchmark_score: 0.72
    router_keywords: ["rhyme", "verse"]
  merged:
    version: "0.1.0"
    type: "merged-gguf"
    gguf_path: "merged/gguf/model.gguf"
  prompted:
    type: "system-prompt"
    system_prompt: "You answer in rhymes."
    ollama_base: "loco-tiny"
"""


def locollm(tmp_path: Path) -> Path:
    """A LocoLLM checkout's `adapters`."""
    folder = tmp_path / "adapters"
    folder.mkdir()
    shutil.move(peft(tmp_path), folder / "poems")
    for name in ("merged", "prompted"):
        (folder / name).mkdir()
    (folder / "registry.yaml").write_text(LOCOLLM)
    training, evaluation = folder / "poems" / "training", folder / "poems" / "eval"
    training.mkdir()
    evaluation.mkdir()
    line = {"instruction": "Write it backwards.", "input": "cat", "output": "tac"}
    (training / "dataset.jsonl").write_text(json.dumps(line) + "\n")
    cases = [{"question": f"Write {n} backwards.", "answer": str(n)[::-1], "eval_type": "x"} for n in range(100, 130)]
    (evaluation / "benchmark.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    return folder


def test_a_locollm_adapter_brings_its_questions_and_keywords(shell: Shell, copied: Home, tmp_path: Path) -> None:
    folder = locollm(tmp_path)
    assert shell("adapter", "add", str(folder / "poems")).code == 0
    adapter = imported(copied)
    package = read_package(copied.root / adapter.package)
    manifest = package.manifest
    assert (adapter.version, adapter.domain, manifest.base.name) == ("0.2.0", "poems", "loco-tiny")
    assert (manifest.description, manifest.authors) == ("Writes words backwards", ("Team A, ISYS6020",))
    assert manifest.routing.keywords == ("rhyme", "verse")
    assert (len(package.cases()), manifest.gate.scorer, manifest.gate.minimum_cases) == (30, "numeric", 30)
    assert len(package.routing()) == 31
    assert next(read_jsonl(package.folder / "train.jsonl", Case)).answer == "tac"
    assert shell("route", "--quiet", "Give me a rhyme for cat").out == "poems\n"
    result = shell("adapter", "add", str(folder / "merged"), "--base", "loco-tiny")
    assert (result.code, "merged into a whole model" in result.err) == (1, True)
    assert shell("adapter", "add", str(folder), "--name", "prompted").code == 0
    assert imported(copied, "prompted").kind == "prompt"
    result = shell("adapter", "add", str(folder), "--name", "poem")
    assert (result.code, f"{folder}/poems" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("adapter.yaml", "version: 1.0.0\nbase_model: loco-tiny\ndescription: Backwards\n"),
        ("adapter.toml", 'version = "1.0.0"\nbase_model = "loco-tiny"\ndescription = "Backwards"\n'),
    ],
)
def test_a_locollm_folder_that_describes_itself(
    shell: Shell, copied: Home, tmp_path: Path, name: str, text: str
) -> None:
    folder = peft(tmp_path).rename(tmp_path / "poems")
    (folder / name).write_text(text)
    assert shell("adapter", "add", str(folder)).code == 0
    assert (imported(copied).domain, imported(copied).version) == ("poems", "1.0.0")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: !!python/object/apply:os.system ['true']\n", ""),
        ("{" * 5000, "deeply"),
        ("- a\n- b\n", "no mapping"),
        ("a: [\n", "line"),
        ("a: \x00\n", "YAML"),
        ("[" * 250_000, "deeply"),
    ],
)
def test_hostile_yaml_is_refused_or_is_nothing_but_text(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "adapter.yaml"
    path.write_text(text)
    try:
        assert read_yaml(path) == {"a": ["true"]}
        assert not told
    except InvalidFile as error:
        assert told
        assert told in str(error)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_a_description_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("locollm")
    (folder / "adapter.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    description = find_description(folder)
    assert description is not None
    with pytest.raises(LocomanError):
        read_locollm(folder, description, "x")


def zipped(folder: Path, target: Path, prefix: str) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


@pytest.mark.parametrize("prefix", ["", "words/"])
def test_a_package_that_a_person_zipped(shell: Shell, copied: Home, tmp_path: Path, prefix: str) -> None:
    assert shell("remove", "words", "--yes").code == 0
    path = zipped(shipped("adapters") / "words", tmp_path / "words.zip", prefix)
    assert shell("adapter", "add", str(path)).code == 0
    assert imported(copied, "words").source == str(path)
    assert imported(copied, "words").package.startswith("adapters/words/1.0.0+")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: folder / "nothing", "no such file"),
        (lambda folder: folder, "no adapter in this folder"),
        (lambda folder: zipped(shipped("modelfiles"), folder / "x.zip", ""), "holds no adapter.toml"),
        (lambda folder: zipped(shipped("adapters"), folder / "x.zip", ""), "several packages"),
        (lambda folder: write_tiny_base(folder / "base.gguf"), "a whole model"),
    ],
)
def test_what_is_no_adapter_is_told(
    shell: Shell, copied: Home, tmp_path: Path, make: Callable[[Path], Path], told: str
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    result = shell("adapter", "add", str(make(folder)))
    assert result.code == 1
    assert told in result.err
    assert "Traceback" not in result.err


def test_several_paths_or_options_without_a_path_are_refused(shell: Shell, copied: Home, tmp_path: Path) -> None:
    assert shell("adapter", "add", "./a", "./b").code == 2
    assert shell("adapter", "add", "words", "--domain", "x").code == 2
