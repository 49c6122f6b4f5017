from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support import checkpoints, qwen3_numpy
from support.checkpoints import Made
from support.llama_probe import log_probabilities

from locoman.errors import InvalidFile, Unsupported, WrongBase
from locoman.weights import gguf_values
from locoman.weights.convert import convert, plan_conversion
from locoman.weights.gguf import GgufFile
from locoman.weights.gguf_model import GgufModel
from locoman.weights.gguf_writer import NewTensor, write_gguf
from locoman.weights.lora import convert_lora, plan_lora
from locoman.weights.lora_gguf import open_lora_gguf
from locoman.weights.merge import MERGED_KEY, plan_merge
from locoman.weights.merge_checkpoint import merge_checkpoint, plan_checkpoint_merge
from locoman.weights.model_plan import write_model
from locoman.weights.tensor_types import F32, dequantize_rows, quantize_rows

ALL = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj")
SCALE = 8 / 4


def merge(base: Path, lora: Path, target: Path, *, split: bool = False, label: str = "x") -> tuple[Path, ...]:
    with GgufModel.open(base) as model, open_lora_gguf(lora) as adapter:
        return write_model(plan_merge(model, adapter, label), target, split=split)


@pytest.fixture
def lora(made: Made, tmp_path: Path) -> Path:
    """The adapter in F32, which is exact."""
    convert_lora(plan_lora(made.adapter, made.gguf, "F32"), tmp_path / "lora.gguf")
    return tmp_path / "lora.gguf"


@pytest.mark.parametrize("name", ["F32", "F16", "Q8_0", "Q4_K_M", "Q3_K_M"])
def test_only_the_tensors_that_the_adapter_touches_change(made: Made, lora: Path, tmp_path: Path, name: str) -> None:
    base = tmp_path / "base.gguf"
    convert(plan_conversion(made.checkpoint, name), base)
    before = base.read_bytes()
    merge(base, lora, tmp_path / "merged.gguf")
    assert base.read_bytes() == before
    tensors = load_file(made.adapter / "adapter_model.safetensors")
    modules = {"attn_q": "self_attn.q_proj", "attn_v": "self_attn.v_proj", "ffn_down": "mlp.down_proj"}
    with GgufModel.open(base) as old, GgufModel.open(tmp_path / "merged.gguf") as new:
        assert list(old.tensors) == list(new.tensors)
        for target, rows in old.tensors.items():
            stored = new.tensors[target].stored(slice(None))
            assert new.tensors[target].type == rows.type
            _, _, layer, kind = f"{target}...".replace("blk.", ". .", 1).split(".")[:4]
            if kind not in modules:
                assert np.array_equal(rows.stored(slice(None)), stored), target
                continue
            prefix = f"base_model.model.model.layers.{layer.strip()}.{modules[kind]}"
            update = SCALE * tensors[f"{prefix}.lora_B.weight"] @ tensors[f"{prefix}.lora_A.weight"]
            expected = dequantize_rows(rows.stored(slice(None)), rows.type) + update
            there = dequantize_rows(stored, rows.type)
            rounded = dequantize_rows(quantize_rows(expected, rows.type), rows.type)
            assert np.abs(there - rounded).max() <= np.abs(rounded - expected).max() + 1e-6


