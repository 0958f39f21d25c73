"""Similarity of texts and hashes, and the list of known words."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.lint.similarity import at_least, hash_distance, likeness, near_pairs, numbers, token_sort, words
from ltxbuild.lint.vocabulary import familiarity


@pytest.mark.parametrize(("one", "score"), [("mirachar", 94), ("mira char", 89), ("mira_char", 100)])
def test_likeness(one: str, score: int) -> None:
    assert round(likeness(one, "mira_char")) == score
    assert at_least(one, "mira_char", 85)
    assert not at_least("woman", "mira_char", 85)


def test_words() -> None:
    assert words("mira_char's dog, half-asleep: 3 times!") == [
        "mira_char's",
        "dog",
        "half-asleep",
        "3",
        "times",
    ]
    assert token_sort("The dog, the CAT") == token_sort("cat dog the the")


def test_hash_distance_is_the_median() -> None:
    assert hash_distance(numbers(["00", "00", "ff"]), numbers(["00", "01", "00"])) == 1.0


few_bits = st.integers(0, 15)


@given(st.lists(st.lists(few_bits, min_size=1, max_size=5), max_size=6), st.integers(0, 4))
def test_near_pairs_are_all_pairs_that_are_near(clips: list[list[int]], limit: int) -> None:
    frames = {f"clip {index}": clip for index, clip in enumerate(clips)}
    wanted = [
        (one, other, hash_distance(frames[one], frames[other]))
        for one, other in combinations(frames, 2)
        if len(frames[one]) == len(frames[other]) and hash_distance(frames[one], frames[other]) <= limit
    ]
    assert list(near_pairs(frames, limit)) == wanted


@pytest.mark.parametrize("word", ["noir", "Woman", "anime", "dragons", "painted", "running", "fast", "emma"])
def test_common_words(word: str) -> None:
    assert familiarity(word) == "common"


@pytest.mark.parametrize("word", ["sks", "Ghibli", "steampunk"])
def test_known_words(word: str) -> None:
    assert familiarity(word) == "known"


@pytest.mark.parametrize("word", ["mira_char", "noir85_style", "bbb_style", "zxqv", "kestrl", "ohmira"])
def test_words_that_nobody_uses(word: str) -> None:
    assert familiarity(word) is None
