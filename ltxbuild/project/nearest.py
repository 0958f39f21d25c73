"""The nearest of several names, for "did you mean"; knows only strings."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as "did you mean `rank`?", or an empty string if nothing is close."""
    from difflib import get_close_matches

    names = sorted(known)
    folded = {name.casefold(): name for name in names}
    found = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return f"did you mean `{folded[found[0]]}`?" if found else ""
