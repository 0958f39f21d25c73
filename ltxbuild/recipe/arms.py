"""Which samples the evaluation makes: every prompt with and without trigger and LoRA, weights, training captions. Adds no
node.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ltxbuild.project.project import Clip
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import GIVEN, audio_of

MAIN_WEIGHT = 0.85
IN_DISTRIBUTION = 8


@dataclass(frozen=True)
class Arm:
    """One picture to make: `id` is what the evaluation and the report call it; `reference` and `sound` the clips whose it
    is shown and hears.
    """

    id: str
    text: str
    prompt: str
    seed: int
    weight: float
    reference: str | None = None
    sound: str | None = None

    @property
    def lora(self) -> bool:
        """Whether the adapter takes part at all; the base's arms are shared by all trainings."""
        return self.weight > 0


def arms(scope: Scope, mode: str) -> Iterator[Arm]:
    """The arms of the four tests: novel prompts with and without trigger and LoRA, weights, training captions."""
    given = audio_of(scope, mode) == GIVEN
    keys = [clip.key for clip in _by_caption(scope)] if given else []
    seeds = scope.project.settings.get("evaluate.seeds")
    for index, prompt in enumerate(prompts(scope)):
        # In turn, each shifted on every round: several prompts that share one noise would count as one.
        seed = seeds[index % len(seeds)] + index // len(seeds) * len(seeds)
        sound = keys[index % len(keys)] if keys else None
        for text in ("trigger", "plain"):
            words, features, reference = _shown(scope, prompt, index, text)
            shown = (reference, sound)
            yield Arm(f"p{index}.base.{text}.0", features, words, seed, 0.0, *shown)
            yield Arm(f"p{index}.lora.{text}.{MAIN_WEIGHT}", features, words, seed, MAIN_WEIGHT, *shown)
        words, features, reference = _shown(scope, prompt, index, "trigger")
        for weight in other_weights(scope):
            # The judge writes a weight of 1.0 as 1.
            yield Arm(f"p{index}.lora.trigger.{weight:g}", features, words, seed, weight, reference, sound)
    for index, clip in enumerate(_in_distribution(scope)):
        caption = clip.caption or ""
        # Seed and choice depend on the caption alone, so that a renamed or added clip moves no other's sample.
        draw = zlib.crc32(caption.encode()) % 100_000
        seed = seeds[draw % len(seeds)] + draw
        own = (clip.key if clip.reference else None, clip.key if given else None)
        yield Arm(
            f"d{index}.lora.trigger.{MAIN_WEIGHT}", f"text:{clip.key}", caption, seed, MAIN_WEIGHT, *own
        )


def _shown(scope: Scope, prompt: str, index: int, text: str) -> tuple[str, str, str | None]:
    """Words, features and reference of a prompt's arm.

    What must make a difference is the trigger, "plain" being the class word in its place; for a control LoRA it is the
    reference, "plain" being another clip's with the same words.
    """
    project = scope.project
    if project.type != "control":
        words = prompt.format(subject=project.trigger if text == "trigger" else project.class_word)
        return words, f"prompt:{index}:{text}", None
    keys = [clip.key for clip in _by_caption(scope)]
    reference = keys[(index + (text == "plain")) % len(keys)]
    return prompt.format(subject=project.trigger), f"prompt:{index}:trigger", reference


def _in_distribution(scope: Scope) -> list[Clip]:
    return _by_caption(scope)[:IN_DISTRIBUTION]


def _by_caption(scope: Scope) -> list[Clip]:
    """In an order that a name does not change."""
    return sorted(scope.trainable, key=lambda clip: zlib.crc32((clip.caption or "").encode()))


def prompts(scope: Scope) -> list[str]:
    """The novel prompts, each with `{subject}` where the trigger or the class word goes."""
    return list(scope.project.settings.get("evaluate.prompts"))


def other_weights(scope: Scope) -> list[float]:
    """The weights besides the main one at which every prompt is sampled."""
    return [w for w in scope.project.settings.get("evaluate.weights") if w != MAIN_WEIGHT]
