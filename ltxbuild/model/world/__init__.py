"""A small world of moving shapes, drawn by formula: what the tiny base has seen, and the demo's clips. No torch here."""

from ltxbuild.model.world.demo import demo_clips as demo_clips
from ltxbuild.model.world.demo import demo_scenes as demo_scenes
from ltxbuild.model.world.demo import write_clip as write_clip
from ltxbuild.model.world.lesson import lesson as lesson
from ltxbuild.model.world.lesson import made_up_word as made_up_word
from ltxbuild.model.world.lesson import named_looks as named_looks
from ltxbuild.model.world.picture import Pixels as Pixels
from ltxbuild.model.world.picture import render as render
from ltxbuild.model.world.reading import Measured as Measured
from ltxbuild.model.world.reading import accuracy as accuracy
from ltxbuild.model.world.reading import measure as measure
from ltxbuild.model.world.scene import *  # noqa: F403
