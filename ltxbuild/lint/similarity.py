"""How alike two texts or two clips are; knows no rule and no threshold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import median

_WORD = re.compile(r"[^\W_](?:[\w'’-]*\w)?", re.UNICODE)


def words(text: str) -> list[str]:
    """The words of a text as written; apostrophes, hyphens and underscores belong to them."""
    return _WORD.findall(text)


def likeness(one: str, other: str) -> float:
    """0 to 100: twice the matching characters over all characters."""
    return 100 * SequenceMatcher(None, one, other, autojunk=False).ratio()


def token_sort(text: str) -> str:
    """Words in lower case and alphabetical order, so that word order does not count."""
    return " ".join(sorted(word.lower() for word in words(text)))


def at_least(one: str, other: str, limit: float) -> bool:
    """Whether likeness reaches the limit, with cheap bounds first."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if 100 * matcher.real_quick_ratio() < limit or 100 * matcher.quick_ratio() < limit:
        return False
    return 100 * matcher.ratio() >= limit


def hash_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Median over the frames of the number of differing bits between perceptual hashes in hexadecimal."""
    pairs = zip(one, other, strict=True)
    return float(median((int(a, 16) ^ int(b, 16)).bit_count() for a, b in pairs))
