"""The packaged base is one like any other: diffusers' own pipelines run it, saved copies open, a LoRA file loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LTX2ImageToVideoPipeline, LTX2Pipeline
from diffusers.pipelines.ltx2 import LTX2ConditionPipeline, LTX2InContextPipeline, LTX2ReferenceCondition
from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition
from PIL import Image

from ltxbuild.job import StageError
from ltxbuild.model.base import open_base
from ltxbuild.model.flow import Size
from ltxbuild.model.latents import decode
from ltxbuild.model.sampler import Guidance, Prompt, Start, sample, sampler_sigmas, start_noise
from ltxbuild.model.sound import decode as decode_sound
from ltxbuild.model.sound import latent_count
from ltxbuild.model.text import encode_text
from ltxbuild.project.card import BASES

# diffusers warns about its own pipeline's use of its own vocoder.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing config attribute:FutureWarning")

CALL: dict[str, Any] = {
    "prompt": "a red circle moves left over a plain navy background",
    "width": 64,
    "height": 64,
    "num_frames": 9,
    "num_inference_steps": 2,
    "guidance_scale": 1.0,
    "stg_scale": 0.0,
    "max_sequence_length": 64,
    "output_type": "np",
    "return_dict": False,
}
RED = Image.new("RGB", (64, 64), (220, 40, 40))


@pytest.fixture(scope="module")
def stock() -> Iterator[Any]:
    yield LTX2Pipeline.from_pretrained(BASES / "tiny", dtype=torch.float32)


def check(video: Any, audio: torch.Tensor) -> None:
    assert video.shape == (1, 9, 64, 64, 3)
    assert 0 <= video.min() <= video.max() <= 1
    assert audio.shape[:2] == (1, 2) and bool(audio.isfinite().all())


def test_from_text(stock: Any) -> None:
    check(*stock(**CALL))


def test_from_a_first_frame(stock: Any) -> None:
    video, audio = LTX2ImageToVideoPipeline(**stock.components)(image=RED, **CALL)
    check(video, audio)
    assert video[0, 0, :, :, 0].mean() > 0.6 and video[0, 0, :, :, 1].mean() < 0.4, "the first frame is kept"


def test_from_first_and_last_frame(stock: Any) -> None:
    ends = [LTX2VideoCondition(frames=RED, index=index, strength=1.0, crf=0) for index in (0, -1)]
    check(*LTX2ConditionPipeline(**stock.components)(conditions=ends, **CALL))


def test_beside_a_reference(stock: Any) -> None:
    pipeline = LTX2InContextPipeline.from_pipe(stock)
    still = [LTX2ReferenceCondition(frames=[RED] * 9, strength=1.0)]
    dice = [torch.Generator().manual_seed(0) for _ in range(3)]
    without, _ = pipeline(generator=dice[0], **CALL)
    video, audio = pipeline(reference_conditions=still, generator=dice[1], **CALL)
    check(video, audio)
    assert not np.array_equal(video, without), "the reference is attended to"
    small = [LTX2ReferenceCondition(frames=[RED.resize((32, 32))] * 9, strength=1.0)]
    half, audio = pipeline(
        reference_conditions=small, reference_downscale_factor=2, generator=dice[2], **CALL
    )
    check(half, audio)
    assert not np.array_equal(half, without)


def test_a_copy_saved_by_diffusers_in_shards_opens_and_is_equal(stock: Any, tmp_path: Path) -> None:
    stock.save_pretrained(tmp_path, max_shard_size="1MB")
    assert len(list((tmp_path / "transformer").glob("*.safetensors"))) > 1
    ours, packaged = open_base(tmp_path, "cpu", "fp32"), open_base(BASES / "tiny", "cpu", "fp32")
    for part in ("transformer", "vae", "connectors", "text_encoder"):
        found, wanted = getattr(ours, part)().state_dict(), getattr(packaged, part)().state_dict()
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted), part
    assert ours.tokenizer()("a red circle")["input_ids"] == packaged.tokenizer()("a red circle")["input_ids"]


def test_a_folder_that_lacks_a_part_or_is_of_another_family_says_so(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is not there"):
        open_base(tmp_path / "nowhere", "cpu", "fp32")
    with pytest.raises(StageError, match=r"lacks the folder vae/"):
        open_base(tmp_path, "cpu", "fp32").vae()
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text('{"_class_name": "AutoencoderKLWan"}')
    with pytest.raises(StageError, match=r"is AutoencoderKLWan, LTX-2\.3 has AutoencoderKLLTX2Video"):
        open_base(tmp_path, "cpu", "fp32").vae()
    (tmp_path / "transformer").mkdir()
    for config, name in (
        ('{"use_prompt_embeddings": true}', "2.0"),
        ('{"use_keyframes_abs_pos_embedding": true}', "2.5"),
    ):
        (tmp_path / "transformer" / "config.json").write_text(config)
        with pytest.raises(StageError, match=f"LTX-{name}; this release trains for LTX-2.3 only"):
            open_base(tmp_path, "cpu", "fp32").transformer()


def test_a_sample_with_sound_is_the_stock_pipelines(stock: Any) -> None:
    """The same picture and the same sound from the same seed, through our sampler, VAEs and vocoder."""
    frames, waves = stock(
        **{**CALL, "num_inference_steps": 4, "guidance_scale": 3.0, "audio_guidance_scale": 5.0},
        modality_scale=1.0,
        audio_modality_scale=1.0,
        guidance_rescale=0.0,
        generator=torch.Generator().manual_seed(7),
    )
    base = open_base(BASES / "tiny", "cpu", "fp32", audio=True)
    parts = (base.tokenizer(), base.text_encoder(), base.connectors())
    told, nothing = (
        Prompt(found.video, found.audio)
        for found in (encode_text(*parts, t, 64) for t in (CALL["prompt"], ""))
    )
    size, transformer = Size(3, 4, 4), base.transformer()
    count = latent_count(transformer.config, CALL["num_frames"] / 24)
    noise, hiss = start_noise(7, 64, size, (2, count, 4))
    sigmas = sampler_sigmas(base.scheduler_config(), size.tokens, {"steps": 4})
    guidance = Guidance(nothing, 3.0, 5.0)
    latents, heard = sample(transformer, Start(noise, sound=hiss), told, guidance, sigmas, 24.0)
    assert heard is not None
    pictures = decode(base.vae(), latents).numpy() / 255
    assert np.abs(pictures - frames[0]).max() < 1 / 255 + 1e-4
    samples, rate = decode_sound(base.audio_vae(), base.vocoder(), heard)
    assert rate == 48000 and samples.shape == tuple(waves[0].t().shape)
    assert np.abs(samples / 32767 - waves[0].t().numpy()).max() < 5e-3
    assert waves.abs().max() > 0.01, "there is something to hear"
