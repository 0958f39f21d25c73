"""Loss on fixed noise of held-out clips or given items, at several weights. Knows no verdict."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltxbuild.job import Job, read_json, write_json
from ltxbuild.stages.membership import key_of, pick

if TYPE_CHECKING:
    from ltxbuild.model.members import Member


def run(job: Job) -> None:
    """Write loss.json; with a dataset only the windows that it measures. Raises StageError when a loss is not
    finite.
    """
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.fixed_loss import Question, Shown, member_losses
    from ltxbuild.model.lora import Spec, attached
    from ltxbuild.model.residence import part

    params: Any = job.params
    transformer = part(place_of(job.context, params), "transformer")
    weights = [float(w) for w in params["weights"]]
    quantiles, noises = [float(q) for q in params["quantiles"]], int(params["noises"])
    question = Question(quantiles, noises, weights, params.get("audio"))
    file = job.inputs.get("adapter")
    tensors, metadata = tensor_file.load(file.path) if file else ({}, {})
    found = _material(job)
    items: list[Any] = []
    with attached(transformer, Spec.read(metadata)) if file else nullcontext() as adapter:
        if adapter is not None:
            adapter.fill(tensors)
        for done, (member, measured) in enumerate(found, start=1):
            which = str(params.get("text", "text"))
            text, sound_text = _texts(member, which)
            one = replace(member, references=_others(member, found)) if which == "other" else member
            for index, window in enumerate(measured):
                shown = Shown(one, index, text, sound_text)
                for level, by_weight in member_losses(transformer, adapter, shown, question):
                    loud = {w: loss for w, (_, loss) in by_weight.items() if loss is not None}
                    items.append(
                        {
                            "key": member.key,
                            "window": window,
                            "quantile": level.quantile,
                            "sigma": level.sigma,
                            "noise": level.noise,
                            "loss": {w: loss for w, (loss, _) in by_weight.items()},
                            **({"sound": loud} if loud else {}),
                        }
                    )
            job.progress(done, len(found), "clips")
    write_json(job.out / "loss.json", {"step": int(metadata["step"]) if file else None, "items": items})


def _texts(member: Member, which: str) -> tuple[Any, Any]:
    """Features of the caption for picture and sound, or of the caption without trigger where there is such."""
    if which == "plain" and member.plain is not None:
        return member.plain, member.sound_plain
    return member.text, member.sound_text


def _others(member: Member, found: list[tuple[Member, list[int]]]) -> tuple[Any, ...]:
    """In place of a member's references those of the next one of the same shape; its own where it is alone."""
    alike = [other for other, _ in found if other.shape == member.shape]
    at = [other.key for other in alike].index(member.key)
    following = alike[(at + 1) % len(alike)]
    return tuple(following.references[i % len(following.references)] for i in range(len(member.references)))


def _material(job: Job) -> list[tuple[Member, list[int]]]:
    """Members with the numbers of the windows that they hold, those to be measured only."""
    from ltxbuild.model.members import read_member

    bag, dataset = job.inputs["items"], job.inputs.get("dataset")
    if dataset is None:
        members = [read_member(key_of(files), files, None) for files in bag]
        return [(member, list(range(len(member.windows)))) for member in sorted(members, key=lambda m: m.key)]
    clips = [clip for clip in read_json(dataset.path)["clips"] if clip["measure"]]
    return [(read_member(c["key"], pick(bag, c), c["measure"]), list(c["measure"])) for c in clips]
