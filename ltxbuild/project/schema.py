"""JSON schemas of lora.toml and captions.toml for editors, derived from the declarations. Checks nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ltxbuild.project.captions import KEYS, MOST_REPEATS, SIDES, WEIGHTS
from ltxbuild.project.setting import SIZE, Setting, show
from ltxbuild.project.settings import MODES, SETTINGS

DRAFT = "http://json-schema.org/draft-07/schema#"
FOLDER = Path(".ltxbuild") / "schema"


def lora_schema() -> dict[str, Any]:
    """The schema of lora.toml: no key beyond the declared ones."""
    top = _table("")
    for section in dict.fromkeys(s.section for s in SETTINGS if s.section):
        top["properties"][section] = _table(section)
    train = top["properties"]["train"]["properties"]
    for mode in MODES:
        keys = {s.name: _value(s) for s in SETTINGS if s.per_mode}
        text = f"what differs in {mode}"
        train[mode] = {
            "type": "object",
            "description": text,
            "additionalProperties": False,
            "properties": keys,
        }
    required = [s.key for s in SETTINGS if s.required]
    return {"$schema": DRAFT, "title": "lora.toml of ltxbuild", **top, "required": required}


def captions_schema() -> dict[str, Any]:
    """The schema of captions.toml: any key, whose value is a caption or a table."""
    kinds: dict[str, Any] = {
        "caption": {"type": "string"},
        "start": {"type": "number", "minimum": 0},
        "end": {"type": "number", "minimum": 0},
        "repeats": {"type": "integer", "minimum": 1, "maximum": MOST_REPEATS},
        "weight": {"type": "number", "minimum": WEIGHTS[0], "maximum": WEIGHTS[1]},
        "crop": {"enum": [*SIDES]},
    }
    keys = {
        name: {**kinds.get(name, {"type": "boolean"}), "description": text} for name, text in KEYS.items()
    }
    table = {"type": "object", "additionalProperties": False, "properties": keys}
    return {
        "$schema": DRAFT,
        "title": "captions.toml of ltxbuild",
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "string"}, table]},
    }


def write_schemas(root: Path) -> None:
    """Write both schemas below the project's .ltxbuild, where the first lines of both files point, unless they are there.

    A clone has none, and another release has others.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in (("lora", lora_schema()), ("captions", captions_schema())):
        path, text = folder / f"{name}.json", json.dumps(schema, indent=2) + "\n"
        if not path.is_file() or path.read_bytes() != text.encode():
            making = path.with_name(f"{path.name}.{os.getpid()}")
            making.write_text(text, encoding="utf-8")
            making.replace(path)


def _table(section: str) -> dict[str, Any]:
    keys = {s.name: _value(s) for s in SETTINGS if s.section == section}
    return {"type": "object", "additionalProperties": False, "properties": keys}


def _value(setting: Setting) -> dict[str, Any]:
    value: dict[str, Any] = {"description": setting.help, **_shape(setting)}
    if setting.default is not None and not setting.size:
        value["description"] += f" (default without base, type and mode: {show(setting.default)})"
    return value


def _shape(setting: Setting) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if setting.low is not None:
        limits["minimum"] = setting.low
    if setting.high is not None:
        limits["maximum"] = setting.high
    integer = {"type": "integer", **limits}
    shapes: dict[str, dict[str, Any]] = {
        "text": {"type": "string"},
        "integer": integer,
        "number": {"type": "number", **limits},
        "choice": {"enum": list(setting.choices)},
        "size": {"type": "string", "pattern": f"^{SIZE}$"},
        "texts": {"type": "array", "items": {"type": "string"}, "minItems": setting.least},
        "integers": {"type": "array", "items": integer, "minItems": setting.least},
        "numbers": {"type": "array", "items": {"type": "number", **limits}, "minItems": setting.least},
        "shapes": {
            "type": "array",
            "minItems": setting.least,
            "items": {"type": "array", "items": integer, "minItems": 2, "maxItems": 2},
        },
        "table": {"type": "object", "additionalProperties": {"enum": list(setting.choices)}},
    }
    return shapes[setting.kind]
