"""The levels below behaviour, on loco-tiny's own adapters and bases made from it: none looks at the adapter's old base."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support import altered_bases as altered
from support.altered_bases import TINY, AlteredBase

from locoman.catalog.manifest import LORA_GGUF, read_package
from locoman.catalog.shelf import shipped
from locoman.migration.levels.drift import Drift
from locoman.migration.levels.licence import Licence
from locoman.migration.levels.structure import Structure
from locoman.migration.levels.template import Template
from locoman.migration.levels.tokenizer import Tokenizer
from locoman.migration.subject import Candidate, Subject, subject_of
from locoman.migration.thresholds import thresholds
from locoman.weights.lora import convert_lora, plan_lora

DRIFT = Drift(thresholds().drift)


@pytest.fixture(scope="module")
def tiny() -> Candidate:
    return altered.of_checkpoint(TINY).candidate


@pytest.fixture
def words() -> Subject:
    return subject_of(read_package(shipped("adapters") / "words"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of a shipped package, to be changed."""
    return Path(shutil.copytree(shipped("adapters") / "words", tmp_path / "words"))


def test_an_adapter_passes_all_levels_on_its_own_base(words: Subject, tiny: Candidate) -> None:
    found = [level.look(words, tiny) for level in (Structure(), Tokenizer(), Template(), Licence(), DRIFT)]
    assert [finding.outcome for finding in found] == ["pass"] * 5
    assert [finding.word for finding in found] == ["fits", "same", "same", "permissive", "same"]
    assert found[0].numbers == {"pairs": 28}


def test_a_lora_gguf_is_held_against_the_base_as_peft_files_are(package: Path, tmp_path: Path, tiny: Candidate) -> None:
    weights = package / "weights" / "loco-tiny"
    convert_lora(plan_lora(weights, TINY), weights / LORA_GGUF)
    (weights / "adapter_config.json").unlink()
    (weights / "adapter_model.safetensors").unlink()
    subject = subject_of(read_package(package))
    assert Structure().look(subject, tiny).word == "fits"
    wider = altered.other_dimensions(tmp_path / "wider", 1).candidate
    assert Structure().look(subject, wider).word == "does not fit"


@pytest.mark.parametrize("damage", ["cut", "no weights", "pickled", "other kind"])
def test_a_broken_adapter_is_a_finding_and_not_the_end_of_the_check(
    package: Path, tiny: Candidate, damage: str
) -> None:
    weights = package / "weights" / "loco-tiny" / "adapter_model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "no weights":
        shutil.rmtree(weights.parent)
    elif damage == "pickled":
        weights.rename(weights.with_suffix(".bin"))
    else:
        (weights.parent / "adapter_config.json").write_text('{"peft_type": "LOHA", "r": 4, "lora_alpha": 8}')
    found = Structure().look(subject_of(read_package(package)), tiny)
    assert (found.outcome, found.word) == ("fail", "broken")
    assert found.detail.startswith("Its weights cannot be used: ")


def test_other_dimensions_do_not_fit_and_the_tensor_is_named(words: Subject, tmp_path: Path) -> None:
    found = Structure().look(words, altered.other_dimensions(tmp_path / "base", 1).candidate)
    assert (found.outcome, found.word) == ("fail", "does not fit")
    assert "mlp.down_proj is 256x768 in the adapter and 256x1024 there" in found.detail


@pytest.mark.parametrize("seed", range(3))
def test_tokens_with_other_numbers_are_another_tokenizer(words: Subject, tmp_path: Path, seed: int) -> None:
    candidate = altered.other_tokenizer(tmp_path / "base", seed).candidate
    assert Structure().look(words, candidate).outcome == "pass"
    assert DRIFT.look(words, candidate).outcome == "pass"
    assert Tokenizer().look(words, candidate).outcome == "fail"


def test_a_single_token_is_enough(words: Subject, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    altered.other_template(folder, 0)
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text("utf-8"))
    ids = document["model"]["vocab"]
    first, second = list(ids)[300:302]
    ids[first], ids[second] = ids[second], ids[first]
    path.write_text(json.dumps(document), "utf-8")
    assert Tokenizer().look(words, altered.of_checkpoint(folder).candidate).word == "other"


def test_another_template_is_a_concern_and_rules_nothing_out(words: Subject, tmp_path: Path) -> None:
    candidate = altered.other_template(tmp_path / "base", 0).candidate
    assert Template().look(words, candidate).outcome == "concern"
    assert Tokenizer().look(words, candidate).outcome == "pass"


