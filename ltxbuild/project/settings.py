"""Every setting of lora.toml, declared once; checks, defaults, listing, schema and documentation follow.

Knows neither files nor bases; what depends on base, type or mode comes from the card and the type's table.
"""

from __future__ import annotations

from ltxbuild.project.caption_style import STYLES
from ltxbuild.project.machine_settings import MACHINE
from ltxbuild.project.setting import Setting, show
from ltxbuild.project.train_settings import MODES as MODES
from ltxbuild.project.train_settings import TRAINING
from ltxbuild.project.types import TYPE_VALUES, TYPES

# A code, the beginning of one, a rule's readable name, or ALL.
RULE = r"[A-Z]{2,3}[0-9]{0,3}|ALL|[a-z]+(-[a-z0-9]+)*"


SETTINGS: tuple[Setting, ...] = (
    Setting("name", "text", "name of the exported file", required=True, affects=("export",)),
    Setting(
        "trigger",
        "text",
        "the invented word that calls the concept; first in every caption",
        required=True,
        affects=("text", "lint_clip", "lint_tokens"),
    ),
    Setting(
        "class",
        "text",
        "the ordinary word for it; prompts, tests and prior preservation use it",
        required=True,
        affects=("text", "lint_clip"),
    ),
    Setting(
        "type",
        "choice",
        "what is learned",
        required=True,
        choices=TYPES,
        affects=("probe", "text", "bucket", "lint_clip", "train", "export"),
    ),
    Setting(
        "base",
        "text",
        "the model: ltx-2.3, tiny, a Hub id, or a path to a diffusers folder or a .safetensors file",
        default="ltx-2.3",
        affects=("latents", "text", "bucket", "lint_clip", "lint_tokens"),
    ),
    Setting(
        "caption_style",
        "choice",
        "short: one or two sentences; long: a paragraph of up to 200 words, as LTX's own prompts are written",
        default="short",
        choices=tuple(STYLES),
        affects=("lint_clip",),
    ),
    Setting(
        "bucket.shapes",
        "shapes",
        "the ladder of [width, height] that clips are fitted to",
        low=32,
        high=4096,
        affects=("bucket", "lint_clip"),
        least=1,
        size=True,
    ),
    Setting(
        "bucket.frames",
        "integers",
        "the ladder of lengths in frames",
        low=1,
        high=1025,
        affects=("bucket", "lint_clip"),
        least=1,
        size=True,
    ),
    Setting(
        "bucket.budget",
        "integer",
        "most latent tokens a sample may have",
        low=1,
        high=100_000,
        affects=("bucket", "lint_clip"),
        size=True,
    ),
    Setting(
        "bucket.crop",
        "choice",
        "what is kept where the shape cuts: the centre, or the subject, which [lint] detector finds",
        default="centre",
        choices=("centre", "subject"),
        affects=("subject", "bucket", "lint_clip"),
    ),
    Setting(
        "lint.select",
        "texts",
        "rules that are checked: codes, beginnings of codes or names",
        default=("ALL",),
        pattern=RULE,
        affects=("lint", "lint_tokens", "lint_asked"),
    ),
    Setting(
        "lint.ignore",
        "texts",
        "rules that are not checked: codes, beginnings of codes or names",
        default=(),
        pattern=RULE,
        affects=("lint", "lint_tokens", "lint_asked"),
    ),
    Setting(
        "lint.severity",
        "table",
        "another severity for a rule: E blocks training, W warns, I informs",
        default={},
        pattern=RULE,
        choices=("E", "W", "I"),
        affects=("lint", "lint_tokens", "lint_asked"),
    ),
    Setting(
        "lint.detector",
        "text",
        "who finds the subject: a folder or a Hub id (owner/name@revision) of Grounding DINO, OWLv2 or OWL-ViT",
        default="",
        affects=("subject", "report"),
    ),
    Setting(
        "lint.listener",
        "text",
        "who hears whether sound that is trained stands in the captions: a folder or a Hub id of an Audio Spectrogram "
        "Transformer",
        default="",
        affects=("hearing", "report"),
    ),
    *TRAINING,
    Setting(
        "evaluate.prompts",
        "texts",
        "scenes that no clip shows, with {subject} where the trigger goes",
        least=1,
        affects=("text", "loss"),
    ),
    Setting(
        "evaluate.seeds",
        "integers",
        "seeds of the samples",
        default=(1,),
        least=1,
        low=0,
        high=2**32 - 1,
        affects=("sample",),
    ),
    Setting(
        "evaluate.weights",
        "numbers",
        "weights of the LoRA that are sampled",
        default=(0.6, 0.85, 1.1),
        least=1,
        low=0.05,
        high=3,
        affects=("sample", "evaluate"),
    ),
    Setting(
        "evaluate.previews",
        "integer",
        "prompts that a quality training samples on its way, every 250 steps",
        default=2,
        low=0,
        high=100,
        affects=("glimpse", "report"),
    ),
    Setting("export.name", "text", "name of the file, if not `name`", affects=("export",)),
    Setting(
        "export.precision",
        "choice",
        "precision of the exported weights",
        default="bf16",
        choices=("bf16", "fp32", "fp16"),
        affects=("export",),
    ),
    *MACHINE,
)

BY_KEY = {setting.key: setting for setting in SETTINGS}
TRAIN = tuple(s for s in SETTINGS if s.per_mode)


def find(key: str) -> tuple[Setting, str | None] | None:
    """The declaration of a key and, for `train.fast.rank`, its mode; None if there is no such key."""
    if key in BY_KEY:
        return BY_KEY[key], None
    parts = key.split(".")
    if len(parts) == 3 and parts[0] == "train" and parts[1] in MODES:
        setting = BY_KEY.get(f"train.{parts[2]}")
        if setting is not None and setting.per_mode:
            return setting, parts[1]
    return None


def settings_table() -> str:
    """Every setting as one Markdown table a section: key, type, default, meaning."""
    parts = []
    for section in dict.fromkeys(s.section for s in SETTINGS):
        title = f"[{section}]" if section else "Top of the file"
        rows = "\n".join(_row(s) for s in SETTINGS if s.section == section)
        parts.append(f"## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _row(setting: Setting) -> str:
    kind = " ".join(part for part in (setting.expected, setting.range) if part)
    return f"| `{setting.name}` | {kind} | {_default(setting)} | {setting.help} |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.derive is not None:
        return "by rank"
    if setting.key == "export.name":
        return "`name`"
    of_type = any(setting.key in values for values in TYPE_VALUES.values())
    if setting.default is None or setting.size or of_type:
        return "by base, type and mode"
    return f"`{show(setting.default)}`"
