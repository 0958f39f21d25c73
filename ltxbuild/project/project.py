"""A project folder as one frozen value: settings, base, clips with captions; or all that is wrong with it.

Reads lora.toml, captions.toml and the names in clips/; opens no clip and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ltxbuild.job import JsonDict
from ltxbuild.problem import Problem, ProjectError, Span
from ltxbuild.project.base import BaseRef
from ltxbuild.project.captions import BY_SUBJECT, Entry, read_captions
from ltxbuild.project.clips import FOLDER, REFERENCES, ClipFile, by_caption_key, fold, list_clips
from ltxbuild.project.continued import check_start
from ltxbuild.project.identity import read_identity
from ltxbuild.project.memory import AS_IS, Fit, device_of, fit, fit_text, gpus
from ltxbuild.project.pins import NO_PINS, Pins, read_pins
from ltxbuild.project.resolved import Settings
from ltxbuild.project.settings import MODES, find
from ltxbuild.project.subject import TYPES as WITH_SUBJECT
from ltxbuild.project.subject import check_subject
from ltxbuild.project.toml_file import Document, read_document
from ltxbuild.project.train_settings import AUDIO

LORA, CAPTIONS = "lora.toml", "captions.toml"


@dataclass(frozen=True)
class Clip:
    """One clip: `path` and `reference` from the project's folder with forward slashes, times in seconds."""

    key: str
    path: str
    caption: str | None
    start: float | None
    end: float | None
    repeats: int
    skip: bool
    holdout: bool
    crop: str | None
    draft: bool
    image: bool
    ignore: tuple[str, ...] = ()
    reference: str | None = None
    weight: float = 1.0

    @property
    def drawn(self) -> int | float:
        """How often it is drawn in comparison with others: its repeats, times its weight."""
        return self.repeats if self.weight == 1 else self.repeats * self.weight


# What `auto` tries in turn: each is nearer to the weights as they are than the next.
BY_ITSELF = (AS_IS, "int8")


