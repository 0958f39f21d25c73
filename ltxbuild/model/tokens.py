"""How a base's tokenizer cuts texts, without a model and without torch. Knows no rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ltxbuild.job import StageError

FILE = "tokenizer.json"


@dataclass(frozen=True)
class Cutter:
    """An open tokenizer."""

    _tokenizer: Any
    _unknown: int | None

    def count(self, text: str) -> int:
        """Tokens of a text as the text encoder is given it, those that mark its start and end included."""
        return len(self._tokenizer.encode(text.strip()).ids)

    def whole(self, word: str) -> bool:
        """Whether a word, at the start of a text or within it, is one token that the vocabulary has."""
        return any(self._single(text) for text in (word, f" {word}"))

    def _single(self, text: str) -> bool:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return len(ids) == 1 and ids[0] != self._unknown


@lru_cache(maxsize=1)
def open_cutter(base: Path) -> Cutter | None:
    """The tokenizer of a base's folder; None if it has none in the form that can be read alone (tokenizer.json).

    Raises StageError for a damaged file.
    """
    from tokenizers import Tokenizer

    path = base / "tokenizer" / FILE
    if not path.is_file():
        return None
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as error:
        if type(error) is not Exception:  # the library raises nothing more particular for a damaged file
            raise
        raise StageError(f"the base's tokenizer/{FILE} cannot be read: {error}") from None
    found.no_padding()
    found.no_truncation()
    return Cutter(found, found.token_to_id(str(getattr(found.model, "unk_token", None) or "<unk>")))
