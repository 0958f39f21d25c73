"""Sound: its spectrogram and latents, samples of it, trainings with it, and the LoRA of both halves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from ltxbuild.job import Interrupted, read_json, write_json
from ltxbuild.model import sound, tensor_file
from ltxbuild.model.device import Place
from ltxbuild.model.lora import Spec, attached
from ltxbuild.stages import export, loss, train
from ltxbuild.stages.membership import key_of
from tests.fake_job import FakeJob, as_file
from tests.model.parts import AUDIO, LENGTH, FakeBase, install, make_audio_vae, make_transformer, member_files
from tests.model.test_train import OUTPUTS, PARAMS, same

RATE, SIZE, COUNT = 16000, (3, 2, 2), 9


def tone(seconds: float, frequency: float = 440.0) -> np.ndarray[Any, Any]:
    at = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * frequency * at) * 8000).astype(np.int16)[:, None]


def test_the_spectrogram_is_what_its_definition_says() -> None:
    """Against transformers' own spectrogram, written for other models."""
    config, samples = make_audio_vae().config, tone(0.5)
    filters = mel_filter_bank(513, config.mel_bins, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney")
    options: dict[str, Any] = {"power": 1.0, "mel_filters": filters, "log_mel": "log", "mel_floor": 1e-5}
    window = window_function(1024, "hann", periodic=True)
    wanted = spectrogram(samples[:, 0] / 32768, window, 1024, 160, **options)
    found = sound.mel(config, samples)
    assert found.shape == (1, 2, len(samples) // 160 + 1, config.mel_bins)
    assert torch.equal(found[0, 0], found[0, 1]), "one channel stands for both"
    assert np.allclose(found[0, 0].exp().numpy().T, np.exp(wanted), atol=1e-7, rtol=1e-5)


def test_latents_are_normalised_after_packing_and_come_back() -> None:
    vae = make_audio_vae()
    latents = sound.encode(vae, tone(0.375), COUNT)
    raw = vae.encode(sound.mel(vae.config, tone(0.375))).latent_dist.mode()
    assert latents.shape == (COUNT, 8) and raw.shape[1:] == (2, 10, 4)
    first = (raw[0, :, 0].flatten() - vae.latents_mean) / vae.latents_std
    assert torch.allclose(latents[0], first, atol=1e-6)

    def vocoder(spectrum: torch.Tensor) -> torch.Tensor:
        assert torch.allclose(spectrum, vae.decode(raw[:, :, :COUNT]).sample, atol=1e-4)
        return torch.full((1, 2, 100), 2.0)

    vocoder.config = vae.register_to_config  # type: ignore[attr-defined]
    vocoder.config = type("Config", (), {"output_sampling_rate": 48000})  # type: ignore[attr-defined]
    samples, rate = sound.decode(vae, vocoder, latents)
    assert samples.shape == (100, 2) and rate == 48000 and (samples == 32767).all(), "louder than full scale"


@pytest.mark.parametrize(("seconds", "count"), [(49 / 24, 51), (121 / 24, 126), (9 / 24, 9), (1 / 24, 1)])
def test_there_are_25_latents_a_second(seconds: float, count: int) -> None:
    assert sound.latent_count(make_transformer().config, seconds) == count


def hearing(folder: Path, seed: int, loud: bool = True) -> dict[str, Any]:
    """A member whose texts say something of sound, and one window of it."""
    files = member_files(folder, seed, size=SIZE)
    dice = torch.Generator().manual_seed(seed + 100)
    for name in ("text", "plain"):
        kept, _ = tensor_file.load(folder / name)
        tensor_file.save(folder / name, {**kept, "audio": torch.randn(LENGTH, AUDIO, generator=dice)})
        files[name] = as_file(folder / name)
    windows = {"window_000": torch.randn(COUNT, 8, generator=dice)} if loud else {}
    tensor_file.save(folder / "sound", windows, {"fps": "24.0"})
    return {**files, "sound": as_file(folder / "sound")}


def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: int = 0) -> dict[str, Any]:
    """Three clips, of which some have no sound, and the base with both halves."""
    bag = [hearing(tmp_path / f"m{i}", i, loud=i >= silent) for i in range(3)]
    rows = [{"key": key_of(f), "train": [0], "repeats": 1, "measure": [0]} for f in bag]
    write_json(tmp_path / "dataset.json", {"clips": sorted(rows, key=lambda c: str(c["key"]))})  # type: ignore[dict-item]
    place = Place(Path("/base"), "cpu", "fp32", audio=True)
    context = install(monkeypatch)
    monkeypatch.setattr("ltxbuild.model.residence._open", {place: FakeBase(transformer=make_transformer())})
    inputs = {"dataset": as_file(tmp_path / "dataset.json"), "clips": bag, "previous": None}
    return {"inputs": inputs, "context": context}


def segment(root: Path, given: dict[str, Any], audio: str, stop: int | None = None, **params: Any) -> Path:
    wanted = {**PARAMS, "audio": audio, "targets": f"attention+ff+{audio}", **params}
    job = FakeJob(root, wanted, given["inputs"], given["context"], stop_after=stop)
    train.run(job)
    return job.out


def held_out(root: Path, given: dict[str, Any], adapter: Path | None, audio: str) -> list[dict[str, Any]]:
    inputs = {"dataset": given["inputs"]["dataset"], "items": given["inputs"]["clips"]}
    inputs["adapter"] = None if adapter is None else as_file(adapter / "adapter.safetensors")
    params = {"weights": [1.0 if adapter else 0.0], "quantiles": [0.5], "noises": 2, "audio": audio}
    job = FakeJob(root, {**params, "precision": "fp32"}, inputs, given["context"])
    loss.run(job)
    return list(job.json("loss.json")["items"])


@pytest.mark.parametrize("audio", ["generated", "given"])
def test_training_with_sound_is_cut_anywhere_and_ends_with_the_same_bytes(
    audio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = material(tmp_path, monkeypatch)
    whole = segment(tmp_path / "whole", given, audio)
    with pytest.raises(Interrupted):
        segment(tmp_path / "cut", given, audio, stop=5)
    assert same(whole, segment(tmp_path / "cut", given, audio), OUTPUTS)


def test_sound_that_is_generated_is_learnt_and_measured_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = material(tmp_path, monkeypatch)
    made = segment(tmp_path / "long", given, "generated", last=60, prior=0.0)
    before, after = (held_out(tmp_path / f"l{bool(a)}", given, a, "generated") for a in (None, made))
    for name in ("loss", "sound"):
        first, last = (sum(next(iter(i[name].values())) for i in items) for items in (before, after))
        assert last < 0.9 * first, name


def test_sound_that_is_given_changes_the_picture_and_has_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, other = material(tmp_path / "a", monkeypatch), material(tmp_path / "b", monkeypatch, silent=3)
    found = held_out(tmp_path / "l1", given, None, "given")
    assert all("sound" not in item for item in found)
    assert [i["loss"] for i in found] != [i["loss"] for i in held_out(tmp_path / "l2", other, None, "given")]
    names = tensor_file.load(segment(tmp_path / "t", given, "given") / "adapter.safetensors")[0]
    parts = {name.split(".")[2] for name in names}
    assert parts == {"attn1", "attn2", "ff", "audio_to_video_attn"}


def test_clips_without_sound_train_beside_those_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = material(tmp_path, monkeypatch, silent=2)
    log = read_json(segment(tmp_path / "t", given, "generated", last=20) / "log.json")
    assert log["skipped"] == 0 and len(log["per_clip"]) == 3
    items = held_out(tmp_path / "l", given, None, "generated")
    assert sorted("sound" in item for item in items) == [False] * 4 + [True] * 2


@pytest.mark.parametrize("audio", ["generated", "given"])
def test_an_export_is_loaded_back_with_its_layers_of_sound(
    audio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = material(tmp_path, monkeypatch)
    made = segment(tmp_path / "t", given, audio)
    params = {"name": "mira", "dtype": "fp32", "precision": "fp32", "audio": audio, "metadata": {}}
    inputs = {"adapter": as_file(made / "adapter.safetensors"), "transformer": None}
    job = FakeJob(tmp_path / "export", params, inputs, given["context"])
    export.run(job)
    with attached(make_transformer(), Spec(4, 11.3137085, f"attention+ff+{audio}")) as adapter:
        assert job.json("export.json")["tensors"] == len(adapter.parameters())
    assert job.json("export.json")["max_difference"] < 1e-5
