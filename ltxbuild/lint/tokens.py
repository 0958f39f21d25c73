"""Rules that ask the base's own tokenizer: they run once the base is here, and before training at the latest."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.lint.facts import TokenFacts
from ltxbuild.lint.rule import CAPTIONS, SETTINGS, Hit, rule


@rule("TRG706", "trigger-one-token", "E", "tokens")
def trigger_one_token(tokens: TokenFacts) -> Iterator[Hit]:
    """The trigger is one token of the base's tokenizer: the model knows it as something already.

    A word gets a token of its own because it stands in many texts. The LoRA would fight with what it means, and change
    every prompt that has it. An invented word falls into several pieces, which together mean nothing yet.
    """
    if tokens.trigger and tokens.whole:
        message = f"the trigger {tokens.trigger} is one token of the base's tokenizer: prompts that have it would change"
        fix = "invent a word, or add an underscore and a second part"
        yield Hit(message, SETTINGS, "trigger", evidence={"tokens": 1}, fix=fix)


@rule("CAP613", "cut-off", "E", "tokens")
def cut_off(tokens: TokenFacts) -> Iterator[Hit]:
    """The caption has more tokens than the text encoder reads: its end would be cut off.

    LTX-2.3 reads 1,024 tokens, some 700 words. Shorten the caption: what matters stands in its first sentences.
    """
    for key, count in sorted(tokens.counts.items()):
        if count > tokens.length:
            message = f"the caption of {key} has {count} tokens; the text encoder reads {tokens.length}"
            yield Hit(message, CAPTIONS, key, evidence={"tokens": count, "limit": tokens.length})


RULES = (trigger_one_token, cut_off)
