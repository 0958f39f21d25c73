"""Every model that sees or hears loads through its real class with random weights; what it finds is bounded and repeats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.job import StageError
from ltxbuild.model.asked_families import DETECTORS, LISTENERS, PURPOSES
from ltxbuild.model.asked_files import find_files, kept_files
from ltxbuild.model.detector import MOST, SAME, Box, area, distinct, open_detector, shared
from ltxbuild.model.listener import MOST as MOST_LABELS
from ltxbuild.model.listener import open_listener
from ltxbuild.problem import ProjectError
from tests.detect.models import KINDS, save, save_listener

PICTURE = (np.random.default_rng(3).random((72, 128, 3)) * 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_family_finds_boxes_inside_the_picture_and_repeats_itself(kind: str, tmp_path: Path) -> None:
    detector = open_detector(find_files(str(save(kind, tmp_path)), PURPOSES["detector"]), "cpu")
    assert detector.model.config.model_type == kind
    open_to_all = replace(detector, eyes=replace(detector.eyes, least=0.0))
    found = open_to_all.find(PICTURE, "woman")
    assert 0 < len(found) <= MOST
    assert all(0 <= v <= 1 for box in found for v in box)
    assert [box[4] for box in found] == sorted((box[4] for box in found), reverse=True)
    assert open_to_all.find(PICTURE, "woman") == found
    assert replace(detector, eyes=replace(detector.eyes, least=1.01)).find(PICTURE, "woman") == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_word_is_asked_for(kind: str, tmp_path: Path) -> None:
    detector = open_detector(save(kind, tmp_path), "cpu")
    asked: list[Any] = []
    inner = detector.processor

    class Spy:
        def __call__(self, **given: Any) -> Any:
            asked.append(given["text"])
            return inner(**given)

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    replace(detector, processor=Spy()).find(PICTURE, "red dog")
    assert asked == [[DETECTORS[kind].question.format(word="red dog")]]
    assert "red dog" in asked[0][0]


def test_what_is_no_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "owlvit"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(ProjectError, match="no weights in safetensors"):
        find_files(str(tmp_path), PURPOSES["detector"])
    (tmp_path / "config.json").write_text('{"model_type": "florence2"}')
    with pytest.raises(ProjectError, match="of the kind florence2"):
        find_files(str(tmp_path), PURPOSES["detector"])
    assert kept_files(str(tmp_path / "none")) is None
    assert kept_files("no-id") is None


def test_weights_that_do_not_fit_are_refused_rather_than_drawn(tmp_path: Path) -> None:
    folder = save("owlvit", tmp_path)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"num_hidden_layers": 1', '"num_hidden_layers": 2'))
    with pytest.raises(StageError, match="weights of the detector are missing"):
        open_detector(folder, "cpu")


def test_a_listener_names_what_it_hears_and_repeats_itself(tmp_path: Path) -> None:
    listener = open_listener(find_files(str(save_listener(tmp_path)), PURPOSES["listener"]), "cpu")
    assert listener.model.config.model_type in LISTENERS
    tone = np.sin(np.arange(listener.rate, dtype=np.float32) / 20)
    heard = listener.labels(tone)
    assert len(heard) == MOST_LABELS
    assert {label for label, _ in heard} <= set(listener.model.config.id2label.values())
    assert all(0 <= share <= 1 for _, share in heard)
    assert [share for _, share in heard] == sorted((share for _, share in heard), reverse=True)
    assert listener.labels(tone) == heard != listener.labels(tone * 0)
    with pytest.raises(ProjectError, match="of the kind audio-spectrogram-transformer"):
        find_files(str(tmp_path), PURPOSES["detector"])


SHARES = st.floats(0, 1, width=32)
BOXES = st.lists(st.tuples(SHARES, SHARES, SHARES, SHARES, SHARES), max_size=12)


@given(BOXES, st.integers(1, 5))
def test_each_thing_is_found_once(boxes: list[Box], most: int) -> None:
    kept = distinct(boxes, most)
    assert len(kept) <= most
    assert set(kept) <= set(boxes)
    for i, one in enumerate(kept):
        assert area(one) > 0
        for other in kept[:i]:
            assert other[4] >= one[4]
            assert shared(one, other) <= SAME * min(area(one), area(other))
    # The surest box of any size is never lost.
    real = [box for box in boxes if area(box) > 0]
    assert not real or kept[0][4] == max(box[4] for box in real)


def test_a_part_of_something_is_not_a_second_one() -> None:
    woman, face, other = (0.1, 0.1, 0.5, 0.9, 0.9), (0.2, 0.1, 0.4, 0.3, 0.8), (0.6, 0.1, 0.9, 0.9, 0.5)
    assert distinct([face, other, woman], 8) == [woman, other]