def test_the_merged_model_computes_what_base_and_adapter_do_together(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="there is no llama.cpp wheel for this machine")
    base = checkpoints.write_checkpoint(tmp_path / "base")
    adapter = checkpoints.write_adapter(tmp_path / "adapter", checkpoints.lora_weights(ALL))
    convert(plan_conversion(base, "F32"), tmp_path / "base.gguf")
    convert_lora(plan_lora(adapter, base, "F32"), tmp_path / "lora.gguf")
    merge(tmp_path / "base.gguf", tmp_path / "lora.gguf", tmp_path / "merged.gguf")
    paths = merge(tmp_path / "base.gguf", tmp_path / "lora.gguf", tmp_path / "merged.gguf", split=True)
    with open_lora_gguf(tmp_path / "lora.gguf") as opened:
        merge_checkpoint(plan_checkpoint_merge(base, opened), tmp_path / "checkpoint")
    convert(plan_conversion(tmp_path / "checkpoint", "F32"), tmp_path / "again.gguf")
    tokens = [int(token) for token in np.random.default_rng(3).integers(0, checkpoints.VOCABULARY - 6, size=16)]
    prompts = [tokens[: length + 1] for length in range(len(tokens))]
    letter = checkpoints.byte_symbols().index("a")
    shape = qwen3_numpy.Shape(checkpoints.LAYERS, checkpoints.HEADS, checkpoints.KV_HEADS, checkpoints.HEAD_DIM)
    adapted = qwen3_numpy.add_lora(checkpoints.weights(tied=True), checkpoints.lora_weights(ALL), SCALE)
    expected = qwen3_numpy.log_probabilities(adapted, shape, tokens)
    for model in (tmp_path / "merged.gguf", paths[0], tmp_path / "again.gguf"):
        answers = log_probabilities(model, prompts, checkpoints.VOCABULARY, letter)
        found = np.array([[answer[token] for token in range(checkpoints.VOCABULARY)] for answer in answers])
        assert np.abs(found - expected).max() < 2e-3


def test_two_merged_variants_share_all_shards_that_no_adapter_touches(made: Made, tmp_path: Path) -> None:
    shards = []
    for seed in (2, 5):
        folder = checkpoints.write_adapter(tmp_path / f"adapter-{seed}", checkpoints.lora_weights(seed=seed))
        convert_lora(plan_lora(folder, made.gguf), tmp_path / f"{seed}.gguf")
        shards.append(
            merge(made.gguf, tmp_path / f"{seed}.gguf", tmp_path / f"v{seed}" / "m.gguf", split=True, label=str(seed))
        )
    same = [one.read_bytes() == two.read_bytes() for one, two in zip(*shards, strict=True)]
    tensors = untouched = shared = 0
    with GgufModel.open(shards[0][0]) as model:
        for number, file in enumerate(model.files):
            size = sum(tensor.bytes for tensor in file.tensors.values())
            touched = any(part in name for name in file.tensors for part in ("attn_q.", "attn_v.", "ffn_down."))
            assert same[number] == (not touched and number > 0)
            tensors += size
            untouched += 0 if touched else size
            shared += size if same[number] else 0
        assert not model.files[0].tensors, "what differs in the metadata costs no tensor"
    assert shared == untouched
    assert 0.3 < shared / tensors < 0.9


def test_a_merged_model_tells_which_adapters_it_holds(made: Made, tmp_path: Path) -> None:
    merge(made.gguf, made.lora, tmp_path / "a.gguf", label="first")
    merge(tmp_path / "a.gguf", made.lora, tmp_path / "b.gguf", label="second")
    with GgufFile.open(tmp_path / "b.gguf") as file:
        assert list(file.array(MERGED_KEY).byte_strings()) == [b"first", b"second"]


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_merged_checkpoint_differs_in_the_touched_tensors_alone(
    made: Made, lora: Path, tmp_path: Path, dtype: str
) -> None:
    base = checkpoints.write_checkpoint(tmp_path / "base")
    store_as(base, dtype)
    (base / "notes").mkdir()
    (base / "pytorch_model.bin").write_bytes(b"never copied")
    with open_lora_gguf(lora) as adapter:
        plan = plan_checkpoint_merge(base, adapter)
        merge_checkpoint(plan, tmp_path / "merged")
    assert len(plan.merged) == 3 * checkpoints.LAYERS
    assert {path.name for path in (tmp_path / "merged").iterdir()} == {
        "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors",
    }  # fmt: skip
    before = (base / "model.safetensors").read_bytes()
    after = (tmp_path / "merged" / "model.safetensors").read_bytes()
    header = int.from_bytes(before[:8], "little") + 8
    assert len(before) == len(after)
    assert before[:header] == after[:header]
    changed = np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)
    assert 0 < changed.sum() <= plan.touched_bytes