@dataclass(frozen=True)
class Project:
    """Everything that a build needs to know about a folder.

    `orphans` are keys of captions without a clip, `strays` references without one. `rehearsal`: seen on the tiny base, so
    that a verdict says nothing about the concept.
    """

    root: Path
    name: str
    trigger: str
    class_word: str
    type: str
    base: BaseRef
    clips: tuple[Clip, ...]
    orphans: tuple[str, ...]
    settings: Settings
    lora: Document
    captions: Document
    pins: Pins = NO_PINS
    rehearsal: bool = False
    strays: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """Precision of the base's weights: [memory] precision; for auto what the lock pins, else the card's."""
        wanted = str(self.settings.get("memory.precision"))
        return self.pins.precision or self.base.card.precision if wanted == "auto" else wanted

    @property
    def hears(self) -> bool:
        """Whether the LoRA that is delivered is trained on sound."""
        return bool(self.settings.mode(str(self.settings.get("train.mode"))).audio != "none")

    def asks(self, who: str) -> str:
        """The model that [lint] names as detector or listener, a folder or a Hub id; empty if it has nothing to do."""
        if who == "detector":
            needed = self.type in WITH_SUBJECT or any(clip.crop == BY_SUBJECT for clip in self.clips)
        else:
            needed = self.hears
        return str(self.settings.get(f"lint.{who}")) if needed else ""

    @property
    def device(self) -> str:
        """Where models compute: cpu or cuda."""
        return device_of(str(self.settings.get("memory.device")))

    @property
    def gpu(self) -> float | None:
        """GiB of the smallest GPU that models run on; None on a CPU, and for a base that fits anywhere."""
        if self.base.card.memory is None or self.device == "cpu":
            return None
        return min(gpus(), default=None)

    @cached_property
    def fit(self) -> Fit | None:
        """How the transformer is kept to be trained on this machine's GPU; None where there is nothing to decide."""
        sizes, gpu = self.base.card.memory, self.gpu
        if sizes is None or gpu is None:
            return None
        modes = [(self.settings.get("bucket.budget", mode), self.settings.mode(mode)) for mode in MODES]
        tokens = max(int(budget) * train.batch for budget, train in modes)
        wanted = str(self.settings.get("memory.quantize"))
        chosen = self.pins.quantize if wanted == "auto" else wanted
        audio = max((train.audio for _, train in modes), key=AUDIO.index)
        return fit(
            sizes.hearing(audio),
            gpu,
            tokens,
            max(train.rank for _, train in modes),
            (chosen,) if chosen else BY_ITSELF,
        )

    @property
    def quantize(self) -> str:
        """Form of the transformer's layers: [memory] quantize; for auto what the lock pins, else what fits."""
        wanted = str(self.settings.get("memory.quantize"))
        return (
            (self.pins.quantize or (self.fit.quantize if self.fit else AS_IS)) if wanted == "auto" else wanted
        )

    @property
    def quantize_text(self) -> str:
        """The same for text encoder and connectors."""
        wanted, sizes, gpu = str(self.settings.get("memory.quantize_text")), self.base.card.memory, self.gpu
        if wanted != "auto":
            return wanted
        return self.pins.quantize_text or (fit_text(sizes, gpu) if sizes and gpu else AS_IS)

    @property
    def weights(self) -> JsonDict:
        """How the transformer is kept, as parameters of the stages that use it; what is not used is in no fingerprint."""
        return {"precision": self.precision, **_unless_as_is(self.quantize)}

    @property
    def text_weights(self) -> JsonDict:
        """The same for those that encode text."""
        return {"precision": self.precision, **_unless_as_is(self.quantize_text)}

    def position(self, file: str, key: str | None) -> Span | None:
        """Where a key stands: a clip's in captions.toml, a setting's in lora.toml; None for others."""
        if key is None:
            return None
        if file == CAPTIONS:
            written = self.written_key(key)
            return None if written is None else self.captions.key(written)
        return self._setting_position(key) if file == LORA else None

    def written_key(self, key: str) -> str | None:
        """How captions.toml calls a clip; None if it does not mention it."""
        ways = self._ways(key)
        return next((k for k in self.captions.data if fold(k) in ways), None)

    def _ways(self, key: str) -> set[str]:
        paths = [clip.path for clip in self.clips if clip.key == key]
        return {fold(key), *(fold(path.rpartition("/")[2]) for path in paths)}

    def _setting_position(self, key: str) -> Span | None:
        found = find(key)
        mode = self.settings.get("train.mode")
        paths = [tuple(key.split("."))]
        if found is not None and found[0].per_mode and found[1] is None:
            paths.insert(0, ("train", mode, found[0].name))
        return next((span for path in paths if (span := self.lora.key(*path)) is not None), None)


def load(
    root: Path,
    overrides: Sequence[str] = (),
    mode: str | None = None,
    *,
    follow: bool = False,
    rehearsal: bool = False,
) -> Project:
    """Read the folder. Raises one ProjectError with all problems of all files.

    `rehearsal` takes the tiny base, and its card's values for settings that fit one base's size.
    """
    problems: list[Problem] = []
    if not (root / LORA).exists():
        hint = "`ltxbuild init TYPE DIR` starts one; -C DIR works in another folder"
        raise ProjectError([Problem("P100", f"{root.resolve()} is no project: it has no {LORA}", hint=hint)])
    lora = read_document(root / LORA, LORA, problems)
    captions = read_document(
        root / CAPTIONS, CAPTIONS, problems, "create it: one line a clip, or an empty file"
    )
    identity = read_identity(root, lora, overrides, mode, rehearsal, problems)
    files = list_clips(root, follow, problems)
    entries = read_captions(captions, problems)
    clips, orphans = _join(files, entries, captions, problems)
    strays: tuple[str, ...] = ()
    if identity is not None and identity.type == "control":
        clips, strays = _paired(clips, list_clips(root, follow, problems, REFERENCES))
    if identity is not None:
        check_start(root, identity.settings, lora, problems)
        if identity.settings.get("bucket.crop") == BY_SUBJECT:
            clips = tuple(replace(clip, crop=clip.crop or BY_SUBJECT) for clip in clips)
        asked = [clip.key for clip in clips if clip.crop == BY_SUBJECT]
        check_subject(asked, identity.type, identity.settings, lora, captions, problems)
    if problems or identity is None:
        raise ProjectError(_in_order(problems))
    return Project(
        root=root,
        name=identity.name,
        trigger=identity.trigger,
        class_word=identity.class_word,
        type=identity.type,
        base=identity.base,
        clips=clips,
        orphans=orphans,
        settings=identity.settings,
        lora=lora,
        captions=captions,
        pins=read_pins(root, identity.base),
        rehearsal=rehearsal,
        strays=strays,
    )


