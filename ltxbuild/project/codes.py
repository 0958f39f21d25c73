"""Every code of a problem with a project, with a paragraph about it; `ltxbuild explain` prints them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """A code, its readable name and what it means, why it is refused and what to do."""

    code: str
    name: str
    text: str


_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        "P100",
        "no-project",
        "The folder has no lora.toml, so it is no project. Start one with `ltxbuild init TYPE DIR`, or "
        "name the project's folder with -C.",
    ),
    (
        "P101",
        "unreadable-file",
        "lora.toml or captions.toml is missing or may not be read. Both must be there; captions.toml may "
        "be empty, and each clip without a caption is then a finding.",
    ),
    (
        "P102",
        "file-too-large",
        "A TOML file is larger than 4 MiB. Ten thousand captions are smaller; it is probably another file "
        "under this name.",
    ),
    (
        "P103",
        "not-utf8",
        "TOML is UTF-8 by definition. Some editors save in an older encoding as soon as a letter such as "
        "an umlaut is typed: choose UTF-8 when saving. The line of the first wrong byte is given.",
    ),
    (
        "P104",
        "syntax",
        "The file is not valid TOML. The place is where reading stopped; the mistake is there or just "
        "before. Strings stand in double quotes, or in single quotes if they contain double ones.",
    ),
    (
        "P105",
        "duplicate-key",
        "A key stands twice in one file. TOML forbids it, because nobody could tell which of the two "
        "holds. Remove one.",
    ),
    (
        "P106",
        "would-overwrite",
        "`ltxbuild init` and `demo` overwrite nothing. All files in the way are listed; choose another "
        "folder or move them.",
    ),
    (
        "P107",
        "bad-target",
        "The folder for a new project cannot be made: it is a file, or its parent may not be written.",
    ),
    (
        "P108",
        "changed-meanwhile",
        "captions.toml was saved by somebody else between reading and mending it. Nothing was written; call again.",
    ),
    (
        "P201",
        "unknown-key",
        "A key that no setting has. It is refused rather than passed over: a misspelt `rank` would train "
        "with another rank than you believe. `ltxbuild config` lists all keys.",
    ),
    (
        "P202",
        "wrong-type",
        "A value of another type than the key's: a string where a number belongs, a table where a list "
        "belongs.",
    ),
    (
        "P203",
        "out-of-range",
        "The type is right and the value is outside of what can work, or not among the listed values. "
        "Ranges refuse slips of the keyboard only; whether a value is wise is for lint.",
    ),
    (
        "P204",
        "missing-key",
        "`name`, `trigger`, `class` and `type` have no default, because no default could be right: they "
        "say what is learned and what it is called.",
    ),
    (
        "P205",
        "bad-name",
        "The name becomes the name of the exported file, on every file system: letters, digits, `_`, `-` "
        "and `.`, not beginning with a sign, at most 64 characters.",
    ),
    (
        "P206",
        "bad-trigger",
        "The trigger is searched in captions as one whole word and typed by people into prompts. So it is "
        "one word of letters, digits, `_` and `-`, with no invisible characters, and not the class word "
        "itself.",
    ),
    (
        "P207",
        "bad-class",
        "The class is the ordinary word for the concept (woman, car, place). It replaces the trigger in "
        "prompts, so it must read as a word or two of plain text.",
    ),
    (
        "P208",
        "bad-prompt",
        "A prompt of [evaluate] holds `{subject}` where the trigger or the class word goes, and no other "
        "braces. Without it, no pair of samples with and without the trigger could be compared.",
    ),
    (
        "P209",
        "bad-override",
        "`-s` takes key=value, for instance `-s train.steps=800`. Values are TOML or bare words.",
    ),
    (
        "P210",
        "contradiction",
        "Values that are fine one by one exclude each other, such as a token budget under which not even "
        "the smallest shape fits.",
    ),
    (
        "P211",
        "unknown-base",
        "`base` is a name (`ltx-2.3`, `tiny`), a Hub id of the form owner/name, or a path that begins "
        "with ./ or /. Folders of this computer belong into [bases] of the user's own config.toml.",
    ),
    (
        "P212",
        "no-base-folder",
        "The path of the base is no folder, or not one that diffusers saved for an LTX-2 model. A model "
        "of another geometry needs a card.toml in its folder that describes it.",
    ),
    (
        "P213",
        "single-file-base",
        "Of single files only .safetensors is read: pickled ones (.ckpt, .pt, .bin) can run code when they are "
        "opened, and a LoRA trained on rounded weights (.gguf) does not fit the others.",
    ),
    (
        "P214",
        "not-a-machine-key",
        "The config.toml of the user's configuration folder holds what belongs to the computer: [bases] "
        "and [memory]. What is learned and how stands in the project, where everybody who has it sees it.",
    ),
    (
        "P216",
        "off-grid",
        "Width and height must be multiples of the base's grid, and lengths a multiple of its temporal "
        "compression plus one (8k+1 for LTX-2.3): the video VAE can encode no others.",
    ),
    (
        "P217",
        "bad-card",
        "The card of a base (geometry, ladders, defaults) is missing a key or is no TOML. The cards "
        "inside the package are examples.",
    ),
    (
        "P218",
        "bad-caption",
        "A caption contains an invisible character (zero width, direction mark, control). It would become "
        "a token that nobody sees; it usually comes from copied text.",
    ),
    (
        "P219",
        "bad-start",
        "The file that [train] init_from names is missing, is no LoRA for LTX's transformer, or does not fit "
        "the recipe: training goes on from layers as they are, so rank and layers must be the same. "
        "`ltxbuild inspect FILE` tells what a file holds, whichever tool wrote it.",
    ),
    (
        "P220",
        "no-subject",
        "A clip shall be cropped on its subject, but no detector is named that finds it ([lint] detector), or the set "
        "is a control set, where a clip and its reference must be cut alike.",
    ),
    (
        "P301",
        "bad-clip-name",
        "A name in clips/ or a key of captions.toml contains an invisible character or a backslash: it "
        "could not be typed, or would mean a folder elsewhere.",
    ),
    (
        "P302",
        "name-clash",
        "Two clips have names that differ only in case or in the composition of accents. On macOS and "
        "Windows they would be one file.",
    ),
    (
        "P303",
        "ambiguous-key",
        "A caption's key fits two clips (mira_01.mp4 and mira_01.png), or two keys name one clip. Write "
        "the whole file name, or remove one.",
    ),
    (
        "P304",
        "clips-not-flat",
        "clips/ has no folders: a clip's name is its key in captions.toml.",
    ),
    (
        "P305",
        "not-a-clip",
        "A file in clips/ of a kind that is no clip. It is refused rather than passed over, so that no "
        "footage is silently missing. Hidden files and what file managers leave behind are passed over.",
    ),
    (
        "P306",
        "symlink",
        "A symlinked clip can change without the folder changing, and points out of the project. With "
        "--follow it is read; its content counts, as for any clip.",
    ),
    (
        "P307",
        "bad-cut",
        "`start` and `end` are seconds, at least 0, the end after the start; stills have neither.",
    ),
    (
        "P308",
        "key-is-a-path",
        "Keys of captions.toml are names of files in clips/, with or without extension. Paths are "
        "refused: a project reads nothing outside of its folder.",
    ),
    (
        "P310",
        "clips-unreadable",
        "clips is a file, or a folder that may not be listed.",
    ),
)

CODES: dict[str, Code] = {code: Code(code, name, text) for code, name, text in _TABLE}
