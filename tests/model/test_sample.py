"""Our sampler against the stock pipeline, number by number."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, LTX2Pipeline

from ltxbuild.job import StageError
from ltxbuild.model import tensor_file
from ltxbuild.model.flow import Size
from ltxbuild.model.sampler import Guidance, Prompt, Start, sample, sampler_sigmas, start_noise
from ltxbuild.stages import sample as stage
from tests.fake_job import FakeJob, as_file
from tests.model.parts import AUDIO, CHANNELS, LENGTH, SCHEDULER, WIDTH, install, make_transformer
from tests.model.test_flow import random

SIZE = Size(3, 4, 4)
DISTILLED = [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875]


class Texts:
    """Stands for the connectors: the features are what it is given, the audio's are nothing."""

    def __call__(
        self, embeds: torch.Tensor, mask: torch.Tensor, padding_side: str
    ) -> tuple[torch.Tensor, ...]:
        return embeds, torch.zeros(*embeds.shape[:2], AUDIO), mask


def stock(
    transformer: Any, text: torch.Tensor, negative: torch.Tensor, seed: int, **options: Any
) -> torch.Tensor:
    """Normalised latents of LTX2Pipeline. Every guidance but the text's is off.

    The pipeline never isolates the modalities, so the caller's transformer must not let audio into the video.
    """
    options = {"guidance_scale": 1.0, **options}
    parts = ("vae", "audio_vae", "text_encoder", "tokenizer", "connectors", "vocoder")
    rules = FlowMatchEulerDiscreteScheduler.from_config(dict(options.pop("scheduler", SCHEDULER)))
    pipeline = LTX2Pipeline(scheduler=rules, transformer=transformer, **dict.fromkeys(parts))
    pipeline.vae_spatial_compression_ratio, pipeline.vae_temporal_compression_ratio = 16, 4
    pipeline.set_progress_bar_config(disable=True)
    unit = {"latents_mean": torch.zeros(1), "latents_std": torch.ones(1)}
    pipeline.vae = SimpleNamespace(**unit, config=SimpleNamespace(scaling_factor=1.0))
    sound = SimpleNamespace(mel_bins=4, latent_channels=8)
    pipeline.audio_vae = SimpleNamespace(**unit, config=sound)
    pipeline.connectors = Texts()
    mask = torch.ones(1, LENGTH)
    video, _ = pipeline(
        prompt_embeds=text[None],
        prompt_attention_mask=mask,
        negative_prompt_embeds=negative[None],
        negative_prompt_attention_mask=mask,
        width=64,
        height=64,
        num_frames=9,
        frame_rate=24.0,
        stg_scale=0.0,
        modality_scale=1.0,
        guidance_rescale=0.0,
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
        return_dict=False,
        **options,
    )
    result: torch.Tensor = video[0]
    return result


def deaf_transformer() -> Any:
    """A transformer whose video does not listen to its audio."""
    transformer = make_transformer()
    with torch.no_grad():
        for block in transformer.transformer_blocks:
            block.audio_to_video_attn.to_out[0].weight.zero_()
            block.audio_to_video_attn.to_out[0].bias.zero_()
    return transformer


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_samples_are_the_stock_pipelines(guidance: float) -> None:
    transformer, text, negative = deaf_transformer(), random(LENGTH, WIDTH), random(LENGTH, WIDTH, seed=1)
    wanted = stock(transformer, text, negative, 3, num_inference_steps=6, guidance_scale=guidance)
    sigmas = sampler_sigmas(SCHEDULER, SIZE.tokens, {"steps": 6})
    noise, _ = start_noise(3, CHANNELS, SIZE)
    guided = Guidance(Prompt(negative), guidance, guidance)
    found, _ = sample(transformer, Start(noise), Prompt(text), guided, sigmas, 24.0)
    # The pipeline goes through x0 and back at every step: float32 rounding, no more.
    assert torch.allclose(found, wanted, atol=1e-5), float((found - wanted).abs().max())


