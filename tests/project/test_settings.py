"""Settings: one declaration, and all that derives from it agrees; who wins, and what origin is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli

from ltxbuild.problem import ProjectError
from ltxbuild.project.identity import machine_file
from ltxbuild.project.project import load
from ltxbuild.project.schema import captions_schema, lora_schema
from ltxbuild.project.setting import Setting, check, show
from ltxbuild.project.settings import BY_KEY, MODES, SETTINGS, find, settings_table
from ltxbuild.stages import STAGES
from tests.project.folder import LORA, codes, make, problems

GOOD: dict[str, Any] = {
    "text": "word",
    "size": "50 GB",
    "integer": 40,
    "number": 0.05,
    "texts": ["CLP001"],
    "integers": [9, 17],
    "numbers": [0.5, 1],
    "shapes": [[64, 64]],
    "table": {"CLP004": "E"},
}
BAD: tuple[Any, ...] = (
    True,
    1.5,
    7,
    -1,
    10**9,
    "x",
    [],
    ["x"],
    [1],
    [0.5],
    [[1, 2, 3]],
    [[32]],
    {},
    {"CLP004": "X"},
    [True],
)


def fits(schema: dict[str, Any], value: Any) -> bool:
    """As much of JSON schema as the two files use."""
    if "anyOf" in schema:
        return any(fits(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return any(type(value) is type(one) and value == one for one in schema["enum"])
    kinds = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    kind = schema["type"]
    if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if kind in ("integer", "number"):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if kind == "string":
        return re.search(schema.get("pattern", ""), value) is not None
    if kind == "array":
        long_enough = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return long_enough and all(fits(schema["items"], item) for item in value)
    if kind == "object":
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        complete = all(key in value for key in schema.get("required", ()))
        return complete and all(
            fits(known[k], v) if k in known else isinstance(other, dict) and fits(other, v)
            for k, v in value.items()
        )
    return True


def of_schema(setting: Setting) -> dict[str, Any]:
    table = lora_schema()["properties"]
    found: dict[str, Any] = (
        table[setting.section]["properties"][setting.name] if setting.section else table[setting.key]
    )
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.key)
def test_check_and_schema_agree(setting: Setting) -> None:
    schema = of_schema(setting)
    for good in setting.choices if setting.kind == "choice" else (GOOD[setting.kind],):
        assert check(setting, good) is None
        assert fits(schema, good)
    for bad in BAD:
        # Rule codes and the grid are for the program alone: an editor is not told about them.
        if not setting.pattern or not isinstance(bad, (list, dict)):
            assert (check(setting, bad) is None) == fits(schema, bad), bad


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.key)
def test_declaration_is_complete(setting: Setting) -> None:
    assert set(setting.affects) <= set(STAGES)
    assert setting.help and not setting.help.endswith(".")
    assert f"`{setting.name}`" in settings_table()
    if setting.default is not None:
        assert check(setting, setting.default) is None
    of_machine = ("memory.checkpointing", "memory.device", "memory.swap", "memory.gpus")
    nothing_fingerprinted = setting.key in of_machine or setting.section in ("cache", "cost", "watch")
    assert bool(setting.affects) != nothing_fingerprinted


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.per_mode], ids=lambda s: s.key)
def test_keys_of_a_mode(setting: Setting) -> None:
    for mode in MODES:
        assert find(f"train.{mode}.{setting.name}") == (setting, mode)
        assert setting.name in lora_schema()["properties"]["train"]["properties"][mode]["properties"]
    assert find("train.fast.mode") is None


def test_captions_schema() -> None:
    good = tomli.loads(
        'a = "x"\nb = { caption = "y", start = 1.0, repeats = 2, weight = 0.5, crop = "top" }\n'
    )
    assert fits(captions_schema(), good)
    for bad in (
        {"a": 1},
        {"a": {"captoin": "x"}},
        {"a": {"repeats": 0}},
        {"a": {"weight": 0}},
        {"a": {"weight": "twice"}},
        {"a": {"skip": 1}},
        {"a": {"crop": "up"}},
    ):
        assert not fits(captions_schema(), bad)


def test_who_wins_and_from_where(tmp_path: Path) -> None:
    text = LORA + "[train.fast]\nrank = 4\nbatch = 3\n[train]\nrank = 6\nseed = 7\n"
    root = make(tmp_path, text)
    machine_file().parent.mkdir(parents=True)
    machine_file().write_text('[memory]\ndevice = "cpu"\ncheckpointing = true\n')
    settings = load(root, ["train.seed=9", "memory.checkpointing=false"], mode="quality").settings
    shown = {
        (key, mode): (settings.get(key, mode), settings.origin(key, mode)) for key in BY_KEY for mode in MODES
    }
    assert shown["train.rank", "fast"] == (4, "lora.toml:7")
    assert shown["train.rank", "quality"] == (6, "lora.toml:10")
    assert shown["train.batch", "fast"] == (3, "lora.toml:8")
    assert shown["train.batch", "quality"] == (1, "mode")
    assert shown["train.seed", "fast"] == (9, "-s")
    assert shown["train.mode", "fast"] == ("quality", "--mode")
    assert shown["train.steps", "fast"] == (600, "mode")
    assert shown["train.steps", "quality"] == (1800, "type")
    assert shown["train.decay", "fast"] == (0.2, "default")
    assert shown["bucket.frames", "fast"] == ((1, 33), "mode")
    assert shown["memory.device", "fast"] == ("cpu", "user")
    assert shown["memory.checkpointing", "fast"] == (False, "-s")
    assert settings.get("train.rank") == 6, "without a mode: the project's own"
    assert settings.mode("fast").alpha == pytest.approx((32 * 4) ** 0.5, abs=1e-4)
    assert settings.mode("quality").alpha == pytest.approx((32 * 6) ** 0.5, abs=1e-4)


def test_a_given_alpha_stays(tmp_path: Path) -> None:
    assert load(make(tmp_path, LORA + "[train]\nalpha = 3\n")).settings.mode("fast").alpha == 3.0


def test_listing_has_every_key_once_or_by_mode(tmp_path: Path) -> None:
    lines = load(make(tmp_path)).settings.listing()
    assert {line.key.partition(" (")[0] for line in lines} == set(BY_KEY)
    assert len({line.key for line in lines}) == len(lines)
    assert all(line.value != "None" and line.origin for line in lines)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("train.steps=800", 800),
        ("train.fast.steps=800", 800),
        ("train.holdout=false", False),
        ("train.holdout=auto", "auto"),
        ("name=42", "42"),
        ('name="42"', "42"),
        ("evaluate.weights=[0.5, 1]", (0.5, 1.0)),
    ],
)
def test_overrides(override: str, value: object, tmp_path: Path) -> None:
    key = override.partition("=")[0].replace("fast.", "")
    settings = load(make(tmp_path), [override]).settings
    assert settings.get(key, "fast") == value
    assert settings.origin(key, "fast") == "-s"


@pytest.mark.parametrize(
    ("override", "code", "hint"),
    [
        ("rank=8", "P201", "`train.rank`"),
        ("train.rnk=8", "P201", "`train.rank`"),
        ("train.rank=x", "P202", ""),
        ("train.targets=atention", "P203", "`attention`"),
        ('train.seed=1\nx = "y"', "P202", ""),
        ("=8", "P209", ""),
    ],
)
def test_refused_overrides(override: str, code: str, hint: str, tmp_path: Path) -> None:
    (problem,) = problems(make(tmp_path), [override])
    assert problem.code == code
    assert hint in problem.hint


def test_an_unknown_mode(tmp_path: Path) -> None:
    (problem,) = problems(make(tmp_path), mode="fats")
    assert problem.code == "P203" and "`fast`" in problem.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("rank = 8\n", "[train]"),
        ("[trian]\nrank = 8\n", "`train`"),
        ("[train]\nlearning-rate = 1e-4\n", "`learning_rate`"),
        ("[train]\nLearning_Rate = 1e-4\n", "`learning_rate`"),
        ("[train.fast]\nmode = 'fast'\n", "[train]"),
        ("[train]\ntrigger = 'x'\n", "top of the file"),
        ("'train.rank' = 8\n", ""),
    ],
)
def test_unknown_keys_say_where_to_look(text: str, hint: str, tmp_path: Path) -> None:
    (problem,) = problems(make(tmp_path, LORA + text))
    assert problem.code == "P201"
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rank", "1.0"),
        ("rank", "true"),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("holdout", "true"),
        ("seed", "-1"),
        ("prior", "1"),
        ("targets", "'all'"),
    ],
)
def test_refused_values(key: str, value: str, tmp_path: Path) -> None:
    assert codes(make(tmp_path, LORA + f"[train]\n{key} = {value}\n")) <= {"P202", "P203"}
    assert codes(tmp_path)


@pytest.mark.parametrize(
    "trigger",
    [
        "",
        " ",
        "a b",
        "mira{}",
        "mi\u200bra",
        "mira\u0301",
        "12",
        "_x",
        "x" * 65,
        "WOMAN",
        "a",
        "mira'",
        "mira/char",
    ],
)
def test_refused_triggers(trigger: str, tmp_path: Path) -> None:
    found = problems(make(tmp_path, LORA.replace("mira_char", trigger)))
    assert [p.code for p in found] == ["P206"]


@pytest.mark.parametrize(
    "prompt",
    ["", "x", "{}", "{subject", "{0}", "{subject!r}", "{subject:>9}", "{{subject}}", "{x} {subject}"],
)
def test_refused_prompts(prompt: str, tmp_path: Path) -> None:
    (problem,) = problems(
        make(tmp_path, LORA + f'[evaluate]\nprompts = ["{{subject}} walks",\n "{prompt}"]\n')
    )
    assert problem.code == "P208"
    assert problem.span is not None and problem.span.line == 8


def test_rules_by_code_beginning_and_name(tmp_path: Path) -> None:
    lint = (
        LORA
        + '[lint]\nselect = ["ALL"]\nignore = ["CLP", "PIX101", "hard-cut"]\nseverity = { CLP004 = "I" }\n'
    )
    assert load(make(tmp_path, lint)).settings.get("lint.severity") == {"CLP004": "I"}
    for wrong in ('ignore = ["clp 4"]', 'severity = { CLP004 = "off" }', 'severity = { "4" = "E" }'):
        assert codes(make(tmp_path, LORA + f"[lint]\n{wrong}\n")) == {"P203"}


def test_a_rehearsal_keeps_what_fits_any_size(tmp_path: Path) -> None:
    text = LORA + "[bucket]\nbudget = 4000\n[train]\nsteps = 1500\nrank = 16\n[export]\nprecision = 'fp16'\n"
    project = load(make(tmp_path, text), rehearsal=True)
    settings = project.settings
    assert project.base.card.name == "tiny"
    assert settings.origin("base") == "rehearsal"
    assert settings.get("bucket.budget") < 1000
    assert settings.get("train.steps") < 1500
    assert (settings.get("train.rank"), settings.get("export.precision")) == (16, "fp16")


def test_machine_file_maps_bases(tmp_path: Path) -> None:
    machine_file().parent.mkdir(parents=True)
    machine_file().write_text(f'[bases]\n"ltx-2.3" = "{tmp_path}"\n')
    base = load(make(tmp_path / "p")).base
    assert (base.kind, base.folder, base.card.name) == ("folder", tmp_path, "ltx-2.3")
    machine_file().write_text('[bases]\n"ltx-2.3" = 1\n[memory]\nspeed = 1\n')
    assert codes(tmp_path / "p") == {"P202", "P201"}


def test_show() -> None:
    assert [show(v) for v in (True, 1, 1e-4, "x", (1, 2), {"a": "b"})] == [
        "true", "1", "0.0001", '"x"', "[1, 2]", '{a = "b"}',
    ]  # fmt: skip


def test_an_unreadable_folder_raises_one_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        load(tmp_path / "absent")
