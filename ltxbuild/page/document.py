"""One self-contained HTML file: style and script inline with their digests in the content policy. Knows no report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png"}


def text_of(name: str) -> str:
    """A file of this package."""
    return (files("ltxbuild.page") / name).read_text("utf-8")


def render_page(template: str, values: Mapping[str, Any]) -> bytes:
    """Fill a template. Everything is escaped: captions and names come from strangers."""
    environment = Environment(
        loader=FunctionLoader(text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = text_of("style.css"), text_of("script.js")
    policy = (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'sha256-{_sha(style)}'; script-src 'sha256-{_sha(script)}'"
    )
    # The two inline texts are our own files: they must not be escaped, or their digests would not match.
    inline = {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704
    return environment.get_template(template).render(**inline, **values).encode("utf-8")


def _sha(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def data_url(data: bytes) -> str:
    """A picture or an mp4 as data: URL."""
    kind = TYPES.get(data[:2], "video/mp4")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
