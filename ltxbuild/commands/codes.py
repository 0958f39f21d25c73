"""Every code that a user may meet, with its explanation: errors of a project, of the build, and lint rules."""

from __future__ import annotations

# Problems of the engine and of bases; those of a project stand in project/codes.py, rules in lint/.
BUILD = {
    "B101": ("duplicate-action", "Two actions have one name. A bug of the recipe: please report it."),
    "B102": (
        "unknown-reference",
        "An action or target names something that does not exist. A bug: please report it.",
    ),
    "B103": ("cycle", "Actions depend on each other; the message shows the path. A bug: please report it."),
    "B104": ("unsafe-delivery", "A file would be delivered outside of build/: choose another [export] name."),
    "B105": (
        "unknown-target",
        "There is no such target. Targets are the stages (`transcode bucket lint encode train evaluate report "
        "export`), `clip:NAME`, `all`, and the ids of actions that `ltxbuild graph` lists.",
    ),
    "D110": ("bad-lengths", "`split` needs 0 < --least <= --most, in seconds."),
    "D111": ("no-footage", "There is no such file to split."),
    "D112": (
        "clip-exists",
        "A clip of that name is in clips/ already. `split` overwrites nothing and cut nothing.",
    ),
    "D113": (
        "unreadable-footage",
        "The footage cannot be decoded, or took too long or too much memory to decode.",
    ),
    "B106": ("unknown-code", "There is no such code; `ltxbuild explain` lists all."),
    "B150": (
        "no-lora",
        "The file is no safetensors file, or holds no LoRA for LTX's transformer. `ltxbuild inspect FILE` tells what it "
        "holds. Files of other formats (.pt, .ckpt, .bin) can run code when they are opened, and are not.",
    ),
    "B151": ("no-place", "`convert` writes over nothing, and makes no folders."),
    "B110": (
        "newer-state",
        "The folder .ltxbuild was written by a newer ltxbuild. Update, or delete the folder: that costs time only.",
    ),
    "B120": (
        "already-building",
        "Another build holds the lock of this folder. The system gives it back when that process ends, however it ends.",
    ),
    "B121": (
        "no-locks",
        "The filesystem of this folder has no locks, so that two builds at once could not be kept apart. Keep the "
        "project on a local disk.",
    ),
    "B130": (
        "disk-full",
        "There is no room left where ltxbuild writes. What was finished is in the store: free some space and build "
        "again, and the build goes on from there.",
    ),
    "B131": (
        "not-writable",
        "The folder, or a file in it, may not be changed: it is mounted read-only, or belongs to somebody else. "
        "`status`, `why` and `graph` only look and work all the same.",
    ),
    "B132": (
        "vanished",
        "Something removed a file or folder of .ltxbuild or build/ while the build used it. Build again: objects that "
        "are gone are made anew when something needs them.",
    ),
    "B133": (
        "disk-error",
        "The system refused to write, move or remove a file, with the reason that stands there.",
    ),
    "B134": (
        "unreadable-state",
        "A file in .ltxbuild is there but cannot be read. Give yourself the right to, or delete it: that costs only "
        "time.",
    ),
    "B140": (
        "unreadable-history",
        "`gc` keeps what committed ltxbuild.lock files deliver, and git cannot say which those are: it is missing, or "
        "refuses this folder (`git log` there says why).",
    ),
    "B141": ("unknown-build", "There is no build of that number: `ltxbuild builds` lists them."),
    "B142": (
        "collected-build",
        "The results of that build are no longer in the store: `gc` took them, or they were lost. `git checkout` of "
        "its sources and a build make them again. `ltxbuild keep N` protects a build.",
    ),
    "B170": (
        "no-captioner",
        "`ltxbuild caption` needs a vision-language model (`--model`, a folder or a Hub id) of a kind that transformers "
        "has a class for, with weights in safetensors: no code from a model's repository is run. The message says "
        "what is missing. Captions can always be written by hand.",
    ),
    "B171": (
        "no-such-draft",
        "A name that is no clip, or a call of `caption --accept` that says not which drafts.",
    ),
    "B172": (
        "no-asked-model",
        "[lint] detector or listener names a model that cannot be had or is of another kind: a folder or a Hub id of "
        "Grounding DINO, OWLv2 or OWL-ViT (detector) or of an Audio Spectrogram Transformer (listener), with weights in "
        "safetensors. No code from a model's repository is run. OWLv2 needs the package scipy: `pip install "
        "'ltxbuild[detect]'`.",
    ),
    "B201": ("incomplete-base", "A part of the base has no weights: fetch it again, or name another folder."),
    "B202": ("damaged-base", "A weights file of the base is cut short: fetch it again."),
    "B204": (
        "unusable-base",
        "A single file is no base that a LoRA can be trained on: another family of models, a part only, quantized "
        "or distilled weights, or a configuration that cannot be read. Give the dev model in bf16.",
    ),
    "B205": (
        "no-text-encoder",
        "A single file holds everything but the text encoder (Gemma 3). [bases] text_encoder in config.toml names "
        "its folder, or a folder text_encoder lies beside the file; without either it comes from the Hub.",
    ),
    "B206": (
        "unasked",
        "`ltxbuild fetch` tells size and licence and asks; without a terminal --yes answers.",
    ),
    "B203": (
        "base-not-here",
        "The base is not on this machine and cannot be fetched: no network, no rights, or no such repository; the "
        "message says which. `ltxbuild rehearse` needs no download, and a folder in diffusers layout works as base.",
    ),
}


def all_codes() -> dict[str, tuple[str, str]]:
    """Code -> (name, text)."""
    from ltxbuild.dataset.codes import CODES as DATASET
    from ltxbuild.lint.registry import RULES
    from ltxbuild.project.codes import CODES

    found = BUILD | DATASET
    found |= {code: (entry.name, entry.text) for code, entry in CODES.items()}
    found |= {rule.code: (f"{rule.name} ({rule.severity})", rule.text) for rule in RULES.values()}
    return found