def _paired(clips: tuple[Clip, ...], references: list[ClipFile]) -> tuple[tuple[Clip, ...], tuple[str, ...]]:
    """Each clip with the reference of the same name, whatever its kind of file; and references without a clip."""
    by_name = {fold(Path(one.name).stem): f"{REFERENCES}/{one.name}" for one in references}
    names = [fold(Path(clip.path).stem) for clip in clips]
    found = tuple(replace(clip, reference=by_name.get(name)) for clip, name in zip(clips, names, strict=True))
    return found, tuple(path for name, path in by_name.items() if name not in names)


def _unless_as_is(form: str) -> JsonDict:
    return {} if form == AS_IS else {"quantize": form}


def _join(
    files: list[ClipFile], entries: list[Entry], captions: Document, problems: list[Problem]
) -> tuple[tuple[Clip, ...], tuple[str, ...]]:
    """Each clip with its entry. A clip without caption and a caption without clip are facts, not problems."""
    ways = by_caption_key(files)
    taken: dict[str, Entry] = {}
    orphans: list[str] = []
    for entry in entries:
        span = captions.key(entry.key) if problems or len(ways.get(fold(entry.key), ())) > 1 else None
        named = ways.get(fold(entry.key), [])
        if not named:
            orphans.append(entry.key)
        elif len(named) > 1:
            what = f"`{entry.key}` may be {' or '.join(file.name for file in named)}"
            problems.append(Problem("P303", what, span, "write the name with its extension"))
        elif named[0].key in taken:
            other = taken[named[0].key].key
            what = f"`{entry.key}` and `{other}` are both clips/{named[0].name}"
            problems.append(Problem("P303", what, captions.key(entry.key), "remove one of them"))
        else:
            taken[named[0].key] = entry
    clips = tuple(_clip(file, taken.get(file.key, Entry(file.key)), captions, problems) for file in files)
    return clips, tuple(orphans)


def _clip(file: ClipFile, entry: Entry, captions: Document, problems: list[Problem]) -> Clip:
    if file.image and (entry.start is not None or entry.end is not None):
        what = f"clips/{file.name} is a still: it has no start and no end"
        problems.append(Problem("P307", what, captions.key(entry.key), "remove start and end"))
    return Clip(
        key=file.key,
        path=f"{FOLDER}/{file.name}",
        caption=entry.caption,
        start=entry.start,
        end=entry.end,
        repeats=entry.repeats,
        weight=entry.weight,
        skip=entry.skip,
        holdout=entry.holdout,
        crop=entry.crop,
        draft=entry.draft,
        image=file.image,
        ignore=entry.ignore,
    )


def _in_order(problems: list[Problem]) -> list[Problem]:
    """As a reader meets them: lora.toml, captions.toml, then what has no place in a file."""
    files = {LORA: 0, "-s": 1, CAPTIONS: 2}
    return sorted(
        problems,
        key=lambda p: (files.get(p.span.file, 3), p.span.line, p.span.column) if p.span else (4, 0, 0),
    )
