"""The schemas that editors read: kept beside a project, found by the first line of its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ltxbuild.project.schema import FOLDER, captions_schema, lora_schema, write_schemas
from ltxbuild.project.template import TEMPLATES


def test_missing_and_outdated_ones_are_written_and_others_left_alone(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    lora, captions = (tmp_path / FOLDER / f"{name}.json" for name in ("lora", "captions"))
    assert [json.loads(path.read_text()) for path in (lora, captions)] == [lora_schema(), captions_schema()]
    lora.write_text("{}")
    before = captions.stat()
    write_schemas(tmp_path)
    assert json.loads(lora.read_text()) == lora_schema()
    assert captions.stat().st_ino == before.st_ino and captions.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["captions.json", "lora.json"]


@pytest.mark.parametrize("name", ["lora", "captions"])
def test_templates_point_at_them(name: str) -> None:
    found = sorted(TEMPLATES.glob(f"*/{name}.toml"))
    assert len(found) >= 6
    for path in found:
        assert path.read_text().splitlines()[0] == f"#:schema {FOLDER.as_posix()}/{name}.json"
