"""loco-tiny's shape: Qwen3 with 3.3 M parameters. Widths are multiples of 256, so that every quantization fits."""

from __future__ import annotations

from typing import Any

from tiny.tokenizer import VOCABULARY

END_OF_TEXT_ID, END_ID = 0, 2


def new_model() -> Any:
    """A Qwen3ForCausalLM with fresh weights (the seed is the caller's)."""
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=1024,
        rope_theta=10000.0,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        attention_bias=False,
        use_sliding_window=False,
        bos_token_id=None,
        eos_token_id=END_ID,
        pad_token_id=END_OF_TEXT_ID,
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=[END_ID, END_OF_TEXT_ID], pad_token_id=END_OF_TEXT_ID
    )
    return model
