"""What a base's tokenizer says of words, read without a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ltxbuild.job import StageError
from ltxbuild.model.tokens import open_cutter

TINY = Path(__file__).parents[2] / "ltxbuild" / "bases" / "tiny"


def test_a_word_that_texts_are_full_of_is_one_token() -> None:
    cutter = open_cutter(TINY)
    assert cutter is not None
    assert cutter.whole("circle") and cutter.whole("red")
    assert not any(cutter.whole(word) for word in ("mira_char", "sks", "noir85_style", "red circle"))


def test_tokens_are_counted_as_the_text_encoder_is_given_them() -> None:
    from transformers import AutoTokenizer

    cutter = open_cutter(TINY)
    theirs = AutoTokenizer.from_pretrained(TINY / "tokenizer", local_files_only=True)
    assert cutter is not None
    for text in ("", "a red circle", " mira_char, a woman laughs. ", "x " * 200):
        assert cutter.count(text) == len(theirs(text.strip(), add_special_tokens=True)["input_ids"])


def test_a_base_without_the_file_says_nothing_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert open_cutter(tmp_path) is None
    (tmp_path / "b" / "tokenizer").mkdir(parents=True)
    (tmp_path / "b" / "tokenizer" / "tokenizer.json").write_text("{")
    with pytest.raises(StageError, match=r"tokenizer\.json cannot be read"):
        open_cutter(tmp_path / "b")


def test_no_torch_is_needed() -> None:
    code = f"""
import sys
from pathlib import Path
from ltxbuild.stages import lint_tokens
from ltxbuild.model.tokens import open_cutter
assert open_cutter(Path({str(TINY)!r})).whole("circle")
print(sorted({{"torch", "transformers", "diffusers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