@pytest.mark.parametrize(
    ("licence", "outcome", "word"),
    [
        ("Apache-2.0", "pass", "permissive"),
        ("mit", "pass", "permissive"),
        ("llama3.2", "concern", "inherits"),
        ("CC-BY-NC-4.0", "concern", "non-commercial"),
        ("CC-BY-NC-ND-4.0", "fail", "no derivatives"),
        ("", "open", "unknown"),
        ("a licence of our own", "open", "unknown"),
    ],
)
def test_a_licence_is_what_it_asks_of_derivatives(
    words: Subject, tiny: Candidate, licence: str, outcome: str, word: str
) -> None:
    found = Licence().look(words, replace(tiny, licence=licence))
    assert (found.outcome, found.word) == (outcome, word)


def test_an_adapter_under_the_bases_own_terms_inherits_nothing_new(words: Subject, tiny: Candidate) -> None:
    gemma = replace(tiny, licence="gemma")
    assert Licence().look(replace(words, licence="Gemma"), gemma).outcome == "pass"
    assert Licence().look(words, gemma).outcome == "concern"


@pytest.mark.parametrize("seed", range(3))
def test_a_quantization_is_told_from_training(words: Subject, tmp_path: Path, seed: int) -> None:
    for quantization in ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Q3_K_M"):
        candidate = altered.requantized(tmp_path / quantization, 0, (quantization,)).candidate
        assert DRIFT.look(words, candidate).word in ("same", "requantized"), quantization
    weights = shipped("adapters") / ("arithmetic", "dates", "words")[seed] / "weights" / "loco-tiny"
    assert DRIFT.look(words, altered.merged(tmp_path / "merged", weights, 1.0).candidate).word == "fine-tuned"
    assert DRIFT.look(words, altered.fine_tuned(tmp_path / "tuned", seed).candidate).word == "fine-tuned"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [altered.another_model, altered.random_model])
def test_another_model_of_the_same_shape_is_caught_although_every_tensor_fits(
    words: Subject, tmp_path: Path, make: altered.Maker, seed: int
) -> None:
    candidate = make(tmp_path / "base", seed).candidate
    for level in (Structure(), Tokenizer(), Template(), Licence()):
        assert level.look(words, candidate).outcome == "pass"
    found = DRIFT.look(words, candidate)
    assert (found.outcome, found.word) == ("fail", "another model")
    assert 96 <= found.numbers["bits"] <= 160


def test_the_same_answers_from_weights_in_another_order_are_another_model(words: Subject, tmp_path: Path) -> None:
    shuffled: AlteredBase = altered.another_model(tmp_path / "base", 5)
    question = "What is 4 + 5?"
    assert shuffled.model.answers([question]) == altered.of_checkpoint(TINY).model.answers([question])
    assert DRIFT.look(words, shuffled.candidate).outcome == "fail"


def test_a_fingerprint_that_cannot_be_read_leaves_it_open(words: Subject, tiny: Candidate) -> None:
    nameless = replace(words, made_for=None)
    assert [level.look(nameless, tiny).outcome for level in (Tokenizer(), Template(), DRIFT)] == ["open"] * 3


def test_a_forged_fingerprint_is_held_against_the_base_it_runs_on(
    package: Path, tmp_path: Path, tiny: Candidate
) -> None:
    other = altered.another_model(tmp_path / "base", 1).candidate
    manifest = package / "adapter.toml"
    manifest.write_text(manifest.read_text().replace(str(tiny.fingerprint), str(other.fingerprint)))
    forged = subject_of(read_package(package), runs_on=tiny.fingerprint)
    found = DRIFT.look(forged, other)
    assert (found.outcome, found.word) == ("open", "contradicted")
    assert subject_of(read_package(shipped("adapters") / "words"), runs_on=tiny.fingerprint).trusted


def test_a_prompt_has_nothing_that_must_fit(tmp_path: Path) -> None:
    prompt = subject_of(read_package(shipped("adapters") / "code"))
    candidate = altered.other_dimensions(tmp_path / "base", 1).candidate
    assert Structure().look(prompt, candidate).word == "prompt only"
    assert Tokenizer().look(prompt, candidate).word == "prompt only"
    assert DRIFT.look(prompt, candidate).outcome == "concern"
