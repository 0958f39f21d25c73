"""Evaluation as nodes: one sample a prompt, arm and weight, the losses beside them, and the verdict that is the gate."""

from __future__ import annotations

from ltxbuild.engine.action import Bag, External, Input, Ref, Value
from ltxbuild.job import JsonDict
from ltxbuild.recipe.arms import MAIN_WEIGHT, Arm, arms, other_weights, prompts
from ltxbuild.recipe.clips import EMPTY, add_empty, add_text
from ltxbuild.recipe.material import add_loss
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import GENERATED, SOUND, audio_of, weights_of

# Weights at which the held-out loss is measured: it needs no sampling, so it can look further than the samples do.
LOSS_WEIGHTS = [0.0, 0.3, 0.6, 0.85, 1.0, 1.1, 1.3, 1.6]


def add_evaluation(scope: Scope, mode: str) -> None:
    """Add features, samples, losses and the verdict of one mode."""
    if mode == scope.modes[0]:
        _add_prompt_texts(scope)
    for arm in arms(scope, mode):
        _add_sample(scope, mode, arm)
    chosen = f"choose:{mode}"
    add_loss(scope, f"loss:{mode}:weights", mode, chosen, {"weights": LOSS_WEIGHTS})
    without = "other" if scope.project.type == "control" else "plain"
    add_loss(scope, f"loss:{mode}:plain", mode, chosen, {"weights": [0.0, 1.0], "text": without})
    add_loss(
        scope, f"loss:{mode}:drift", mode, chosen, {"weights": [0.0, MAIN_WEIGHT]}, _drift_items(scope, mode)
    )
    _add_verdict(scope, mode)


def _add_prompt_texts(scope: Scope) -> None:
    project = scope.project
    for index, prompt in enumerate(prompts(scope)):
        for text, subject in (("trigger", project.trigger), ("plain", project.class_word)):
            add_text(
                scope,
                f"prompt:{index}:{text}",
                prompt.format(subject=subject),
                {"text": f"prompt {index + 1}"},
            )
    if scope.card.sampler["guidance"] != 1:
        add_empty(scope)


def sample_params(scope: Scope, mode: str, arm: Arm) -> JsonDict:
    """How an arm's sample is made."""
    train = scope.project.settings.mode(mode)
    width, height, frames = scope.card.evaluation_size
    return {
        "seed": arm.seed,
        "weight": arm.weight,
        "width": width,
        "height": height,
        "frames": frames,
        "fps": scope.card.fps,
        "channels": scope.card.channels,
        "spatial": scope.card.spatial,
        "temporal": scope.card.temporal,
        "sampler": scope.card.sampler,
        # The base's arm is the same whatever is trained.
        "rank": train.rank if arm.lora else None,
        "alpha": train.alpha if arm.lora else None,
        **weights_of(scope, mode),
        **_of_sound(scope, mode),
    }


def sample_inputs(scope: Scope, mode: str, arm: Arm, adapter: Input) -> dict[str, Input]:
    """What an arm's sample is made of."""
    guided = scope.card.sampler["guidance"] != 1
    return {
        "text": Ref(arm.text, "features.safetensors"),
        "negative": Ref(EMPTY, "features.safetensors") if guided else Value(None),
        "adapter": adapter,
        **_beside(scope, mode, arm),
        "transformer": External("transformer"),
    }


def _add_sample(scope: Scope, mode: str, arm: Arm) -> None:
    adapter: Input = Ref(f"choose:{mode}", "adapter.safetensors") if arm.lora else Value(None)
    sample = scope.add(
        "sample",
        f"sample:{mode}:{arm.id}",
        params=sample_params(scope, mode, arm),
        inputs=sample_inputs(scope, mode, arm, adapter),
        affinity="transformer",
    )
    scope.add(
        "decode",
        f"decode:{mode}:{arm.id}",
        params={"fps": scope.card.fps, "precision": scope.project.precision},
        inputs={
            "latents": Ref(sample, "latents.safetensors"),
            "vae": External("vae"),
            **({"sound": SOUND} if audio_of(scope, mode) else {}),
        },
        affinity="vae",
    )


def _of_sound(scope: Scope, mode: str) -> JsonDict:
    """What the sampler has to know of sound that it makes."""
    if audio_of(scope, mode) != GENERATED:
        return {}
    return {"audio_bins": scope.card.audio_bins, "audio_guidance": scope.card.audio_guidance}


def _beside(scope: Scope, mode: str, arm: Arm) -> dict[str, Input]:
    found: dict[str, Input] = {}
    if arm.reference is not None:
        found["reference"] = scope.ref(f"shown:{mode}:{arm.reference}", "latents.safetensors")
    if arm.sound is not None:
        found["sound"] = scope.ref(f"heard:{mode}:{arm.sound}", "sound.safetensors")
    return found


def _target(scope: Scope, mode: str, arm: Arm) -> dict[str, Input]:
    if arm.reference is None:
        return {}
    return {"target": scope.ref(f"latents:{mode}:{arm.reference}", "latents.safetensors")}


def _drift_items(scope: Scope, mode: str) -> Bag:
    """The base's own samples for the prompts without trigger: what the LoRA must leave as it was."""
    return Bag(
        tuple(
            {
                "latents": Ref(f"sample:{mode}:p{index}.base.plain.0", "latents.safetensors"),
                "text": Ref(f"prompt:{index}:plain", "features.safetensors"),
            }
            for index in range(len(prompts(scope)))
        )
    )


def _add_verdict(scope: Scope, mode: str) -> None:
    project = scope.project
    plan = [i for i in scope.graph.actions if i.startswith(f"loss:{mode}:") and i.rsplit(":", 1)[1].isdigit()]
    scope.add(
        "evaluate",
        mode,
        params={
            "mode": mode,
            "steps": project.settings.mode(mode).steps,
            "prompts": [p.format(subject=project.trigger) for p in prompts(scope)],
            "weights": sorted({MAIN_WEIGHT, *other_weights(scope)}),
            "trigger": project.trigger,
            "class": project.class_word,
            "type": project.type,
        },
        inputs={
            "base_loss": Ref(f"loss:{mode}:0000", "loss.json"),
            "curve": {i.rsplit(":", 1)[1]: Ref(i, "loss.json") for i in plan if not i.endswith(":0000")},
            "choice": Ref(f"choose:{mode}", "choice.json"),
            "weights": Ref(f"loss:{mode}:weights", "loss.json"),
            "plain": Ref(f"loss:{mode}:plain", "loss.json"),
            "drift": Ref(f"loss:{mode}:drift", "loss.json"),
            "samples": {
                arm.id: {
                    "measures": Ref(f"decode:{mode}:{arm.id}", "measures.json"),
                    "pooled": Ref(f"decode:{mode}:{arm.id}", "pooled.safetensors"),
                    **_target(scope, mode, arm),
                }
                for arm in arms(scope, mode)
            },
            "training": Bag(
                tuple(
                    {"latents": scope.ref(f"latents:{mode}:{c.key}", "latents.safetensors")}
                    for c in scope.trainable
                )
            ),
            "dataset": Ref(f"dataset:{mode}", "dataset.json"),
        },
        target="evaluate",
    )
    scope.graph.reads.append(Ref(f"evaluate:{mode}", "evaluation.json"))
