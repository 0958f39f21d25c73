"""Names under which clips can stand beside each other on every file system. Knows no file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ltxbuild.dataset.source import CLIPS, stem_of, suffix_of
from ltxbuild.project.clips import fold
from ltxbuild.project.names import control_character

# What no file name may have on some file system, and what ltxbuild does not allow in keys.
FORBIDDEN = frozenset('/\\<>:"|?*')
# Windows reserves these whatever the extension.
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10))})
# File systems allow 255 bytes: room for an extension, and for a number that keeps names apart.
MOST_BYTES = 200


def safe_stem(stem: str) -> str:
    """The stem in composed form, with `_` for what a name may not have."""
    composed = unicodedata.normalize("NFC", stem)
    clean = "".join("_" if sign in FORBIDDEN or control_character(sign) else sign for sign in composed)
    clean = clean.encode("utf-8")[:MOST_BYTES].decode("utf-8", "ignore").strip(" .")
    if suffix_of(clean) in CLIPS:
        # `a.mp4.mp4` beside `a.mp4`: in captions.toml the key `a.mp4` could be either.
        clean = stem_of(clean) + "_" + suffix_of(clean)[1:]
    return f"_{clean}" if not clean or clean.casefold() in RESERVED else clean


def unique_stems(stems: Iterable[str]) -> list[str]:
    """A safe stem for each, in their order; those that are one name where case does not count get a number.

    A stem that needs no change keeps its name, whatever comes before it.
    """
    wanted = list(stems)
    taken: set[str] = set()
    found: dict[int, str] = {}
    for easy in (True, False):
        for index, stem in enumerate(wanted):
            if index in found or (safe_stem(stem) == stem) is not easy:
                continue
            name = _free(safe_stem(stem), taken)
            taken.add(fold(name))
            found[index] = name
    return [found[index] for index in range(len(wanted))]


def _free(stem: str, taken: set[str]) -> str:
    number, name = 1, stem
    while fold(name) in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
