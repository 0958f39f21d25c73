"""On a GPU too: the same inputs give the same bytes, cut or not, swapped or not. Run with -m gpu."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from ltxbuild.job import Interrupted, write_json
from ltxbuild.model.device import place_of
from ltxbuild.model.latents import decode, encode
from ltxbuild.model.quantized import FORMATS, fold, unfold
from ltxbuild.model.stored import stored_tensors
from ltxbuild.model.swapping import Swap
from ltxbuild.model.text import encode_text
from ltxbuild.model.weights import build
from ltxbuild.stages import train
from ltxbuild.stages.membership import key_of
from tests.fake_job import FakeJob, as_file
from tests.model.parts import (
    LENGTH,
    TRANSFORMER,
    install,
    make_text,
    make_transformer,
    make_vae,
    member_files,
)
from tests.model.test_train import PARAMS, same

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
DEVICE = "cuda"
# Heads as wide as the real model's and 4,096 tokens, so that the same kernels run.
WIDE = {"num_attention_heads": 2, "attention_head_dim": 128, "cross_attention_dim": 256, "num_layers": 4}
SIZE = (4, 32, 32)
STEPS = 6


def clips_of(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Three clips and their features."""
    bag = [member_files(folder / f"m{i}", i, 1, SIZE, WIDE["cross_attention_dim"], dtype) for i in range(3)]
    clips = [{"key": key_of(f), "train": [0], "repeats": 1, "measure": []} for f in bag]
    write_json(folder / "dataset.json", {"clips": sorted(clips, key=lambda c: str(c["key"]))})  # type: ignore[dict-item]
    return {"dataset": as_file(folder / "dataset.json"), "clips": bag, "previous": None}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    """As they are on a GPU."""
    return clips_of(tmp_path, torch.bfloat16)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A random transformer in a folder."""
    make_transformer(**WIDE).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def opened(stored: Path, form: str, swap: int) -> Any:
    """The transformer as a job opens it: a place is asked for first, which sets the device up."""
    place_of({"base": str(stored), "device": DEVICE}, {"precision": "bf16"})
    kind, tensors = type(make_transformer()), stored_tensors(stored)
    return build(kind, {**TRANSFORMER, **WIDE}, tensors, torch.bfloat16, DEVICE, quantize=form, swap=swap)


def trained(root: Path, inputs: dict[str, Any], context: dict[str, Any], stop: int | None = None) -> Path:
    """A segment of a few steps with checkpointing."""
    params = {**PARAMS, "last": STEPS, "precision": "bf16", "batch": 2}
    job = FakeJob(root, params, inputs, {**context, "checkpointing": True}, stop_after=stop)
    train.run(job)
    return job.out


@pytest.mark.parametrize("form", ["", *FORMATS])
def test_an_interrupted_segment_ends_with_the_same_bytes(
    form: str, stored: Path, inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = install(monkeypatch, DEVICE, "bf16", transformer=opened(stored, form, 0))
    whole = trained(tmp_path / "whole", inputs, context)
    with pytest.raises(Interrupted):
        trained(tmp_path / "cut", inputs, context, stop=Random(form).randrange(1, STEPS))
    assert same(whole, trained(tmp_path / "cut", inputs, context))


@pytest.mark.parametrize(("form", "swap"), [("", 2), ("", 4), ("int8", 4), ("nf4", 3)])
def test_swapped_blocks_train_the_same_bytes(
    form: str,
    swap: int,
    stored: Path,
    inputs: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = trained(
        tmp_path / "plain",
        inputs,
        install(monkeypatch, DEVICE, "bf16", transformer=opened(stored, form, 0)),
    )
    visits: list[int] = []
    enter = Swap.enter
    monkeypatch.setattr(Swap, "enter", lambda self, index: (enter(self, index), visits.append(index))[0])
    swapped = opened(stored, form, swap)
    hosted = [m for block in swapped.transformer_blocks for m in block.modules() if getattr(m, "home", None)]
    assert hosted and all(m.weight.is_pinned() for m in hosted)
    assert same(
        plain,
        trained(tmp_path / "swapped", inputs, install(monkeypatch, DEVICE, "bf16", transformer=swapped)),
    )
    assert visits


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_weight_is_folded_as_on_a_cpu(form: str, dtype: torch.dtype) -> None:
    weight = torch.randn((256, 512), generator=torch.Generator().manual_seed(0)).to(dtype)
    here, there = fold(weight, form), fold(weight.to(DEVICE), form)
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.view(torch.uint8), other.cpu().view(torch.uint8))
    assert torch.equal(unfold(*here, torch.bfloat16), unfold(*there, torch.bfloat16).cpu())


def test_a_step_is_the_one_of_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In fp32 the losses of the first steps agree; kernels differ, so bytes do not."""
    logs, inputs = [], clips_of(tmp_path, torch.float32)
    for device in ("cpu", DEVICE):
        model = make_transformer(**WIDE).to(device)
        context = install(monkeypatch, device, "fp32", transformer=model)
        job = FakeJob(tmp_path / device, {**PARAMS, "last": 2, "batch": 1}, inputs, context)
        train.run(job)
        logs.append([step[1] for step in job.json("log.json")["steps"]])
    assert logs[0] == pytest.approx(logs[1], rel=1e-4)


def test_encoding_and_decoding_repeat() -> None:
    place_of({"base": "base", "device": DEVICE}, {"precision": "bf16"})
    vae = make_vae().to(DEVICE, torch.bfloat16)
    dice = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (17, 3, 128, 128), generator=dice, dtype=torch.uint8)
    latents = [encode(vae, frames) for _ in range(2)]
    assert torch.equal(*latents) and latents[0].abs().max() > 0
    assert torch.equal(decode(vae, latents[0]), decode(vae, latents[1]))
    tokenizer, encoder, connectors = make_text()
    encoder, connectors = encoder.to(DEVICE, torch.bfloat16), connectors.to(DEVICE, torch.bfloat16)
    features = [
        encode_text(tokenizer, encoder, connectors, "mira_char walks", LENGTH).video for _ in range(2)
    ]
    assert torch.equal(*features) and features[0].abs().max() > 0
