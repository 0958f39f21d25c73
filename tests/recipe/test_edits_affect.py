"""What an edit of the user's files makes new: layout nothing, a name the report, a clip or a caption its own nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recipe.prints import CAPTIONS, LORA, State, folder, state

PER_CLIP = ("probe", "scan", "transcode", "preview", "bucket", "latents", "text", "plain", "lint")
AFTER_TRAINING = {"evaluate", "export", "recommend", "report"}
SETTINGS = "[train]\nrank = 16\nseed = 7\n[evaluate]\nweights = [0.6, 1.1]\n"

Edit = Callable[[str, str], tuple[str, str]]


def reversed_lines(text: str) -> str:
    return "\n".join(reversed(text.splitlines())) + "\n"


LAYOUT: dict[str, Edit] = {
    "comments": lambda lora, captions: ("# one\n" + lora + "# two\n", captions.replace("\n", " # three\n")),
    "crlf": lambda lora, captions: (lora.replace("\n", "\r\n"), captions.replace("\n", "\r\n")),
    "keys": lambda lora, captions: (
        reversed_lines(LORA) + "[evaluate]\nweights = [0.6, 1.1]\n[train]\nseed = 7\nrank = 16\n",
        captions,
    ),
    "dotted keys": lambda lora, captions: (
        LORA + "train.rank = 16\ntrain.seed = 7\nevaluate.weights = [0.6, 1.1]\n",
        captions,
    ),
    "order of captions": lambda lora, captions: (lora, reversed_lines(captions)),
    "white space in captions": lambda lora, captions: (
        lora,
        captions.replace("char walks", "char \\t  walks"),
    ),
    "lines in captions": lambda lora, captions: (
        lora,
        captions.replace(' = "', ' = """\n').replace('."', '.\n"""').replace("walks ", "walks\n  "),
    ),
    "tables of defaults": lambda lora, captions: (
        lora,
        captions.replace(' = "', ' = { repeats = 1, skip = false, caption = "').replace('."', '." }'),
    ),
    "names with extension": lambda lora, captions: (
        lora,
        captions.replace(" = ", ".mp4 = ").replace("mira_0", '"mira_0').replace(".mp4", '.mp4"'),
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return folder(tmp_path / "p", LORA + SETTINGS)


def of_clip(key: str, *verbs: str) -> set[str]:
    return {f"{verb}:fast:{key}" if verb in ("bucket", "latents") else f"{verb}:{key}" for verb in verbs}


def caption(root: Path, key: str, value: str) -> State:
    """The state once the line of one clip holds another value."""
    lines = [f"{key} = {value}" if line.startswith(key) else line for line in read(root).splitlines()]
    (root / "captions.toml").write_text("\n".join(lines) + "\n")
    return state(root)


def read(root: Path) -> str:
    return (root / "captions.toml").read_text()


def table(key: str, more: str) -> str:
    return f'{{ caption = "{CAPTIONS[key]}", {more} }}'


@pytest.mark.parametrize("edit", LAYOUT.values(), ids=LAYOUT)
def test_layout_changes_nothing(edit: Edit, root: Path) -> None:
    before = state(root)
    files = edit((root / "lora.toml").read_text(), read(root))
    assert files != ((root / "lora.toml").read_text(), read(root))
    (root / "lora.toml").write_bytes(files[0].encode())
    (root / "captions.toml").write_bytes(files[1].encode())
    assert state(root).prints == before.prints


def test_a_renamed_clip_concerns_lint_and_report_alone(root: Path) -> None:
    before = state(root)
    (root / "clips" / "mira_02.mp4").rename(root / "clips" / "zoe.mp4")
    (root / "captions.toml").write_text(read(root).replace("mira_02", "zoe"))
    after = state(root)
    assert after.new(before) == {"lint:zoe", "lint:all", "lint:tokens", "report:fast"}


def test_an_added_clip_leaves_the_others_alone(root: Path) -> None:
    before = state(root)
    captions = {**CAPTIONS, "a_new_one": "mira_char sings."}
    folder(root, LORA + SETTINGS, captions)
    after = state(root)
    new = after.new(before)
    own = of_clip("a_new_one", *PER_CLIP)
    assert own <= new
    assert after.stages(new - own).isdisjoint(
        {"probe", "scan", "transcode", "preview", "bucket", "lint_clip"}
    )
    assert after.stages(new - own).isdisjoint({"latents", "text"})
    shared = {name for name in after.prints if ".base." in name}
    assert shared and shared.isdisjoint(new), "the base's samples are the same whatever is trained"
    assert "dataset:fast" in new and "lint:all" in new


def test_an_edited_caption_is_encoded_and_trained_again(root: Path) -> None:
    before = state(root)
    after = caption(root, "mira_03", '"mira_char runs through scene 03 at dusk."')
    own = of_clip("mira_03", "text", "plain", "lint")
    assert after.first(before) == own | {"lint:tokens"}
    rest = after.stages(after.new(before) - own)
    assert rest == {
        "lint",
        "lint_tokens",
        "dataset",
        "train",
        "loss",
        "select",
        "sample",
        "decode",
        *AFTER_TRAINING,
    }


def test_an_edit_that_is_taken_back_needs_nothing(root: Path) -> None:
    before = state(root)
    caption(root, "mira_03", '"mira_char runs."')
    assert caption(root, "mira_03", f'"{CAPTIONS["mira_03"]}"').prints == before.prints


def test_another_file_under_the_same_name(root: Path) -> None:
    before = state(root)
    (root / "clips" / "mira_03.mp4").write_text("other")
    after = state(root)
    assert after.first(before) == {"probe:mira_03"}
    others = {name for key in set(CAPTIONS) - {"mira_03"} for name in of_clip(key, *PER_CLIP)}
    assert others <= set(after.prints) and others.isdisjoint(after.new(before))


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ("start = 0.5", {"scan:mira_03", "transcode:mira_03"}),
        ("end = 1.5", {"scan:mira_03", "transcode:mira_03"}),
        ("repeats = 3", {"dataset:fast", "lint:all"}),
        ("weight = 0.5", {"dataset:fast", "lint:all"}),
        ("holdout = true", {"dataset:fast"}),
        ('crop = "left"', {"bucket:fast:mira_03", "lint:mira_03"}),
        ("draft = true", {"lint:mira_03"}),
    ],
)
def test_keys_of_a_clip(more: str, first: set[str], root: Path) -> None:
    before = state(root)
    assert caption(root, "mira_03", table("mira_03", more)).first(before) == first


def test_a_skipped_clip_makes_nothing_of_its_own_new(root: Path) -> None:
    before = state(root)
    after = caption(root, "mira_03", table("mira_03", "skip = true"))
    gone = of_clip("mira_03", *PER_CLIP)
    assert gone <= set(before.prints) and gone.isdisjoint(after.prints)
    assert after.first(before) == {"lint:all", "lint:tokens", "dataset:fast"}
