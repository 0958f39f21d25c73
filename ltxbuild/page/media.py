"""Pictures and films in a page: inside it as data, or in a folder beside it. Knows bytes and names only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

LIMIT = 25_000_000
"""Above this many bytes of media the page would be slow to open: the files then lie beside it."""
FOLDER = "report_files"


@dataclass
class Media:
    """Hands out the source of each film and drawing once; a second use refers to it, so that no bytes are doubled."""

    content: Mapping[str, bytes]
    limit: int = LIMIT
    files: dict[str, bytes] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all media."""
        return sum(len(data) for data in self.content.values())

    @property
    def beside(self) -> bool:
        """Whether the media are too large to be inside the page."""
        return self.size > self.limit

    def has(self, name: str) -> bool:
        """Whether there is anything to show under `name`."""
        return name in self.content

    def video(self, name: str, label: str) -> Markup:
        """A film that loops silently; a plain frame with words if it was not made."""
        if name not in self.content:
            return Markup('<div class="film none">not made</div>')
        play = Markup('loop muted playsinline controls preload="metadata"')
        if name in self.used and not self.beside:
            return Markup(
                '<video class="film" {} data-same="{}" aria-label="{}"></video>'
                '<noscript><a href="#{}">shown above</a></noscript>'
            ).format(play, self.used[name], label, self.used[name])
        self.used.setdefault(name, f"m{len(self.used)}")
        return Markup('<video class="film" id="{}" {} aria-label="{}" src="{}"></video>').format(
            self.used[name] if not self.beside else f"{self.used[name]}-{label_id(name + label)}",
            play,
            label,
            self.source(name, "mp4"),
        )

    def picture(self, name: str, label: str) -> Markup:
        """A still picture (JPEG), or nothing."""
        if name not in self.content:
            return Markup("")
        return Markup('<img class="strip" alt="{}" loading="lazy" src="{}">').format(
            label, self.source(name, "jpg")
        )

    def drawn(self, name: str, width: int, height: int) -> Markup:
        """A JPEG inside an SVG, stretched to a size; a second use refers to the first, which must be of the same size."""
        if name in self.used:
            return Markup('<use href="#{}"/>').format(self.used[name])
        self.used[name] = f"s-{label_id(name)}"
        return Markup('<image id="{}" href="{}" width="{}" height="{}" preserveAspectRatio="none"/>').format(
            self.used[name], self.source(name, "jpg"), width, height
        )

    def source(self, name: str, kind: str) -> str:
        """The address of the bytes: data, or a file whose name is a digest, as names of clips may be anything."""
        data = self.content[name]
        if not self.beside:
            mime = {"mp4": "video/mp4", "jpg": "image/jpeg"}[kind]
            return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
        path = f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
        self.files[path] = data
        return path


def label_id(text: str) -> str:
    """A short stable id for an element, safe in HTML whatever the text is."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:10]
