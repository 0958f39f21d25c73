"""What `[lint]` and the comments in captions.toml make of findings, as parameters of those who weigh them."""

from __future__ import annotations

from ltxbuild.job import JsonDict
from ltxbuild.recipe.scope import Scope


def weights_of_lint(scope: Scope) -> JsonDict:
    """Rules that count, their severities, and what each clip ignores."""
    settings = scope.project.settings
    return {
        "select": list(settings.get("lint.select")),
        "ignore": list(settings.get("lint.ignore")),
        "severity": dict(settings.get("lint.severity")),
        "ignored": {clip.key: list(clip.ignore) for clip in scope.active if clip.ignore},
    }
