"""Templates, style, script and the content policy that binds them. Knows nothing of reports."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup


class _Own(BaseLoader):
    """Templates beside this module, also from a zip."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        if template not in ("report.html", "lint.html", "sheet.html", "parts.html"):
            raise TemplateNotFound(template)
        return read(template), template, None


def read(name: str) -> str:
    """A file of this package."""
    return files("ltxbuild.page").joinpath(name).read_text("utf-8")


def environment() -> Environment:
    """Everything is escaped: names and captions come from strangers; a missing value is a bug, not a blank."""
    made = Environment(
        loader=_Own(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(counted=counted, percent=percent, signed=signed, seconds=seconds, size=size)
    return made


def fill(template: str, values: Mapping[str, Any], *, beside: bool) -> bytes:
    """The finished page. Style and script are allowed by their digests alone, all else is refused."""
    style, script = read("style.css"), read("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            # A page opened as a file has no origin that 'self' could name.
            "img-src data:" + (" 'self' file:" if beside else ""),
            "media-src data:" + (" 'self' file:" if beside else ""),
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    # Both are files of this package, bound by their digests in the policy.
    shell = {"policy": policy, "style": Markup(style), "script": Markup(script)}  # noqa: S704
    text = environment().get_template(template).render({**values, **shell})
    return text.encode("utf-8")


def counted(number: int, word: str) -> str:
    """1 clip, 2 clips."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def percent(value: float) -> str:
    """A log ratio or share as signed per cent."""
    return f"{value * 100:+.1f} %"


def signed(value: float) -> str:
    """Three digits with a sign."""
    return f"{value:+.3f}"


def seconds(value: float) -> str:
    """A duration for people."""
    minutes, rest = divmod(round(value), 60)
    if value < 10:
        return f"{value:.1f} s"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(value: float) -> str:
    """Bytes for people."""
    return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value / 1e3:.0f} kB"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
