"""A base that is one file in LTX's own layout is the same model as the folder that diffusers has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ltxbuild.job import StageError
from ltxbuild.model.base import open_base
from ltxbuild.model.flow import Size, velocity
from ltxbuild.model.identity import component_digest
from ltxbuild.model.single_file import assemble, inspect
from ltxbuild.model.stored import MAX_HEADER, Stored, stored_tensors
from ltxbuild.model.weights import AUDIO_HALF
from ltxbuild.problem import ProjectError
from tests.base import original
from tests.base.original import TINY


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return original.write(tmp_path_factory.mktemp("base") / "ltx-2.3-tiny-dev.safetensors")


@pytest.fixture
def folder(file: Path, tmp_path: Path) -> Path:
    return assemble(file, TINY / "text_encoder", TINY / "tokenizer", tmp_path / "cache")


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    return original.parts()


def of_audio(name: str) -> bool:
    return any(f".{part}." in name for part in AUDIO_HALF)


@pytest.mark.parametrize("part", ["transformer", "connectors", "vae"])
def test_every_tensor_and_option_is_the_same(folder: Path, theirs: dict[str, Any], part: str) -> None:
    ours = getattr(open_base(folder, "cpu", "fp32"), part)()
    state, wanted = ours.state_dict(), theirs[part].state_dict()
    assert state.keys() == {name for name in wanted if part != "transformer" or not of_audio(name)}
    assert all(torch.equal(state[name], wanted[name].float()) for name in state)
    ignored = {"_class_name", "_name_or_path", "_diffusers_version", "_use_default_values"}
    # What no file of LTX states, because its own code has it as a constant; the tiny base differs from that.
    ignored |= {"connectors": {"rope_theta"}, "transformer": {"caption_channels"}}.get(part, set())
    own, other = dict(ours.config), dict(theirs[part].config)
    for name in own.keys() - ignored:
        assert json.dumps(own[name]) == json.dumps(other[name]), name


def test_without_its_audio_half_the_transformer_answers_the_same(
    folder: Path, theirs: dict[str, Any]
) -> None:
    ours = open_base(folder, "cpu", "fp32").transformer()
    size, dice = Size(2, 3, 3), torch.Generator().manual_seed(1)
    tokens = torch.randn((1, size.tokens, 64), generator=dice)
    text = torch.randn((1, 32, 192), generator=dice)
    arguments = (tokens, torch.tensor([0.6]), text, size, 12.0)
    assert torch.equal(velocity(ours, *arguments), velocity(theirs["transformer"].float(), *arguments))
    with torch.enable_grad():
        text.requires_grad_(True)
        velocity(ours, *arguments).square().mean().backward()
        assert float(text.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_the_digest_is_of_the_content_and_not_of_the_place(file: Path, tmp_path: Path) -> None:
    texts = (TINY / "text_encoder", TINY / "tokenizer")
    one = assemble(file, *texts, tmp_path / "cache")
    moved = tmp_path / "elsewhere.safetensors"
    tensors = dict(reversed(load_file(file).items()))
    save_file(tensors, moved, {"config": json.dumps(original.configuration())})
    two = assemble(moved, *texts, tmp_path / "cache")
    assert one != two
    for component in ("transformer", "vae", "text_encoder"):
        first = component_digest(one, component, tmp_path / "cache")
        assert first == component_digest(two, component, tmp_path / "cache")
    changed = original.tensors()
    changed["model.diffusion_model.patchify_proj.bias"] += 1
    other = assemble(original.write(moved, changed), *texts, tmp_path / "cache")
    digests = [component_digest(other, c, tmp_path / "cache") for c in ("transformer", "vae")]
    assert digests[0] != component_digest(one, "transformer", tmp_path / "cache")
    assert digests[1] == component_digest(one, "vae", tmp_path / "cache")


def without(part: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in original.tensors().items() if part not in name}


REFUSED: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "an older model": (
        {
            **without("prompt_adaln"),
            "model.diffusion_model.caption_projection.linear_1.weight": torch.zeros(1),
        },
        "is LTX-2.0",
    ),
    "a newer model": (without("ff.net.0.proj.bias"), "is LTX-2.5"),
    "another model": ({"blocks.0.weight": torch.zeros(1)}, "no model of a family"),
    "a transformer alone": (without("vae."), "lacks the vae"),
    "quantized": (
        {n: t.to(torch.float8_e4m3fn) if "ff.net" in n else t for n, t in original.tensors().items()},
        "is quantized (F8_E4M3)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_on_is_refused_in_plain_words(tmp_path: Path, case: str) -> None:
    tensors, words = REFUSED[case]
    with pytest.raises(ProjectError) as caught:
        inspect(original.write(tmp_path / "model.safetensors", tensors))
    problem = caught.value.problems[0]
    assert problem.code == "B204"
    assert words in problem.message
    assert caught.value.exit_code == 2


def test_the_distilled_file_is_refused(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "ltx-2.3-22b-distilled-1.1.safetensors"
    link.symlink_to(file)
    with pytest.raises(ProjectError, match="distilled model"):
        inspect(link)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08",
        (2**62).to_bytes(8, "little") + b"{}",
        (MAX_HEADER + 1).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (60).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9999]}}   ',
        (60).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-8,4]}}     '
        + b"0" * 8,
    ],
)
def test_damaged_headers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match="cut short, or no safetensors file"):
        inspect(path)


def test_weights_that_do_not_fit_their_configuration_are_named(file: Path, tmp_path: Path) -> None:
    texts = (TINY / "text_encoder", TINY / "tokenizer")
    config = original.configuration()
    config["transformer"]["num_layers"] = 6
    broken = original.write(tmp_path / "a.safetensors", None, config)
    base = open_base(assemble(broken, *texts, tmp_path / "cache"), "cpu", "fp32")
    with pytest.raises(StageError, match=r"are missing \(transformer_blocks\.5\."):
        base.transformer()
    config = original.configuration()
    config["vae"]["encoder_blocks"][1] = ["compress_all_x_y", {}]
    with pytest.raises(ProjectError, match=r"blocks of a kind that LTX-2\.3 has not: compress_all_x_y"):
        assemble(original.write(tmp_path / "b.safetensors", None, config), *texts, tmp_path / "cache")


PEAK = """
import resource, sys, torch
from pathlib import Path
from ltxbuild.model.weights import build
from ltxbuild.model.stored import stored_tensors
from tests.base.test_single_file import Wide
import accelerate, safetensors
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = build(Wide, {}, stored_tensors(Path(sys.argv[1])), torch.float32, "cpu")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(p.numel() * 4 for p in model.parameters()) / 2**20, (after - before) / 2**10)
"""


class Wide(torch.nn.Module):
    """Twenty layers of 16 MiB."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(2048, 2048, bias=False) for _ in range(20)])

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Wide:
        """As diffusers' classes are made."""
        return cls()


def test_never_two_copies_in_memory(tmp_path: Path) -> None:
    """Weights of 320 MiB, read as half of that: what is held at most is little more than the model."""
    tensors = {
        f"layers.{i}.weight": torch.full((2048, 2048), float(i), dtype=torch.bfloat16) for i in range(20)
    }
    save_file(tensors, tmp_path / "w.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    held, grown = map(float, done.stdout.split())
    assert held == 320
    # The file's own pages, which the system may take back at any time, count as well: half of the model.
    assert grown < 1.6 * held


def test_a_part_that_changed_since_is_read_as_it_is(file: Path, folder: Path) -> None:
    tensors = stored_tensors(folder / "vae")
    assert all(isinstance(t, Stored) and t.file == file.resolve() for t in tensors.values())
    assert os.path.getsize(file) >= max(t.start + t.length for t in tensors.values())
