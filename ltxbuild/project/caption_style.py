"""How long captions are, as `caption_style` chooses: what lint accepts and what a captioner is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CaptionStyle:
    """`words` and `sentences` at most (None: any number of sentences), and the tokens of such an answer."""

    words: int
    sentences: int | None
    tokens: int
    asked: str


# One or two sentences are the training guide's advice; a paragraph of up to 200 words is what LTX's own prompt guides
# call for. English takes some 1.3 tokens a word; a half more leaves room for other tokenizers.
STYLES: dict[str, CaptionStyle] = {
    "short": CaptionStyle(60, 2, 160, "in one or two plain sentences, 60 words at most"),
    "long": CaptionStyle(200, None, 400, "in one paragraph of plain sentences, 120 to 200 words"),
}
