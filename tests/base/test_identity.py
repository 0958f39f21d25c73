"""Which base it is depends on what is in its tensors, and is computed once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ltxbuild.model.identity import COMPONENTS, SCHEME, component_digest, known_digest
from ltxbuild.problem import ProjectError
from ltxbuild.project.card import BASES

TINY = BASES / "tiny"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packaged base at another place, free to be changed."""
    return Path(shutil.copytree(TINY, tmp_path / "copy"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def all_digests(folder: Path, cache: Path) -> dict[str, str]:
    return {component: component_digest(folder, component, cache) for component in COMPONENTS}


def weights(folder: Path, part: str) -> Path:
    return next((folder / part).glob("*.safetensors"))


def test_a_base_at_another_place_is_the_same_base(copy: Path, cache: Path) -> None:
    assert all_digests(copy, cache) == all_digests(TINY, cache)
    assert len(set(all_digests(copy, cache).values())) == len(COMPONENTS)


def test_shards_and_the_order_of_the_header_do_not_matter(copy: Path, cache: Path) -> None:
    before = component_digest(TINY, "transformer", cache)
    whole = weights(copy, "transformer")
    tensors = sorted(load_file(whole).items(), reverse=True)
    whole.unlink()
    for number, share in enumerate((tensors[::2], tensors[1::2]), 1):
        name = f"diffusion_pytorch_model-{number:05d}-of-00002.safetensors"
        save_file(dict(share), whole.with_name(name), {"format": "pt", "note": "another"})
    whole.with_name("diffusion_pytorch_model.safetensors.index.json").write_text("{}")
    assert component_digest(copy, "transformer", cache) == before


def test_who_saved_the_configuration_does_not_matter_but_what_it_says_does(copy: Path, cache: Path) -> None:
    before = component_digest(TINY, "vae", cache)
    path = copy / "vae" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "_diffusers_version": "9.9", "_name_or_path": "/elsewhere"}))
    assert component_digest(copy, "vae", cache) == before
    path.write_text(json.dumps({**config, "scaling_factor": 2.0}))
    assert component_digest(copy, "vae", cache) != before


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder", "connectors"])
def test_one_changed_weight_changes_its_component_alone(part: str, copy: Path, cache: Path) -> None:
    file = weights(copy, part)
    tensors = load_file(file)
    name = sorted(tensors)[0]
    flat = tensors[name].reshape(-1)
    flat[0] = torch.nextafter(flat[0].float(), torch.tensor(9e9)).to(flat.dtype) + 1
    save_file(tensors, file)
    before, after = all_digests(TINY, cache), all_digests(copy, cache)
    changed = {component for component in COMPONENTS if before[component] != after[component]}
    assert changed == {component for component, parts in COMPONENTS.items() if part in parts}


def test_weights_are_read_once_and_again_only_when_a_file_changed(copy: Path, cache: Path) -> None:
    assert known_digest(copy, "vae", cache) is None
    told: list[tuple[int, int]] = []
    value = component_digest(copy, "vae", cache, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] and all(done <= total for done, total in told)
    assert known_digest(copy, "vae", cache) == value
    silent: list[int] = []
    assert component_digest(copy, "vae", cache, lambda done, total: silent.append(done)) == value
    assert silent == []
    os.utime(weights(copy, "vae"), ns=(1, 1))
    assert known_digest(copy, "vae", cache) is None


def test_a_base_without_weights_or_cut_short_is_refused_with_what_to_do(copy: Path, cache: Path) -> None:
    file = weights(copy, "vae")
    os.truncate(file, file.stat().st_size - 100)
    with pytest.raises(ProjectError, match="is cut short"):
        component_digest(copy, "vae", cache)
    file.unlink()
    with pytest.raises(ProjectError, match="has no weights in vae/") as caught:
        component_digest(copy, "vae", cache)
    assert "fetch it again" in caught.value.problems[0].hint


def test_another_digest_of_the_same_files_is_another_scheme(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "base" / "vae"
    folder.mkdir(parents=True)
    save_file({"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(1)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"_class_name": "X", "_diffusers_version": "1"}')
    found = component_digest(folder.parent, "vae", cache)
    assert (SCHEME, found) == (2, "1ab3a0c947b3cf28400eb17af226b259"), (
        "users' caches hold digests: raise SCHEME with them"
    )
