"""Tiny vision-language models of the real classes with random weights, saved as their repositories are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    CLIPVisionConfig,
    Florence2Config,
    Florence2ForConditionalGeneration,
    LlamaConfig,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

WORDS = [
    *("a", "woman", "man", "child", "dog", "walks", "runs", "smiles", "sits", "in", "on", "by", "the", "red"),
    *("blue", "street", "park", "rain", "night", ".", ","),
]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "<video>"]
QWEN = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]

QWEN_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}"
    "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAVA_CHAT = (
    "{% for m in messages %}USER: {% for c in m.content %}"
    "{% if c.type == 'video' %}<video>\n{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


def save(kind: str, folder: Path) -> Path:
    """The model of one family with everything that its repository has; the same weights on every call."""
    torch.manual_seed(7)
    {
        "florence2": _florence,
        "llava_next_video": _llava,
        "qwen2_vl": _qwen2,
        "qwen2_5_vl": _qwen2_5,
        "qwen3_vl": _qwen3,
    }[kind](folder)
    return folder


def _tokenizer(folder: Path, **named: str) -> dict[str, int]:
    """A tokenizer that knows a few words; returns its vocabulary."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *QWEN, *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    inner.add_special_tokens([*SPECIAL, *QWEN])
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        extra_special_tokens=named,
    )  # fmt: skip
    made.save_pretrained(folder)
    return vocabulary


def _language(vocabulary: dict[str, int]) -> dict[str, Any]:
    return {
        "vocab_size": len(vocabulary), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip


def _qwen_parts(folder: Path, vocabulary: dict[str, int], patch: int) -> dict[str, int]:
    pixels = {"shortest_edge": (2 * patch) ** 2, "longest_edge": (8 * patch) ** 2}
    Qwen2VLImageProcessorPil(patch_size=patch, merge_size=2, size=pixels).save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(QWEN_CHAT)
    names = ("vision_start", "vision_end", "image_pad", "video_pad")
    keys = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    return {key: vocabulary[f"<|{name}|>"] for key, name in zip(keys, names, strict=True)}


def _qwen2(folder: Path) -> None:
    vocabulary = _tokenizer(folder)
    vision = {"depth": 1, "embed_dim": 16, "num_heads": 2, "hidden_size": 32, "patch_size": 14}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = {**_language(vocabulary), "rope_parameters": rope}
    config = Qwen2VLConfig(text_config=text, vision_config=vision, **_qwen_parts(folder, vocabulary, 14))
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)


def _qwen2_5(folder: Path) -> None:
    vocabulary = _tokenizer(folder)
    vision = {
        "depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 32,
        "patch_size": 14, "fullatt_block_indexes": [0],
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text = {**_language(vocabulary), "rope_parameters": rope}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **_qwen_parts(folder, vocabulary, 14))
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)


def _qwen3(folder: Path) -> None:
    vocabulary = _tokenizer(folder)
    vision = {
        "depth": 2, "hidden_size": 16, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 32,
        "patch_size": 16, "num_position_embeddings": 16, "deepstack_visual_indexes": [0],
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
    text = {**_language(vocabulary), "head_dim": 8, "rope_parameters": rope}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_qwen_parts(folder, vocabulary, 16))
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)


def _llava(folder: Path) -> None:
    vocabulary = _tokenizer(folder)
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
    )
    config = LlavaNextVideoConfig(
        vision_config=vision, text_config=LlamaConfig(**_language(vocabulary)), vision_feature_layer=-1,
        image_grid_pinpoints=[[56, 112]], image_token_index=4, video_token_index=5,
    )  # fmt: skip
    LlavaNextVideoForConditionalGeneration(config).save_pretrained(folder)
    shape: dict[str, Any] = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    LlavaNextImageProcessorPil(**shape, image_grid_pinpoints=[[56, 112]]).save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(LLAVA_CHAT)


def _florence(folder: Path) -> None:
    vocabulary = _tokenizer(folder, image_token="<image>")
    vision = {
        "depths": [1, 1], "embed_dim": [8, 16], "num_heads": [2, 2], "num_groups": [2, 2], "patch_size": [7, 3],
        "patch_stride": [4, 2], "patch_padding": [3, 1], "patch_prenorm": [False, True], "projection_dim": 32,
        "window_size": 2, "max_temporal_embeddings": 4, "max_position_embeddings": 16,
    }  # fmt: skip
    text = BartConfig(
        vocab_size=len(vocabulary), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=512,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    config = Florence2Config(vision_config=vision, text_config=text.to_dict(), image_token_id=4)
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    cells = 64 // 8 * 64 // 8
    CLIPImageProcessorPil(size={"height": 64, "width": 64}, do_center_crop=False).save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    path.write_text(path.read_text().replace("{", f'{{"image_seq_length": {cells + 1},', 1))
