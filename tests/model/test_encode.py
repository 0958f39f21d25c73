"""Pixels to latents and back, and captions to features."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from ltxbuild.job import JsonDict, StageError, read_json
from ltxbuild.model import tensor_file
from ltxbuild.model.latents import decode, encode, fit
from ltxbuild.stages import decode as decode_stage
from ltxbuild.stages import latents as latents_stage
from ltxbuild.stages import text as text_stage
from ltxbuild.stages.judge.pooling import pooled
from ltxbuild.stages.measures import measure
from ltxbuild.stages.media.encode import write_mp4
from tests.fake_job import FakeJob, as_file, json_file
from tests.model.parts import AUDIO, CHANNELS, LENGTH, WIDTH, install, make_text, make_transformer, make_vae
from tests.model.test_flow import random

CONTEXT: JsonDict = {"base": "/base", "device": "cpu"}


def video(path: Path, frames: int, width: int, height: int) -> Any:
    noise = np.random.default_rng(0).integers(0, 255, (frames, height, width, 3), dtype=np.uint8)
    pictures = (av.VideoFrame.from_ndarray(f, format="rgb24").reformat(format="yuv420p") for f in noise)
    write_mp4(path, pictures, Fraction(24), {"crf": "0"})
    return as_file(path)


def bucket(**changes: Any) -> JsonDict:
    crop = {"scale_w": 96, "scale_h": 64, "x": 16, "y": 0}
    return {"width": 64, "height": 64, "frames": 9, "windows": [0, 4], "crop": crop, **changes}


def run_latents(tmp_path: Path, **changes: Any) -> FakeJob:
    inputs = {
        "video": video(tmp_path / "v.mp4", 13, 144, 96),
        "bucket": json_file(tmp_path / "bucket.json", bucket(**changes)),
        "vae": None,
    }
    job = FakeJob(tmp_path / "job", {"precision": "fp32"}, inputs, CONTEXT)
    latents_stage.run(job)
    return job


def test_windows_become_normalised_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = make_vae()
    install(monkeypatch, vae=vae)
    tensors, metadata = tensor_file.load(run_latents(tmp_path).out / "latents.safetensors")
    assert sorted(tensors) == ["window_000", "window_001"]
    assert {tuple(t.shape) for t in tensors.values()} == {(CHANNELS, 3, 4, 4)}
    assert metadata == {"pixel_frames": "9", "width": "64", "height": "64", "fps": "24.0"}
    with av.open(str(tmp_path / "v.mp4")) as container:
        shown = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    x = torch.stack([fit(f, (96, 64), (16, 0), (64, 64)) for f in shown[4:13]])
    z = vae.encode(x.permute(1, 0, 2, 3)[None].float() / 127.5 - 1).latent_dist.mode()
    mean, deviation = vae.latents_mean.view(1, -1, 1, 1, 1), vae.latents_std.view(1, -1, 1, 1, 1)
    assert torch.allclose(tensors["window_001"], ((z - mean) / deviation)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"width": 56}, "multiples of 16"), ({"frames": 8}, "4k \\+ 1"), ({"windows": [6]}, "needs 9 frames")],
)
def test_what_does_not_fit_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    install(monkeypatch, vae=make_vae())
    with pytest.raises(StageError, match=message):
        run_latents(tmp_path, **changes)


def test_a_crop_without_scaling_keeps_every_pixel() -> None:
    frame = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    assert np.array_equal(fit(frame, (8, 6), (2, 1), (4, 4)).permute(1, 2, 0).numpy(), frame[1:5, 2:6])
    with pytest.raises(StageError, match="leaves the picture"):
        fit(frame, (8, 6), (6, 0), (4, 4))


def test_decoding_inverts_the_normalisation() -> None:
    vae, z = make_vae(), random(CHANNELS, 3, 4, 4)
    mean, deviation = vae.latents_mean.view(1, -1, 1, 1, 1), vae.latents_std.view(1, -1, 1, 1, 1)
    with torch.no_grad():
        wanted = vae.decode(z[None] * deviation + mean).sample[0].clamp(-1, 1)
    frames = decode(vae, z)
    assert tuple(frames.shape) == (9, 64, 64, 3)
    assert (frames.float() - (wanted.permute(1, 2, 3, 0) + 1) * 127.5).abs().max() <= 0.5001
    assert encode(vae, frames.permute(0, 3, 1, 2)).shape == z.shape


def test_a_sample_becomes_a_video_with_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, vae=make_vae())
    z = random(CHANNELS, 3, 4, 4)
    tensor_file.save(tmp_path / "z", {"window_000": z}, {"fps": "24.0"})
    outs = []
    for name in ("a", "b"):
        job = FakeJob(
            tmp_path / name,
            {"fps": 24.0, "precision": "fp32"},
            {"latents": as_file(tmp_path / "z"), "vae": None},
            CONTEXT,
        )
        decode_stage.run(job)
        outs.append(job.out)
    for output in ("video.mp4", "measures.json", "pooled.safetensors"):
        assert (outs[0] / output).read_bytes() == (outs[1] / output).read_bytes()
    with av.open(str(outs[0] / "video.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (192, 192, 9)
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert (outs[0] / "video.mp4").read_bytes()[:200].find(
        b"moov"
    ) > 0  # before the pictures: plays while it loads
    assert set(read_json(outs[0] / "measures.json")) == {
        *("sharpness", "noise", "saturation", "clipped", "flicker", "luma")
    }
    vector = tensor_file.load(outs[0] / "pooled.safetensors")[0]["pooled"]
    assert np.array_equal(vector.numpy(), pooled(z.numpy()))


def test_the_encoder_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Noise like that of an untrained sample found the encoder's one unsteady tool within a few runs."""
    smooth = np.random.default_rng(0).normal(128, 25, (9, 12, 12, 3)).repeat(16, 1).repeat(16, 2)
    frames = (smooth + np.random.default_rng(1).normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8)
    found = set()
    for turn in range(8):
        churn = [np.random.default_rng(turn).random(1000 * i) for i in range(20)]  # other memory each time
        pictures = (decode_stage.picture(f) for f in frames)
        write_mp4(tmp_path / "v.mp4", pictures, Fraction(24), decode_stage.OPTIONS)
        found.add((tmp_path / "v.mp4").read_bytes())
        del churn
    assert len(found) == 1


