"""ltxbuild.lock: what stands in it, what changes it, what is read back from it, and conflicts of git."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.project.pins import LOCK, Pins, parse_pins, sides
from ltxbuild.project.project import Project, load
from ltxbuild.project.resolved import Resolved, Settings
from ltxbuild.project.setting import Setting
from ltxbuild.project.settings import SETTINGS
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.lockfile import Facts, input_lines, inputs_digest, outputs_of, render_lock, stages_of
from tests.project.folder import LORA, make

A, B = "a" * 40, "b" * 40
TINY = LORA.replace("ltx-2.3", "tiny")
CLIPS = {"clips/one.mp4": "1" * 32, "clips/two.mp4": "2" * 32}


def project(
    root: Path, lora: str = TINY, captions: str = 'one = "mira_char a"\ntwo = "mira_char b"\n'
) -> Project:
    return load(make(root, lora, captions, ("one.mp4", "two.mp4")))


def facts(**changed: Any) -> Facts:
    return replace(Facts(None, {"vae": "f" * 32}, CLIPS, {}, "", ["train.1", "export.1"]), **changed)


def text(root: Path, old: str | None = None, output: str = "0" * 32, **changed: Any) -> str:
    return render_lock(input_lines(project(root), facts(**changed)), {"mira.safetensors": output}, old)


def test_sorted_one_line_a_clip_and_nothing_of_this_machine(tmp_path: Path) -> None:
    lock = text(tmp_path)
    clips = [line.split()[-1] for line in lock.splitlines() if line.startswith("clip ")]
    assert clips == sorted(CLIPS)
    assert str(tmp_path) not in lock and "\\" not in lock
    assert text(tmp_path) == lock
    assert outputs_of(lock) == {"mira.safetensors": "0" * 32}


def test_other_bytes_from_the_same_recipe_leave_it_unchanged(tmp_path: Path) -> None:
    lock = text(tmp_path)
    assert text(tmp_path, old=lock, output="9" * 32) == lock
    changed = text(tmp_path, old=lock, output="9" * 32, clips={**CLIPS, "clips/one.mp4": "3" * 32})
    assert outputs_of(changed) == {"mira.safetensors": "9" * 32}


OTHER: dict[str, Any] = {
    "text": "other",
    "integer": 77,
    "number": 0.0123,
    "integers": (9, 17),
    "numbers": (0.5,),
}


def changed(project: Project, setting: Setting) -> Project:
    value = project.settings.get(setting.key)
    if setting.kind == "choice":
        other = next(c for c in setting.choices if c not in (value, "auto", project.precision))
    elif setting.kind == "texts":
        other = ("{subject} sits",) if setting.key == "evaluate.prompts" else ("CLP004",)
    elif setting.kind == "shapes":
        other = ((64, 64),)
    else:
        other = OTHER.get(setting.kind, {"CLP004": "W"})
    values = {
        mode: {**table, setting.key: Resolved(other, "test")}
        for mode, table in project.settings.values.items()
    }
    fields = {"name": "name", "trigger": "trigger", "class": "class_word", "type": "type"}
    more = {fields[setting.key]: other} if setting.key in fields else {}
    return replace(project, settings=Settings(values), **more)


def below_export(project: Project) -> dict[str, Any]:
    """Everything of the graph that the LoRA follows from, without guards."""
    graph = make_graph(project)
    (export,) = graph.targets["export"]
    seen, stack = {export}, [export]
    while stack:
        new = set(graph.inputs_of(stack.pop())) - seen
        seen |= new
        stack += new
    return {name: (graph.actions[name].params, graph.actions[name].inputs) for name in seen}


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.key != "base"], ids=lambda s: s.key)
def test_whatever_reaches_the_lora_stands_in_the_input_lines(setting: Setting, tmp_path: Path) -> None:
    before = project(tmp_path)
    after = changed(before, setting)
    same_lora = below_export(before) == below_export(after)
    # Of the LoRA that training starts from the content counts, not where it lies.
    start = "d" * 32 if setting.key == "train.init_from" else ""
    same_lines = input_lines(before, facts()) == input_lines(after, facts(start=start))
    # More lines may change than need to (the word `class` is in no feature if no caption is plain), never fewer.
    assert same_lora or not same_lines
    if not setting.affects or setting.section in ("lint", "evaluate"):
        assert same_lines


@pytest.mark.parametrize(
    "entry",
    [
        '"mira_char c"',
        '{ caption = "mira_char a", repeats = 2 }',
        '{ caption = "mira_char a", holdout = true }',
        '{ caption = "mira_char a", crop = "left" }',
        '{ caption = "mira_char a", weight = 0.5 }',
        '{ caption = "mira_char a", start = 1.0, end = 2.0 }',
    ],
)
def test_what_captions_say_about_a_clip_changes_its_line_alone(entry: str, tmp_path: Path) -> None:
    before = text(tmp_path).splitlines()
    captions = f'one = {entry}\ntwo = "mira_char b"\n'
    lines = input_lines(project(tmp_path, captions=captions), facts())
    assert [line for line in lines if line not in before] == [
        line for line in lines if line.endswith("clips/one.mp4")
    ]


def test_revision_and_precision_are_read_back(tmp_path: Path) -> None:
    root = make(tmp_path, LORA, 'one = "a"\n', ("one.mp4",))
    lock = render_lock(input_lines(load(root), facts(revision=A)), {}, None)
    (root / LOCK).write_text(lock.replace("precision bf16", "precision fp32"))
    assert load(root).pins == Pins("ltx-2.3", A, "fp32", "none", "none", (("vae", "f" * 32),))
    assert load(root).precision == "fp32"
    assert load(root, ["memory.precision=bf16"]).precision == "bf16"
    assert load(root, ["base=tiny"]).pins == Pins(), "pins belong to one base"
    assert load(root, rehearsal=True).pins == Pins()


def conflict(ours: str, theirs: str, origin: str = "") -> str:
    middle = f"||||||| parent\n{origin}" if origin else ""
    return f"version 1\n<<<<<<< HEAD\n{ours}{middle}=======\n{theirs}>>>>>>> other\noutput a.safetensors x\n"


def test_of_a_conflict_only_agreed_pins_are_kept() -> None:
    both = f"base ltx-2.3\nrevision {A}\nprecision bf16\n"
    assert parse_pins(conflict(both + "clip 1\n", both + "clip 2\n", both)) == Pins(
        "ltx-2.3", A, "bf16", "none", "none"
    )
    other = conflict(both, both.replace(A, B), f"base ltx-2.3\nrevision {A}\n")
    assert parse_pins(other) == Pins("ltx-2.3", None, "bf16", "none", "none")
    assert parse_pins(conflict(both, both.replace("ltx-2.3", "tiny"))).base == ""
    assert parse_pins("") == Pins(quantize="none", quantize_text="none")
    parts = both + f"component vae {'c' * 32}\n"
    assert parse_pins(parts).components == (("vae", "c" * 32),)
    assert parse_pins(conflict(parts, parts.replace("c" * 32, "d" * 32))).components == ()
    assert parse_pins("revision main\nprecision int2\nquantize x\nquantize_text y\n") == Pins(), (
        "only what can be a pin"
    )


def test_sides_of_nested_and_unfinished_markers() -> None:
    assert sides("a\nb\n") == ("a\nb\n", "a\nb\n")
    ours, theirs = sides("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\nc\n<<<<<<< HEAD\nd\n=======\n")
    assert (ours, theirs) == ("a\nc\nd\n", "b\nc\n")


def test_a_conflict_is_rewritten_and_outputs_of_an_equal_side_stay(tmp_path: Path) -> None:
    lock = text(tmp_path)
    head, *rest = lock.splitlines(keepends=True)
    mine = "".join(rest)
    theirs = mine.replace("1" * 32, "5" * 32).replace("0" * 32, "7" * 32)
    merged = f"{head}<<<<<<< HEAD\n{theirs}=======\n{mine}>>>>>>> other\n"
    assert text(tmp_path, old=merged, output="9" * 32) == lock
    assert outputs_of(merged)["mira.safetensors"] in ("0" * 32, "7" * 32)
    assert inputs_digest(lock) != inputs_digest(theirs)


def test_stages_are_those_below_the_export(tmp_path: Path) -> None:
    graph = make_graph(project(tmp_path))
    (export,) = graph.targets["export"]
    assert stages_of(graph, export, {}) == set()


def test_a_reference_has_a_line_of_its_own(tmp_path: Path) -> None:
    before = input_lines(project(tmp_path), facts())
    assert not any(line.startswith("reference ") for line in before)
    after = input_lines(project(tmp_path), facts(references={"references/one.mov": "e" * 32}))
    assert after == [*before, f"reference {'e' * 32} references/one.mov"]
