"""Render pictures with words beside them as a contact sheet. Knows nothing of what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ltxbuild.page.media import LIMIT, Media
from ltxbuild.page.report import Page
from ltxbuild.page.shell import fill


@dataclass(frozen=True)
class Card:
    """One picture (by its name in `media`, or none), a title and lines of text."""

    title: str
    lines: Sequence[str]
    picture: str = ""


def render_sheet(
    title: str, lead: str, cards: Sequence[Card], media: Mapping[str, bytes], *, limit: int = LIMIT
) -> Page:
    """A page with one card after the other."""
    store = Media(media, limit)
    values = {"title": title, "lead": lead, "cards": cards, "media": store}
    return Page(fill("sheet.html", values, beside=store.beside), store.files)