def test_distilled_sigmas_are_taken_as_they_are() -> None:
    transformer, text = deaf_transformer(), random(LENGTH, WIDTH)
    fixed = {"use_dynamic_shifting": False, "shift_terminal": None}
    wanted = stock(
        transformer, text, text, 3, num_inference_steps=8, sigmas=DISTILLED, scheduler={**SCHEDULER, **fixed}
    )
    sigmas = sampler_sigmas(SCHEDULER, SIZE.tokens, {"sigmas": DISTILLED})
    assert sigmas == [*DISTILLED, 0.0]
    noise, _ = start_noise(3, CHANNELS, SIZE)
    found, _ = sample(transformer, Start(noise), Prompt(text), Guidance(), sigmas, 24.0)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_spaced_sigmas_fall_from_one_to_the_terminal_value() -> None:
    sigmas = sampler_sigmas(SCHEDULER, 2688, {"steps": 12})
    assert sigmas[0] == 1 and sigmas[-1] == 0 and len(sigmas) == 13
    assert sigmas[-2] == pytest.approx(0.1) and sigmas == sorted(sigmas, reverse=True)
    with pytest.raises(StageError, match="fall"):
        sampler_sigmas(SCHEDULER, 48, {"sigmas": [0.5, 0.9]})


PARAMS: dict[str, Any] = {
    "seed": 3,
    "weight": 0.85,
    "width": 64,
    "height": 64,
    "frames": 9,
    "fps": 24.0,
    "sampler": {"steps": 3, "guidance": 2.0},
    "precision": "fp32",
}


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    install(monkeypatch, transformer=make_transformer())
    files = {}
    for seed, name in enumerate(("text", "negative")):
        tensor_file.save(tmp_path / name, {"video": random(LENGTH, WIDTH, seed=seed)})
        files[name] = as_file(tmp_path / name)
    from ltxbuild.model.lora import Spec, attached

    spec = Spec(4, 8.0, "attention")
    with attached(make_transformer(), spec) as adapter:
        adapter.start(0)
        tensors = {n: random(*t.shape) * 0.1 if "lora_B" in n else t for n, t in adapter.tensors().items()}
    tensor_file.save(tmp_path / "adapter", tensors, spec.metadata())
    return {**files, "adapter": as_file(tmp_path / "adapter"), "transformer": None}


def run(root: Path, inputs: dict[str, Any], **params: Any) -> bytes:
    job = FakeJob(root, {**PARAMS, **params}, inputs, {"base": "/base", "device": "cpu"})
    stage.run(job)
    return (job.out / "latents.safetensors").read_bytes()


def test_the_stage_is_deterministic_and_the_weight_matters(tmp_path: Path, inputs: dict[str, Any]) -> None:
    one = run(tmp_path / "1", inputs)
    assert one == run(tmp_path / "2", inputs)
    base = run(tmp_path / "3", {**inputs, "adapter": None})
    assert base == run(tmp_path / "4", inputs, weight=0.0)
    assert len({one, base, run(tmp_path / "5", inputs, weight=1.1), run(tmp_path / "6", inputs, seed=4)}) == 4
    tensors, metadata = tensor_file.load(tmp_path / "1" / "out" / "latents.safetensors")
    assert list(tensors["window_000"].shape) == [CHANNELS, 3, 4, 4]
    assert metadata == {"pixel_frames": "9", "width": "64", "height": "64", "fps": "24.0"}


def test_guidance_without_its_features_and_odd_sizes_are_refused(
    tmp_path: Path, inputs: dict[str, Any]
) -> None:
    with pytest.raises(StageError, match="empty prompt"):
        run(tmp_path / "1", {**inputs, "negative": None})
    with pytest.raises(StageError, match="off the grid"):
        run(tmp_path / "2", inputs, frames=8)
