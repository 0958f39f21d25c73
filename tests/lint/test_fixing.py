"""What lint mends in a caption, and what it leaves alone; mended captions have no such finding, and mending ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.lint.fixing import FIXES, Concept, mended
from ltxbuild.lint.registry import RULES
from tests.lint.material import CAPTION, clip_facts

MIRA = Concept("mira_char", "woman")


def mend(caption: str, unsafe: bool = False) -> tuple[list[str], str]:
    steps = list(mended(caption, MIRA, lambda fix: fix.safe or unsafe))
    return [fix.code for fix, _ in steps], steps[-1][1] if steps else caption


@pytest.mark.parametrize(
    ("before", "codes", "after"),
    [
        ("mirachar, a woman, walks.", ["TRG702"], "mira_char, a woman, walks."),
        ("Mira_Char's scarf flutters.", ["TRG702"], "mira_char's scarf flutters."),
        ("mira char walks along a street.", ["TRG702"], "mira_char walks along a street."),
        ("A woman, mira_char, walks.", ["TRG703"], "mira_char, a woman, walks."),
        ("A woman walks with mira_char.", ["TRG703"], "mira_char, a woman walks with."),
        ("mira_char walks. mira_char's hat falls.", ["TRG704"], "mira_char walks. The woman's hat falls."),
        ("mira_char walks while mira_char sings.", ["TRG704"], "mira_char walks while the woman sings."),
        ("mira_char. The video shows a woman who walks.", ["CAP604"], "mira_char, a woman who walks."),
        ("This clip depicts mira char on a hill.", ["TRG702", "CAP604"], "mira_char on a hill."),
        (CAPTION, [], CAPTION),
        ("a woman walks", [], "a woman walks"),
        ("The red scarf of mira_char's sister.", [], "The red scarf of mira_char's sister."),
    ],
)
def test_what_is_mended(before: str, codes: list[str], after: str) -> None:
    assert mend(before) == (codes, after)


def test_a_missing_trigger_is_put_in_front_when_that_is_asked_for() -> None:
    assert mend("A woman walks.", unsafe=True) == (["TRG701"], "mira_char, a woman walks.")
    assert mend("", unsafe=True) == ([], "")


@given(
    st.lists(
        st.sampled_from(["mira_char", "mirachar", "a woman", "walks", ",", ".", "The video shows"]),
        max_size=8,
    )
)
def test_mending_ends_and_leaves_the_trigger_once(parts: list[str]) -> None:
    after = " ".join(parts)
    for _ in parts:  # one variant is spelt, one mention replaced, at a time
        after = mend(after)[1]
    assert mend(after) == ([], after)
    assert not RULES["TRG704"].findings(clip_facts(caption=after))


def test_fixes_are_of_rules_that_exist() -> None:
    assert all(RULES[fix.code].name == fix.name for fix in FIXES)
