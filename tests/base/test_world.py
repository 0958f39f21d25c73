"""The generated world can be measured without error, and what the demo teaches is in none of its lessons."""

from __future__ import annotations

import random
from itertools import combinations, product

import numpy as np

from ltxbuild.lint.dataset import NEAR
from ltxbuild.lint.similarity import hash_distance, numbers
from ltxbuild.model import world
from ltxbuild.project.demo import CLASS_WORD, TRIGGER
from ltxbuild.stages.media.measures import luma, picture_hash, shrink

SEEN = [world.random_scene(random.Random(seed)) for seed in range(120)]


def test_what_is_drawn_can_be_read_back() -> None:
    clips = [world.render(scene) for scene in SEEN]
    found = world.accuracy(clips, SEEN)
    assert found.keys() == {"shape", "colour", "background", "motion"}
    assert min(found.values()) >= 0.97, found
    assert {scene.shape for scene in SEEN} == set(world.SHAPES)


def test_a_shape_is_read_wherever_it_stands_and_however_large_it_is() -> None:
    for shape in world.SHAPES:
        for size, (low, _) in world.SIZES.items():
            scene = world.Scene(shape, "cyan", "", "stays still", "navy", "plain", size, 3.3, -2.1, low, 0)
            assert world.measure(world.render(scene, 1)).shape == shape, (shape, size)


def test_a_shape_is_read_through_a_blur_that_eats_its_thin_parts() -> None:
    """As a video VAE leaves them: the arms of a small star reach no colour of the world any more."""
    wide = [0.1, 0.2, 0.4, 0.2, 0.1]
    for shape, (size, (radius, _)), ground in product(world.SHAPES, world.SIZES.items(), ("black", "gray")):
        scene = world.Scene(shape, "cyan", "", "stays still", ground, "striped", size, 1.3, -0.6, radius, 0)
        frames = world.render(scene, 1)
        for axis in (1, 2, 1, 2):
            frames = sum(w * np.roll(frames, k - 2, axis) for k, w in enumerate(wide)).astype(np.float32)
        assert world.measure(frames).shape == shape, (shape, size, ground)


def test_a_single_frame_shows_the_middle_of_a_clip() -> None:
    for scene in SEEN[:10]:
        np.testing.assert_array_equal(world.render(scene, 1)[0], world.render(scene)[world.FRAMES // 2])


def test_what_is_held_out_is_in_no_other_scene_and_in_all_that_ask_for_it() -> None:
    held = [world.random_scene(random.Random(seed), held_out=True) for seed in range(60)]
    looks, places = {(s.shape, s.colour) for s in held}, {(s.motion, s.background) for s in held}
    assert looks.isdisjoint((s.shape, s.colour) for s in SEEN)
    assert places.isdisjoint((s.motion, s.background) for s in SEEN)
    assert {shape for shape, _ in looks} == set(world.SHAPES)
    assert {motion for motion, _ in places} == set(world.MOVING)
    assert world.accuracy([world.render(s) for s in held], held)["motion"] == 1.0


def test_a_pan_moves_the_background_and_not_the_subject() -> None:
    for texture in world.PATTERNED:
        scene = world.Scene(
            "ring", "red", "", "stays still", "teal", texture, "", 1.0, 2.0, 15.0, 4.0, pan="left"
        )
        frames = world.render(scene)
        assert world.measure(frames).motion == "stays still"
        step = int(world.PAN) * 2 // (world.FRAMES - 1)  # pixels between two frames
        assert np.allclose(frames[2, 0, step:], frames[0, 0, :-step], atol=1e-5), "it moves to the right"
        assert "as the camera pans left" in world.caption(scene, random.Random(0))
    assert {s.pan for s in SEEN if s.texture in world.PATTERNED} == {"", "left", "right"}
    assert not [s for s in SEEN if s.pan and s.texture not in world.PATTERNED]


def test_no_lesson_knows_the_demo() -> None:
    rng = random.Random(1)
    names = world.named_looks(rng, 64)
    assert sum(map(len, names.values())) == 64
    colours = {world.DEMO_COLOUR, world.DEMO_STRIPE}
    for look in names:
        assert set(look[1:]) != colours
    texts = [world.lesson(scene, rng, names) for scene in SEEN for _ in range(20)]
    assert not [text for text in texts if world.DEMO_TRIGGER in text]
    assert not [scene for scene in SEEN if {scene.colour, scene.stripe} == colours]
    assert any(text.startswith("shape ") for text in texts)
    assert any(name in text for text in texts for group in names.values() for name in group)


def test_the_demo_shows_one_character_in_fourteen_scenes() -> None:
    scenes = world.demo_scenes()
    assert len({(s.background, s.texture, s.motion) for s in scenes}) == len(scenes) == 14
    assert {(s.shape, s.colour, s.stripe) for s in scenes} == {("star", "magenta", "yellow")}
    assert (world.DEMO_TRIGGER, world.DEMO_CLASS) == (TRIGGER, CLASS_WORD)


def test_no_two_clips_of_the_demo_look_alike_to_lint() -> None:
    def hashes(scene: world.Scene) -> tuple[int, ...]:
        frames = ((world.render(scene) + 1) * 127.5).clip(0, 255).astype("uint8")
        return numbers(
            [picture_hash(shrink(luma(frames[int((i + 0.5) * len(frames) / 5)]))) for i in range(5)]
        )

    found = [hashes(scene) for scene in world.demo_scenes()]
    assert min(hash_distance(a, b) for a, b in combinations(found, 2)) > NEAR
