"""A control LoRA through the real command: pairs in, a LoRA that says how large its references are out."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from tests.e2e.project import ONE_PROMPT, Run, edit, run


@pytest.fixture
def pairs(built: tuple[Path, Run], tmp_path: Path) -> Path:
    """Of the built demo five clips, each beside another one of them as its reference."""
    folder = tmp_path / "mira"
    shutil.copytree(built[0], folder, ignore=shutil.ignore_patterns(".ltxbuild", "build", "ltxbuild.lock"))
    edit(folder / "lora.toml", 'type = "character"', 'type = "control"')
    clips = sorted((folder / "clips").iterdir())
    for clip in clips[5:]:
        clip.unlink()
    lines = [
        line
        for line in (folder / "captions.toml").read_text().splitlines()
        if any(line.startswith(c.stem) for c in clips[:5])
    ]
    (folder / "captions.toml").write_text("\n".join(lines) + "\n")
    (folder / "references").mkdir()
    kept = clips[:5]
    for clip, other in zip(kept, [*kept[1:], kept[0]], strict=True):
        shutil.copyfile(other, folder / "references" / clip.name)
    edit(folder / "lora.toml", "[train.fast]\n", "[train.fast]\nreference_scale = 2\nrank = 4\nprior = 0.2\n")
    return folder


def metadata(lora: Path) -> dict[str, str]:
    data = lora.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    found: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return found


def test_pairs_become_a_lora_and_a_changed_reference_trains_anew(pairs: Path) -> None:
    settings = ("-s", 'lint.ignore=["ALL"]', "-s", "evaluate.weights=[0.85]", "-s", ONE_PROMPT)
    first = run(pairs, "--json", *settings)
    assert first.code == 0, first.err
    (build,) = (pairs / "build").iterdir()
    assert metadata(build / "mira.safetensors")["reference_downscale_factor"] == "2"
    report = json.loads((build / "report.json").read_text())
    tests = {test["id"]: test for test in report["tests"]}
    assert tests["trigger"]["title"] == "Reference response" and tests["novel"]["verdict"] == "INCONCLUSIVE"
    assert all(sample["reference"].startswith("mira_") for sample in report["samples"])
    shown = {sample["id"]: sample["reference"] for sample in report["samples"]}
    assert shown["p0.base.trigger.0"] != shown["p0.base.plain.0"]
    assert run(pairs, "--json", *settings).ran() == []

    one, other = (pairs / "references" / f"mira_0{n}.mp4" for n in (1, 2))
    shutil.copyfile(other, one)
    ran = run(pairs, "train", "--json", *settings).ran()
    assert "train:fast:0004" in ran
    assert "reference:fast:mira_01" not in ran, (
        "that file's latents are there already, as another clip's reference"
    )
    assert not any(name.startswith(("latents:", "text:", "transcode:")) for name in ran), (
        "the clips are what they were"
    )


def test_what_has_no_partner_is_found_and_not_trained(pairs: Path) -> None:
    (pairs / "references" / "mira_03.mp4").rename(pairs / "references" / "mira_99.mp4")
    found = run(pairs, "lint", "-s", 'lint.select=["CLP015"]')
    assert found.code == 1
    assert "clips/mira_03.mp4 has no reference" in found.out + found.err
    assert "references/mira_99.mp4 belongs to no clip" in found.out + found.err
    graph = run(pairs, "graph").out
    assert "reference:fast:mira_01" in graph and "reference:fast:mira_03" not in graph
