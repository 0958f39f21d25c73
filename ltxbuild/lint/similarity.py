"""How alike two texts or two clips are; knows no rule and no threshold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from statistics import median

import numpy as np
from numpy.typing import NDArray

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


def numbers(hashes: Sequence[str]) -> tuple[int, ...]:
    """Perceptual hashes in hexadecimal as numbers, to be compared many times."""
    return tuple(int(text, 16) for text in hashes)


def hash_distance(one: Sequence[int], other: Sequence[int]) -> float:
    """Median over the frames of the number of differing bits between perceptual hashes."""
    return float(median((a ^ b).bit_count() for a, b in zip(one, other, strict=True)))


def near_pairs(
    frames: Mapping[str, Sequence[int]], limit: float, others: Mapping[str, Sequence[int]] | None = None
) -> Iterator[tuple[str, str, float]]:
    """Two keys in their order, and the distance, for all pairs with as many frames that are no further apart.

    With `others` the second of each pair is taken from there.

    A median is above the limit if more than half of the frames are: nearly all pairs are told apart by the first of them,
    one clip with all that follow it at a time.
    """
    rows = list(frames.items())
    groups = _by_length(list((others or frames).items()))
    for index, (one, first) in enumerate(rows):
        found = groups.get(len(first))
        if found is None:
            continue
        places, keys, table = found
        start = int(np.searchsorted(places, index, side="right"))
        half = np.array(first[: len(first) // 2 + 1], np.uint64)
        bits = np.bitwise_count(table[start:, : len(half)] ^ half)
        for near in np.flatnonzero((bits <= limit).any(axis=1)):
            distance = hash_distance(first, [int(n) for n in table[start + near]])
            if distance <= limit:
                yield one, keys[start + near], distance


def nearest_pairs(pairs: Iterable[tuple[str, str, float]]) -> Iterator[tuple[str, str, float, int]]:
    """Of all pairs (one, other, distance) with the same other the nearest, and how many more there are.

    Twenty clips that are all alike make twenty findings, not two hundred.
    """
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for one, other, distance in pairs:
        found[other].append((distance, one))
    for other, near in found.items():
        distance, one = min(near)
        yield one, other, distance, len(near) - 1


def and_more(more: int) -> str:
    """Words for the pairs that are not named."""
    return f" (and {more} more)" if more else ""


_Group = tuple[NDArray[np.int64], list[str], NDArray[np.uint64]]


def _by_length(rows: Sequence[tuple[str, Sequence[int]]]) -> dict[int, _Group]:
    """Clips by how many frames they have: their places among all, keys, and hashes [clips, frames]."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, (_, found) in enumerate(rows):
        places[len(found)].append(place)
    return {
        length: (
            np.array(at, np.int64),
            [rows[place][0] for place in at],
            np.array([rows[place][1] for place in at], np.uint64).reshape(len(at), length),
        )
        for length, at in places.items()
    }
