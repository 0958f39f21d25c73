"""Every rule there is, by code and by name."""

from __future__ import annotations

from ltxbuild.lint import (
    audio,
    captions,
    clips,
    dataset,
    detected,
    fitting,
    heard,
    motion,
    overlaid,
    pixels,
    settings,
    subject,
    tokens,
    trigger,
    wording,
)
from ltxbuild.lint.rule import Rule, Scope

RULES: dict[str, Rule] = {
    rule.code: rule
    for module in (
        clips,
        fitting,
        pixels,
        overlaid,
        motion,
        subject,
        detected,
        dataset,
        audio,
        heard,
        captions,
        wording,
        trigger,
        tokens,
        settings,
    )
    for rule in (*module.RULES, *getattr(module, "OF_ALL", ()))
}


def rules_of(scope: Scope) -> list[Rule]:
    """The rules of a scope, in the order of their codes."""
    return [RULES[code] for code in sorted(RULES) if RULES[code].scope == scope]


def find_rule(name: str) -> Rule | None:
    """A rule by its code in any case, or by its readable name."""
    for rule in RULES.values():
        if name.upper() == rule.code or name.lower() == rule.name:
            return rule
    return None
