"""Answers of models become captions that lint has nothing against but that they are drafts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.lint.captions import _BOILERPLATE
from ltxbuild.project.caption_style import STYLES
from ltxbuild.project.draft import QUESTIONS, caption_of, question
from ltxbuild.project.names import control_character
from ltxbuild.project.types import TYPES

SHORT, LONG = STYLES["short"], STYLES["long"]


def test_every_type_has_a_question_that_leaves_out_what_the_trigger_says() -> None:
    assert set(QUESTIONS) == set(TYPES)
    for kind, asked in QUESTIONS.items():
        text = question(kind, "owl", 8, SHORT)
        assert asked.say in text
        assert "8 frames" in text
        assert (f"Do not mention {asked.leave}." in text) == (kind != "control")
        assert asked.why
        assert ("Call the subject an owl" in text) == (kind in ("character", "object"))
    assert "frames of one" not in question("style", "video", 0, SHORT)


@pytest.mark.parametrize(
    ("answer", "caption"),
    [
        ("A woman in a red coat walks.", "mira_char, a woman in a red coat walks."),
        ("The video shows a woman in a park.", "mira_char, a woman in a park."),
        ("In this image, we can see a woman who sits.", "mira_char, a woman who sits."),
        ("The short video clip features a woman.", "mira_char, a woman."),
        ('**Caption:** "A woman runs."', "mira_char, a woman runs."),
        ("<think>hm, a man?</think>A woman runs.", "mira_char, a woman runs."),
        ("Here is a caption for the clip: The woman smiles.", "mira_char, the woman smiles."),
        ("Sure! The image depicts a woman.\nShe\twaves.", "mira_char, a woman. She waves."),
        ("A woman runs. She stops. She turns.", "mira_char, a woman runs. She stops."),
        ("A woman runs. She stops and then", "mira_char, a woman runs."),
        ("A person in a hat waves.", "mira_char, a woman, a person in a hat waves."),
        ("mira_char, a woman, waves.", "mira_char, a woman, waves."),
        ("Paris at night, a woman waves.", "mira_char, Paris at night, a woman waves."),
        ("A wo\u200bman</s> \x00waves by a woman.", "mira_char, a wo man waves by a woman."),
        ("...", ""),
        ("<think>nothing else", ""),
    ],
)
def test_an_answer_becomes_a_plain_caption(answer: str, caption: str) -> None:
    assert caption_of(answer, "character", "mira_char", "woman", SHORT) == caption


def test_the_class_word_is_added_only_where_lint_asks_for_it() -> None:
    assert caption_of("Rain falls.", "style", "noir_style", "video", SHORT) == "noir_style, Rain falls."
    assert (
        caption_of("It rolls.", "object", "robo_x", "orange car", SHORT) == "robo_x, an orange car, It rolls."
    )


@given(st.text(max_size=80), st.sampled_from(sorted(QUESTIONS)))
def test_any_answer_gives_a_caption_that_the_project_accepts(answer: str, kind: str) -> None:
    caption = caption_of(answer, kind, "mira_char", "woman", SHORT)
    assert not caption or caption.startswith("mira_char, ")
    assert control_character(caption) is None
    assert caption == " ".join(caption.split())
    assert caption.count("mira_char") <= 1


@pytest.mark.parametrize("seen", ["The video shows", "This clip depicts", "In this image, we see", "We see"])
def test_what_lint_calls_boilerplate_is_taken_out(seen: str) -> None:
    assert _BOILERPLATE.search(f"{seen} a woman.")
    assert not re.search(
        "video|clip|image|see", caption_of(f"{seen} a woman.", "style", "noir_x", "video", SHORT)
    )


def test_a_long_style_asks_for_a_paragraph_and_keeps_it() -> None:
    assert "120 to 200 words" in question("character", "woman", 8, LONG)
    answer = "A woman walks. Rain falls. She stops, looks up. A car passes."
    assert caption_of(answer, "character", "mira_char", "woman", LONG) == f"mira_char, a{answer[1:]}"
    assert (
        caption_of(answer, "character", "mira_char", "woman", SHORT)
        == "mira_char, a woman walks. Rain falls."
    )
