"""Every code of importing and exporting is explained, and raised by some test."""

from __future__ import annotations

import re
from pathlib import Path

from ltxbuild.commands.codes import all_codes
from ltxbuild.dataset.codes import CODES

PACKAGE = Path(__file__).parents[2] / "ltxbuild"
FILES = [*(PACKAGE / "dataset").rglob("*.py"), *(PACKAGE / "commands").glob("*ing.py")]


def test_every_code_that_is_used_is_explained_and_no_other() -> None:
    used = {
        c for path in FILES if path.name != "codes.py" for c in re.findall(r'"(D\d{3})"', path.read_text())
    }
    assert used == set(CODES) <= set(all_codes())
    assert all(len(text) > 50 and text.endswith(".") for _, text in CODES.values())
    assert len({name for name, _ in CODES.values()}) == len(CODES)


def test_every_code_is_met_in_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [code for code in CODES if code not in tests]
