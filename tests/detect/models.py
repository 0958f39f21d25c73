"""Tiny detectors of the real classes with random weights, saved as their repositories are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    OwlViTConfig,
    OwlViTForObjectDetection,
    PreTrainedTokenizerFast,
    SwinConfig,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
WORDS = ["a", "photo", "of", "woman", "dog", "red", "."]
KINDS = ("grounding-dino", "mm-grounding-dino", "owlv2", "owlvit")


def save(kind: str, folder: Path) -> Path:
    """The model of one family with everything that its repository has; the same weights on every call."""
    torch.manual_seed(11)
    if kind.endswith("grounding-dino"):
        _dino(folder, kind.startswith("mm"))
    else:
        {"owlv2": _owlv2, "owlvit": _owlvit}[kind](folder)
    return folder


LABELS = (
    "Speech",
    "Music",
    "Singing",
    "Dog",
    "Rain",
    "Wind",
    "Silence",
    "Car",
    "Male speech, man speaking",
    "Bird",
    "Sea",
)


def save_listener(folder: Path) -> Path:
    """A classifier of a few of AudioSet's sounds."""
    torch.manual_seed(5)
    config = ASTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_length=128, num_mel_bins=16,
        id2label=dict(enumerate(LABELS)), label2id={label: i for i, label in enumerate(LABELS)},
    )  # fmt: skip
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(max_length=128, num_mel_bins=16).save_pretrained(folder)
    return folder


def _tokenizer(folder: Path) -> int:
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=16,
    ).save_pretrained(folder)  # fmt: skip
    return len(vocabulary)


def _owl(vocabulary: int) -> dict[str, Any]:
    text = {
        "vocab_size": vocabulary, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 64, "patch_size": 16,
    }  # fmt: skip
    return {"text_config": text, "vision_config": vision, "projection_dim": 16}


def _owlv2(folder: Path) -> None:
    Owlv2ForObjectDetection(Owlv2Config(**_owl(_tokenizer(folder)))).save_pretrained(folder)
    Owlv2ImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)


def _owlvit(folder: Path) -> None:
    OwlViTForObjectDetection(OwlViTConfig(**_owl(_tokenizer(folder)))).save_pretrained(folder)
    OwlViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)


def _dino(folder: Path, mm: bool) -> None:
    text = BertConfig(
        vocab_size=_tokenizer(folder),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    eyes = SwinConfig(
        image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = (MMGroundingDinoConfig if mm else GroundingDinoConfig)(
        backbone_config=eyes, text_config=text, d_model=64, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, encoder_attention_heads=2, decoder_attention_heads=2, num_queries=6, max_text_len=16,
        num_feature_levels=4,
    )  # fmt: skip
    (MMGroundingDinoForObjectDetection if mm else GroundingDinoForObjectDetection)(config).save_pretrained(
        folder
    )
    size = {"shortest_edge": 64, "longest_edge": 128}
    GroundingDinoImageProcessorPil(size=size).save_pretrained(folder)