def store_as(folder: Path, dtype: str) -> None:
    """Stores the checkpoint's tensors as another type."""
    tensors = load_file(folder / "model.safetensors")
    header, body, kind = {}, b"", {"F32": np.float32, "F16": np.float16}.get(dtype)
    for name, values in tensors.items():
        data = (values.view(np.uint32) >> 16).astype("<u2").tobytes() if kind is None else values.astype(kind).tobytes()
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": place}
        body += data
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_what_is_no_adapter_is_refused(made: Made, tmp_path: Path) -> None:
    entries = {
        "general.architecture": gguf_values.text("llama"), "general.type": gguf_values.text("adapter"),
        "adapter.type": gguf_values.text("lora"), "adapter.lora.alpha": gguf_values.f32(8),
    }  # fmt: skip
    write_gguf(tmp_path / "empty.gguf", entries, [], lambda *_: None)
    with pytest.raises(InvalidFile, match="no tensors"), open_lora_gguf(tmp_path / "empty.gguf"):
        pass
    with pytest.raises(InvalidFile, match="no adapter"), open_lora_gguf(made.gguf):
        pass


def test_weights_that_are_no_numbers_are_found(made: Made, tmp_path: Path) -> None:
    tensors = checkpoints.lora_weights()
    convert_lora(plan_lora(checkpoints.write_adapter(tmp_path / "a", tensors), made.gguf, "F32"), tmp_path / "a.gguf")
    data = bytearray((tmp_path / "a.gguf").read_bytes())
    data[-40:-36] = np.float32(np.inf).tobytes()
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(InvalidFile, match="no finite numbers"):
        merge(made.gguf, tmp_path / "a.gguf", tmp_path / "out.gguf")
    assert not list(tmp_path.glob("*out.gguf*"))


def test_the_token_embedding_is_not_merged_into(made: Made, tmp_path: Path) -> None:
    write_lora(tmp_path / "x.gguf", "qwen3", "token_embd.weight", (checkpoints.VOCABULARY, checkpoints.HIDDEN))
    with pytest.raises(Unsupported, match="token embedding"):
        merge(made.gguf, tmp_path / "x.gguf", tmp_path / "out.gguf")


@pytest.mark.parametrize(
    ("architecture", "name", "rows", "words"),
    [
        ("llama", "blk.0.ffn_up.weight", checkpoints.FFN, "made for llama"),
        ("qwen3", "blk.0.ffn_up.weight", 7, "7x64 in the adapter"),
        ("qwen3", "blk.9.ffn_up.weight", checkpoints.FFN, "missing there"),
    ],
)
def test_an_adapter_of_another_base_is_the_wrong_one(
    made: Made, tmp_path: Path, architecture: str, name: str, rows: int, words: str
) -> None:
    write_lora(tmp_path / "x.gguf", architecture, name, (rows, checkpoints.HIDDEN))
    with pytest.raises(WrongBase, match=words):
        merge(made.gguf, tmp_path / "x.gguf", tmp_path / "out.gguf")
    with pytest.raises(WrongBase, match=words), open_lora_gguf(tmp_path / "x.gguf") as lora:
        plan_checkpoint_merge(made.checkpoint, lora)


def write_lora(path: Path, architecture: str, name: str, shape: tuple[int, int]) -> None:
    """A LoRA of rank 2 on one tensor."""
    entries = {
        "general.architecture": gguf_values.text(architecture), "general.type": gguf_values.text("adapter"),
        "adapter.type": gguf_values.text("lora"), "adapter.lora.alpha": gguf_values.f32(8),
    }  # fmt: skip
    tensors = []
    for half, size in (("lora_a", (2, shape[1])), ("lora_b", (shape[0], 2))):
        data = np.ones(size, np.float32).view(np.uint8)
        tensors.append(NewTensor(f"{name}.{half}", size, F32, data.nbytes, lambda d=data: iter([d])))  # type: ignore[misc]
    write_gguf(path, entries, tensors, lambda *_: None)
