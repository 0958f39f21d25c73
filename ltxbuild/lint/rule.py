"""What a rule is and what it finds; knows no particular rule, no settings and no files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ltxbuild.job import Json, JsonDict

Severity: TypeAlias = Literal["E", "W", "I"]
Scope: TypeAlias = Literal["clip", "set", "settings", "ignores", "tokens", "asked"]

CAPTIONS = "captions.toml"
SETTINGS = "lora.toml"


@dataclass(frozen=True)
class Hit:
    """One place where a rule found something. `time` is in seconds of the clip, `severity` overrides the
    rule's.
    """

    message: str
    file: str
    key: str | None = None
    time: float | None = None
    severity: Severity | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)
    fix: str | None = None


Check: TypeAlias = Callable[[Any], Iterator[Hit]]


@dataclass(frozen=True)
class Rule:
    """A rule: `severity` E blocks training, W warns, I informs; `modes` names other severities for some
    modes.
    """

    code: str
    name: str
    severity: Severity
    scope: Scope
    summary: str
    text: str
    check: Check
    modes: Mapping[str, Severity]

    def findings(self, facts: object) -> list[JsonDict]:
        """What the rule finds in the facts of its scope, as data for findings.json."""
        return [self._finding(hit) for hit in self.check(facts)]

    def _finding(self, hit: Hit) -> JsonDict:
        where: JsonDict = {"file": hit.file, "key": hit.key, "time": hit.time}
        return {
            "code": self.code,
            "name": self.name,
            "severity": hit.severity or self.severity,
            "message": hit.message,
            "where": where,
            "evidence": dict(hit.evidence),
            "fix": hit.fix,
        }


def rule(
    code: str,
    name: str,
    severity: Severity,
    scope: Scope,
    modes: Mapping[str, Severity] | None = None,
) -> Callable[[Check], Rule]:
    """Make a rule of a function: its docstring's first line is the summary, the whole of it the long text."""

    def wrap(check: Check) -> Rule:
        text = inspect.getdoc(check) or ""
        return Rule(code, name, severity, scope, text.split("\n")[0], text, check, modes or {})

    return wrap
