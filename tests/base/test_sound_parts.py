"""The parts of a base that sound needs: asked for only then, and read from a single file by the names that LTX has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.pipelines import ltx2

from ltxbuild.commands.identity import BaseIdentity
from ltxbuild.model.family import OF_SOUND, families
from ltxbuild.model.hub import Repository
from ltxbuild.model.single_file import assemble, inspect
from ltxbuild.project.project import load
from tests.base import original
from tests.base.original import TINY
from tests.recipe.prints import folder


def file_name(part: str, name: str) -> str:
    """What LTX's files call a tensor of diffusers' audio VAE or vocoder; the other way round than the package reads it."""
    if part == "audio_vae":
        named = {"latents_mean": "mean-of-means", "latents_std": "std-of-means"}
        return f"audio_vae.{f'per_channel_statistics.{named[name]}' if name in named else name}"
    for ours, theirs in (("conv_in", "conv_pre"), ("conv_out", "conv_post"), ("upsamplers", "ups")):
        name = name.replace(f".{ours}.", f".{theirs}.")
    name = name.replace(".resnets.", ".resblocks.").replace(".act_out.", ".act_post.")
    return "vocoder." + name.replace("downsample.filter", "downsample.lowpass.filter")


@pytest.mark.parametrize("part", OF_SOUND)
def test_published_parts_of_sound_have_the_names_and_shapes_of_diffusers(part: str) -> None:
    (family,) = [one for one in families() if one.trained]
    layout = family.parts[part]
    kind: Any = getattr(diffusers, layout.kind, None) or getattr(ltx2, layout.kind)
    with torch.device("meta"):
        made, published = kind.from_config(dict(layout.options)), kind()
    wanted = {name: tensor.shape for name, tensor in made.state_dict().items()}
    assert wanted == {name: tensor.shape for name, tensor in published.state_dict().items()}
    assert layout.named({file_name(part, name): shape for name, shape in wanted.items()}) == wanted


def test_a_single_file_without_them_is_a_base_all_the_same(tmp_path: Path) -> None:
    tensors = {n: t for n, t in original.tensors().items() if not n.startswith(("audio_vae.", "vocoder."))}
    file = original.write(tmp_path / "ltx-2.3-tiny-dev.safetensors", tensors)
    inspect(file)
    made = assemble(file, TINY / "text_encoder", TINY / "tokenizer", tmp_path / "cache")
    assert not any((made / part).exists() for part in OF_SOUND) and (made / "vae").is_dir()


def test_a_single_file_with_them_points_at_both(tmp_path: Path) -> None:
    file = original.write(tmp_path / "ltx-2.3-tiny-dev.safetensors")
    made = assemble(file, TINY / "text_encoder", TINY / "tokenizer", tmp_path / "cache")
    kinds = [json.loads((made / part / "config.json").read_text())["_class_name"] for part in OF_SOUND]
    assert kinds == ["AutoencoderKLLTX2Audio", "LTX2VocoderWithBWE"]


@pytest.mark.parametrize(("audio", "asked"), [("none", False), ("given", True), ("generated", True)])
def test_they_are_fetched_and_hashed_only_where_there_is_sound(
    audio: str, asked: bool, tmp_path: Path
) -> None:
    identity = BaseIdentity(load(folder(tmp_path), [f"train.quality.audio={audio}"]))
    source = identity.source
    assert isinstance(source, Repository)
    assert [f"{part}/*" in source.patterns for part in OF_SOUND] == [asked] * 2
    assert ("sound" in identity.components) == asked
