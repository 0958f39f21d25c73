"""Sound through the real command: clips that are heard in, a LoRA of both halves and samples with sound out."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ltxbuild.stages.media.decode import frames, open_media
from ltxbuild.stages.media.encode import write_mp4
from tests.e2e.project import ONE_PROMPT, Run, edit, run

FEW = (
    *("-s", 'lint.ignore=["ALL"]', "-s", "train.fast.steps=8"),
    *("-s", "evaluate.weights=[0.85]", "-s", ONE_PROMPT),
)


def let_be_heard(clip: Path, frequency: float) -> None:
    """Put a tone beside a clip's pictures."""
    with open_media(clip) as media:
        pictures = [timed.image for timed in frames(media)]
    at = np.arange(len(pictures) * 2000) / 48000
    tone = (np.sin(2 * np.pi * frequency * at) * 9000).astype(np.int16)[:, None]
    write_mp4(clip, pictures, Fraction(24), {"crf": "10"}, lambda: tone)


@pytest.fixture
def heard(built: tuple[Path, Run], tmp_path: Path) -> Path:
    """Of the built demo five clips, four of which have sound now."""
    folder = tmp_path / "mira"
    shutil.copytree(built[0], folder, ignore=shutil.ignore_patterns(".ltxbuild", "build", "ltxbuild.lock"))
    clips = sorted((folder / "clips").iterdir())
    for clip in clips[5:]:
        clip.unlink()
    captions = (folder / "captions.toml").read_text().splitlines()
    kept = [line for line in captions if line.startswith(tuple(clip.stem for clip in clips[:5]))]
    (folder / "captions.toml").write_text("\n".join(kept) + "\n")
    for number, clip in enumerate(clips[:4]):
        let_be_heard(clip, 220 + 110 * number)
    edit(folder / "lora.toml", "[train.fast]\n", '[train.fast]\naudio = "generated"\nprior = 0.2\n')
    return folder


def streams(video: Path) -> set[str]:
    with av.open(str(video)) as container:
        return {stream.type for stream in container.streams}


def test_clips_with_sound_become_a_lora_that_is_heard(heard: Path) -> None:
    first = run(heard, "--json", *FEW)
    assert first.code == 0, first.err
    (build,) = (heard / "build").iterdir()
    samples = sorted((build / "samples").glob("*.mp4"))
    assert samples and all(streams(sample) == {"video", "audio"} for sample in samples)
    report = json.loads((build / "report.json").read_text())
    assert -1 < report["curve"]["sound"] < 0, (
        "eight steps lower the loss of a half that has learnt nothing yet"
    )
    assert "sound alone" in (build / "report.html").read_text()
    assert run(heard, "--json", *FEW).ran() == []


@pytest.mark.slow
def test_sound_that_is_given_after_it_was_generated_trains_anew_on_the_same_latents(heard: Path) -> None:
    first = run(heard, "--json", *FEW)
    assert first.code == 0, first.err
    (build,) = (heard / "build").iterdir()
    given = run(heard, "--json", *FEW, "-s", 'train.fast.audio="given"')
    assert given.code == 0, given.err
    again = given.ran()
    assert not [name for name in again if name.startswith(("transcode", "latents", "text", "sound"))]
    assert "train:fast:0004" in again and any(name.startswith("heard:") for name in again)
    lora = next(path for path in (heard / "build").glob("*/mira.safetensors") if path.parent != build)
    told = run(heard, "inspect", str(lora), "--json")
    layers = json.loads(told.out)["audio"]
    assert layers and all(".audio_to_video_attn." in layer for layer in layers)
