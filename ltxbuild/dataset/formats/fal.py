"""The zip of fal.ai's LTX trainers: clips with .txt of the same name, or pairs NAME_start and NAME_end.

Facts: fal.ai/models/fal-ai/ltx23-trainer-v2/t2v (one zip; .mp4 .mov .avi .mkv or .png .jpg .jpeg, videos only or images
only; captions as .txt of the same base name; subfolders are fine) and .../ic-lora/v2v (`<name>_start` is the reference,
`<name>_end` the target). Where the caption of a pair stands is read leniently: NAME.txt, NAME_end.txt or
NAME_start.txt; written is NAME.txt.
"""

from __future__ import annotations

from collections.abc import Sequence

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats import sidecars
from ltxbuild.dataset.source import LARGEST_SIDECAR, Source, stem_of, suffix_of
from ltxbuild.problem import Problem, Span
from ltxbuild.project.clips import IMAGES

START, END = "_start", "_end"
ACCEPTED = frozenset({".mp4", ".mov", ".avi", ".mkv", ".png", ".jpg", ".jpeg"})


def _pairs(source: Source) -> dict[str, tuple[str, str]]:
    """By name, the target and its reference."""
    by_stem = {stem_of(clip): clip for clip in source.clips()}
    return {
        stem.removesuffix(END): (clip, by_stem[stem.removesuffix(END) + START])
        for stem, clip in by_stem.items()
        if stem.endswith(END) and stem.removesuffix(END) + START in by_stem
    }


def recognise(source: Source) -> list[Match]:
    """Pairs anywhere, or a zip of clips with sidecars."""
    if source.only:
        return []
    pairs = _pairs(source)
    if pairs:
        return [Match(f"{next(iter(pairs))} has a {START} and an {END}")]
    beside = sidecars.recognise(source) if source.archive else []
    return [Match(f"it is a zip, and {match.reason}") for match in beside]


def read(source: Source, match: Match) -> Reading:
    """Pairs if there are any, else clips with sidecars."""
    pairs = _pairs(source)
    if not pairs:
        return sidecars.read(source, match)
    found = Reading()
    for name, (target, reference) in pairs.items():
        texts = [name + suffix for suffix in (".txt", f"{END}.txt", f"{START}.txt")]
        sidecar = next((text for text in texts if text in source.files), None)
        found.used |= set(texts)
        if sidecar is None:
            found.leave("D201", f"{target} has no caption", None, f"write {texts[0]}")
            found.used |= {target, reference}
            continue
        caption = source.text(sidecar, LARGEST_SIDECAR)
        if isinstance(caption, Problem):
            found.leave(
                caption.code, f"{target} has no caption: {caption.message}", caption.span, caption.hint
            )
            found.used |= {target, reference}
        else:
            stem = name.rpartition("/")[2]
            found.take(Entry(target, caption, 1, reference, Span(sidecar, 1), stem))
    return found


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """Flat; pairs if any clip has a reference."""
    made = Layout()
    if not any(entry.reference for entry in entries):
        sidecars.put_beside(made, "", entries)
        return made
    for entry in entries:
        stem = stem_of(entry.path)
        made.texts[f"{stem}.txt"] = entry.caption
        made.copies[f"{stem}{END}{suffix_of(entry.path)}"] = entry.path
        if entry.reference:
            made.copies[f"{stem}{START}{suffix_of(entry.reference)}"] = entry.reference
    return made


def remarks(entries: Sequence[Entry]) -> list[str]:
    """What fal will not accept."""
    said = [
        f"fal does not accept {suffix_of(e.path)}: {e.path}"
        for e in entries
        if suffix_of(e.path) not in ACCEPTED
    ]
    images = sum(suffix_of(entry.path) in IMAGES for entry in entries)
    if 0 < images < len(entries):
        said.append("fal accepts videos only or images only, and this dataset has both")
    return said


FORMAT = Format("fal", recognise, read, layout, zipped=True, remarks=remarks)
