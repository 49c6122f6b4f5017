"""convert, quantize, merge and gguf as a shell sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import checkpoints
from support.command import Shell
from support.fake_hub_repository import COMMIT, FakeRepository
from support.quantizable import Shape, write_imatrix, write_model

from locoman.store.home import Home
from locoman.weights.fingerprint import Fingerprint
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_model import GgufModel


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return checkpoints.write_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def gguf(shell: Shell, checkpoint: Path, tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    assert shell("convert", str(checkpoint), "--to", "F16", "--out", str(path)).code == 0
    return path


@pytest.fixture
def hub(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRepository]:
    with FakeRepository(checkpoint) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield hub


def test_a_dry_run_tells_what_would_be_written_and_writes_nothing(
    shell: Shell, checkpoint: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.gguf"
    plan = shell("convert", str(checkpoint), "--to", "q4_k_m", "--out", str(target), "--dry-run", "--json").document
    assert (plan["kind"], plan["architecture"], plan["type"], plan["written"]) == ("model", "qwen3", "Q4_K_M", False)
    assert plan["files"] == [str(target)]
    assert {"tensor": "blk.0.attn_q.weight", "type": "Q5_0", "wanted": "Q4_K"} in plan["fallbacks"]
    shown = shell("convert", str(checkpoint), "--out", str(target), "--dry-run").out
    assert "Fallback  blk.0.attn_k.weight: Q5_0 in place of Q4_K" in shown
    assert "more (--json lists all)" in shown
    assert not target.exists()


def test_a_checkpoint_is_converted_quantized_and_compared(shell: Shell, gguf: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.gguf"
    result = shell("quantize", str(gguf), "--to", "Q8_0", "--out", str(small), "--json").document
    assert result["written"]
    assert result["bytes"] < result["source_bytes"]
    assert small.is_file()
    same = shell("gguf", "diff", str(gguf), str(gguf), "--json")
    assert (same.code, same.document["same"]) == (0, True)
    other = shell("gguf", "diff", str(gguf), str(small), "--json")
    assert other.code == 3
    assert other.document["metadata"] == [{"key": "general.file_type", "difference": "changed"}]
    assert {tensor["difference"] for tensor in other.document["tensors"]} == {"type"}
    assert all(tensor["error"] < 0.01 for tensor in other.document["tensors"])
    assert "relative error" in shell("gguf", "diff", str(gguf), str(small)).out


def test_what_is_there_is_replaced_only_when_asked_and_the_source_never(
    shell: Shell, checkpoint: Path, gguf: Path, tmp_path: Path
) -> None:
    before = gguf.read_bytes()
    refused = shell("convert", str(checkpoint), "--to", "F32", "--out", str(gguf))
    assert refused.code == 2
    assert "--force" in refused.err
    assert shell("quantize", str(gguf), "--to", "F32", "--out", str(gguf), "--force").code == 2
    assert gguf.read_bytes() == before
    assert shell("convert", str(checkpoint), "--to", "F32", "--out", str(gguf), "--force").code == 0
    assert gguf.read_bytes() != before


def test_shards_are_shown_and_verified_as_one_model(shell: Shell, gguf: Path, tmp_path: Path) -> None:
    made = shell(
        "quantize", str(gguf), "--to", "F16", "--out", str(tmp_path / "parts.gguf"), "--split", "--json"
    ).document
    assert len(made["files"]) == 9
    shown = shell("gguf", "show", made["files"][0], "--json").document
    assert (shown["architecture"], shown["type"], len(shown["files"])) == ("qwen3", "F16", 9)
    assert shown["metadata"]["tokenizer.ggml.tokens"] == f"[{checkpoints.VOCABULARY} items]"
    assert shown["parameters"] == sum(
        t["shape"][0] * (t["shape"][1] if len(t["shape"]) > 1 else 1) for t in shown["tensors"]
    )
    assert "blk.0.attn_q.weight" in shell("gguf", "show", made["files"][0], "--tensors").out
    verified = shell("gguf", "verify", made["files"][3], "--json").document
    assert [Path(file["file"]).name for file in verified["files"]] == [Path(name).name for name in made["files"]]


def test_a_broken_file_fails_the_verification(shell: Shell, gguf: Path) -> None:
    digest = shell("gguf", "verify", str(gguf), "--json").document["files"][0]["sha256"]
    assert shell("gguf", "verify", str(gguf), "--sha256", digest).code == 0
    assert shell("gguf", "verify", str(gguf), "--sha256", "0" * 64).code == 3
    with GgufFile.open(gguf) as file:
        place = file.tensors["blk.1.ffn_up.weight"].offset
    data = bytearray(gguf.read_bytes())
    data[place : place + 2] = b"\xff\x7f"
    gguf.unlink()
    gguf.write_bytes(data)
    broken = shell("gguf", "verify", str(gguf))
    assert broken.code == 1
    assert "blk.1.ffn_up.weight" in broken.err


def test_an_importance_matrix_is_honoured_and_told(shell: Shell, tmp_path: Path) -> None:
    source = write_model(tmp_path / "m.gguf", Shape(layers=1))
    imatrix = write_imatrix(tmp_path / "imatrix.gguf", Shape(layers=1))
    shell("quantize", str(source), "--to", "Q4_K_M", "--out", str(tmp_path / "a.gguf"))
    shell("quantize", str(source), "--to", "Q4_K_M", "--out", str(tmp_path / "b.gguf"), "--imatrix", str(imatrix))
    found = shell("gguf", "diff", str(tmp_path / "a.gguf"), str(tmp_path / "b.gguf"), "--json").document
    assert len([tensor for tensor in found["tensors"] if tensor["difference"] == "values"]) == 7
    assert {"key": "quantize.imatrix.file", "difference": "added"} in found["metadata"]


def test_an_adapter_is_converted_for_its_base_and_merged(shell: Shell, gguf: Path, tmp_path: Path) -> None:
    adapter = checkpoints.write_adapter(tmp_path / "adapter")
    lora = tmp_path / "adapter.gguf"
    assert shell("convert", str(adapter), "--out", str(lora)).code == 2
    made = shell("convert", str(adapter), "--base", str(gguf), "--out", str(lora), "--json").document
    assert (made["kind"], made["pairs"], made["type"]) == ("adapter", 3 * checkpoints.LAYERS, "F16")
    before = gguf.read_bytes()
    for given in (adapter, lora):
        target = tmp_path / f"merged-{given.suffix}.gguf"
        merged = shell("merge", str(gguf), str(given), "--out", str(target), "--json").document
        assert len(merged["touched"]) == 3 * checkpoints.LAYERS
        assert shell("gguf", "diff", str(gguf), str(target)).code == 3
    assert gguf.read_bytes() == before
    plan = shell("merge", str(gguf), str(adapter), "--out", str(tmp_path / "x.gguf"), "--dry-run").out
    assert "Touched   9 tensors" in plan


def test_an_adapter_is_merged_into_a_split_model(shell: Shell, gguf: Path, tmp_path: Path) -> None:
    adapter = checkpoints.write_adapter(tmp_path / "adapter")
    parts = shell("quantize", str(gguf), "--to", "F16", "--out", str(tmp_path / "p.gguf"), "--split", "--json").document
    target = str(tmp_path / "m.gguf")
    merged = shell("merge", parts["files"][0], str(adapter), "--out", target, "--split", "--json").document
    same = [Path(a).read_bytes() == Path(b).read_bytes() for a, b in zip(parts["files"], merged["files"], strict=True)]
    assert same.count(False) == 1 + 3  # the metadata, and the three kinds that the adapter touches


def test_an_adapter_is_merged_into_a_checkpoint(shell: Shell, checkpoint: Path, tmp_path: Path) -> None:
    adapter = checkpoints.write_adapter(tmp_path / "adapter")
    target = tmp_path / "merged"
    assert shell("merge", str(checkpoint), str(adapter), "--out", str(target)).code == 0
    assert shell("convert", str(target), "--to", "F16", "--out", str(tmp_path / "m.gguf")).code == 0
    again = shell("merge", str(checkpoint), str(adapter), "--out", str(target))
    assert again.code == 2
    assert "there already" in again.err


def test_installed_bases_and_adapters_go_by_their_names(shell: Shell, own: Home, tmp_path: Path) -> None:
    target = tmp_path / "merged.gguf"
    merged = shell("merge", "loco-tiny", "arithmetic", "--out", str(target), "--json").document
    assert merged["written"]
    assert shell("gguf", "verify", "loco-tiny").code == 0
    with GgufModel.open(target) as model:
        assert model.head.architecture == "qwen3"
    unknown = shell("gguf", "show", "loco-tini")
    assert unknown.code == 2
    assert "loco-tiny" in unknown.err
    assert shell("merge", "loco-tiny", "arithmetik", "--out", str(target), "--force").code == 2
    assert own.registry.is_file()


def test_a_repository_on_the_hub_is_downloaded_verified_and_converted(
    shell: Shell, home: Home, hub: FakeRepository, tmp_path: Path
) -> None:
    target = tmp_path / "out.gguf"
    plan = shell("convert", "some/model", "--out", str(target), "--dry-run", "--json").document
    assert (plan["commit"], plan["written"]) == (COMMIT, False)
    assert "onnx/model.onnx" not in plan["downloads"]
    assert not home.downloads.exists()
    assert shell("convert", "some/model", "--to", "Q8_0", "--out", str(target)).code == 0
    assert shell("gguf", "show", str(target), "--json").document["name"] == "model"
    missing = shell("convert", "some/model", "--revision", "v9", "--out", str(tmp_path / "x.gguf"))
    assert missing.code == 4
    assert "404" in missing.err


def test_what_was_downloaded_stays_until_it_is_converted(
    shell: Shell, home: Home, hub: FakeRepository, tmp_path: Path
) -> None:
    target = tmp_path / "out.gguf"
    assert shell("convert", "some/model", "--pre", "no-such", "--out", str(target)).code == 2
    assert [path.name for path in home.downloads.rglob("model.safetensors")]
    fetched = len(hub.asked)
    assert shell("convert", "some/model", "--out", str(target)).code == 0
    assert len(hub.asked) == fetched + 1, "only the listing is asked for again"
    assert not [path for path in home.downloads.rglob("*") if path.suffix != ".lock"]
    assert not any(home.staging.iterdir())
    fetched = len(hub.asked)
    assert shell("convert", "some/model", "--out", str(target)).code == 2, "it is there already"
    assert len(hub.asked) == fetched + 1, "which is known before anything is fetched"


def test_a_base_tells_who_it_is_and_whether_another_is_the_same(
    shell: Shell, checkpoint: Path, gguf: Path, tmp_path: Path
) -> None:
    line = shell("gguf", "fingerprint", str(checkpoint)).out.strip()
    assert Fingerprint.parse(line).architecture == "qwen3"
    small = tmp_path / "small.gguf"
    shell("convert", str(checkpoint), "--to", "Q4_K_M", "--out", str(small), "--split")
    same = shell("gguf", "fingerprint", str(next(tmp_path.glob("small-00003-*"))), str(gguf), "--json")
    assert (same.code, same.document["same_model"], same.document["same_norms"]) == (0, True, True)
    assert "The same model as" in shell("gguf", "fingerprint", str(gguf), str(checkpoint)).out
    other = checkpoints.write_checkpoint(tmp_path / "other", seed=5)
    differs = shell("gguf", "fingerprint", str(gguf), str(other))
    assert differs.code == 3
    assert "Another model" in differs.out


def test_a_file_that_is_not_the_one_announced_is_refused(
    shell: Shell, hub: FakeRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = hub.listing()
    hub.files["model.safetensors"] = hub.files["model.safetensors"][:-1] + b"\x00"
    monkeypatch.setattr(FakeRepository, "listing", lambda self: listing)
    result = shell("convert", "some/model", "--out", str(tmp_path / "out.gguf"))
    assert result.code == 1
    assert "model.safetensors" in result.err
    assert not (tmp_path / "out.gguf").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("convert", "no-such-folder", "--out", "x.gguf"), 2, "neither a folder"),
        (("convert", "../no/such/folder", "--out", "x.gguf"), 2, "neither a folder"),
        (("quantize", "missing.gguf", "--to", "Q8_0", "--out", "x.gguf"), 1, "missing"),
        (("merge", "missing.gguf", "y", "--out", "x.gguf"), 1, "missing"),
        (("gguf", "diff", "a.gguf", "b.gguf"), 1, "missing"),
        (("quantize", "x.gguf", "--out", "y.gguf"), 2, "--to"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = shell(*arguments, "--json")
    assert result.code == code
    assert words in json.loads(result.out)["error"]["message"]


def test_too_little_disk_space_is_told_before_anything_is_written(
    shell: Shell, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("locoman.workflows.model_files.shutil.disk_usage", lambda path: usage)
    result = shell("convert", str(checkpoint), "--out", str(tmp_path / "out.gguf"))
    assert result.code == 4
    assert "disk space" in result.err
