"""Whatever stands in the two files, loading returns a project or raises one ProjectError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltxbuild.problem import ProjectError, render
from ltxbuild.project.captions import KEYS
from ltxbuild.project.project import load
from ltxbuild.project.settings import SETTINGS

texts = st.text(max_size=12) | st.sampled_from(
    ["auto", "./x", "~", "a/b", "\0", "x" * 5000, "{subject}", "..", "fast"]
)
numbers = st.integers(-(2**63), 2**63) | st.floats() | st.booleans()
values = st.recursive(
    texts | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
names = texts | st.sampled_from([s.name for s in SETTINGS] + [s.section for s in SETTINGS])
tables = st.dictionaries(names, values | st.dictionaries(names, values, max_size=3), max_size=6)
entries = st.dictionaries(
    texts | st.sampled_from(["a", "b"]), texts | st.dictionaries(st.sampled_from([*KEYS]), values)
)


NAMED = {"name": "n", "trigger": "tt", "class": "c", "type": "style"}


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return repr(value)


def write(path: Path, table: dict[str, Any]) -> None:
    path.write_text("".join(f"{toml(k)} = {toml(v)}\n" for k, v in table.items()))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tables,
    st.just({}) | st.builds(dict, base=texts),
    entries,
    st.lists(st.builds("{}={}".format, names, texts), max_size=2),
)
def test_anything(
    tmp_path: Path, lora: dict[str, Any], base: dict[str, str], captions: dict[str, Any], overrides: list[str]
) -> None:
    (tmp_path / "clips").mkdir(exist_ok=True)
    for name in ("a.mp4", "b.png"):
        (tmp_path / "clips" / name).touch()
    write(tmp_path / "lora.toml", {**NAMED, **lora, **base})
    write(tmp_path / "captions.toml", captions)
    try:
        load(tmp_path, overrides)
    except ProjectError as error:
        assert error.problems and all(render(p) for p in error.problems)


@pytest.mark.parametrize(
    "number", ["9" * 30, "-" + "9" * 400, "9" * 5000, "0x" + "f" * 6000, "[[1], [" + "9" * 20 + "]]"]
)
def test_no_number_has_more_than_64_bits(number: str, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    write(tmp_path / "lora.toml", NAMED)
    (tmp_path / "captions.toml").write_text(f'a = {{ caption = "x", end = {number} }}\n')
    with pytest.raises(ProjectError) as caught:
        load(tmp_path)
    assert [p.code for p in caught.value.problems] == ["P104"]
    assert "numbers have at most 19 digits" in render(caught.value.problems[0])
    (tmp_path / "captions.toml").write_text("")
    with pytest.raises(ProjectError) as caught:
        load(tmp_path, [f"train.rank={number}"])
    assert [p.code for p in caught.value.problems] == ["P202"]


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"\0", b"[", b"[[[[", b'"', b"a.b.c", b"=", b"\xef\xbb\xbf"]
)
def test_any_bytes(data: bytes, tmp_path: Path) -> None:
    for name in ("lora.toml", "captions.toml"):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ProjectError):
        load(tmp_path)