def test_measures_see_what_they_are_named_for() -> None:
    flat = np.full((5, 32, 32, 3), 128, dtype=np.uint8)
    noise = np.random.default_rng(0)
    noisy = (flat + noise.normal(0, 10, flat.shape).repeat(1, axis=-1)).clip(0, 255).astype(np.uint8)
    assert measure(flat) == {
        "sharpness": 0,
        "noise": 0,
        "saturation": 0,
        "clipped": 0,
        "flicker": 0,
        "luma": 128,
    }
    gray = np.repeat(noise.normal(128, 10, (5, 64, 64, 1)), 3, axis=-1).clip(0, 255).astype(np.uint8)
    assert measure(gray)["noise"] == pytest.approx(10, rel=0.1)
    assert measure(noisy)["sharpness"] > 1
    blinking = flat.copy()
    blinking[::2] = 255
    assert measure(blinking)["flicker"] > 100 and measure(blinking)["clipped"] == pytest.approx(0.6)
    red = flat.copy()
    red[..., 1:] = 0
    assert measure(red)["saturation"] == 1


def run_text(root: Path, caption: str, length: int = LENGTH) -> FakeJob:
    job = FakeJob(
        root, {"caption": caption, "length": length, "precision": "fp32"}, {"encoder": None}, CONTEXT
    )
    text_stage.run(job)
    return job


def test_features_are_the_stock_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import LTX2Pipeline

    tokenizer, encoder, connectors = make_text()
    install(monkeypatch, tokenizer=tokenizer, text_encoder=encoder, connectors=connectors)
    job = run_text(tmp_path / "a", "mira waves")
    tensors, metadata = tensor_file.load(job.out / "features.safetensors")
    assert metadata == {"tokens": "11", "truncated": "false"}
    none = dict.fromkeys(("scheduler", "vae", "audio_vae", "vocoder"))
    pipeline = LTX2Pipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        connectors=connectors,
        transformer=make_transformer(),
        **none,
    )
    with torch.no_grad():
        states, mask, *_ = pipeline.encode_prompt(
            "mira waves", do_classifier_free_guidance=False, max_sequence_length=LENGTH, device="cpu"
        )
        video, audio, left = connectors(states, mask, padding_side="left")
    assert torch.allclose(tensors["video"], video[0], atol=1e-6) and tuple(video[0].shape) == (LENGTH, WIDTH)
    assert torch.allclose(tensors["audio"], audio[0], atol=1e-6) and tuple(audio[0].shape) == (LENGTH, AUDIO)
    # Registers have filled the padding, so the transformer needs no mask.
    assert bool((left == left.flatten()[0]).all())
    assert (job.out / "features.safetensors").read_bytes() == (
        run_text(tmp_path / "b", "mira waves").out / "features.safetensors"
    ).read_bytes()


def test_long_captions_are_cut_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, encoder, connectors = make_text()
    install(monkeypatch, tokenizer=tokenizer, text_encoder=encoder, connectors=connectors)
    job = run_text(tmp_path / "a", "mira waves " * 9)
    assert tensor_file.load(job.out / "features.safetensors")[1]["truncated"] == "true"
    assert "cut off" in job.notes[0]
    short, long = run_text(tmp_path / "b", "mira"), run_text(tmp_path / "c", "mira", length=24)
    shapes = [tensor_file.load(j.out / "features.safetensors")[0]["video"].shape[0] for j in (short, long)]
    assert shapes == [LENGTH, 24]
