"""Every code of a problem with importing or exporting a dataset; `ltxbuild explain` prints them."""

from __future__ import annotations

CODES = {
    "D101": (
        "no-dataset",
        "`--from` takes a folder, a zip, or a list of clips (json, jsonl, csv, toml, yaml). What it names is not there, "
        "may not be read, or is something else.",
    ),
    "D102": (
        "unsafe-archive",
        "A zip may come from strangers. It is refused as a whole when a member is a symlink, is encrypted, leads out of "
        "the zip, stands in it twice, or would grow beyond measure when it is unpacked. Nothing of it was written.",
    ),
    "D103": (
        "unknown-format",
        "The format is told by content: a list with known columns, folders that begin with repeats, pairs, or texts "
        "beside clips. None fits, or several lists fit and only one can be meant: name it after --from.",
    ),
    "D104": (
        "unreadable-list",
        "A list, configuration or caption of the dataset is no valid JSON, CSV, TOML, YAML or UTF-8, or far too large. "
        "The place is where reading stopped.",
    ),
    "D105": (
        "nothing-to-take",
        "The format is clear, and every single clip has a reason against it; all are listed. To start with clips alone, "
        "call `ltxbuild init` without --from and copy them into clips/.",
    ),
    "D106": (
        "no-yaml",
        "A configuration of ai-toolkit is YAML, and PyYAML is not installed. The folders that it names can be imported "
        "without it.",
    ),
    "D107": (
        "too-large",
        "More files, bytes or captions than any dataset for a LoRA has: probably another folder is named, or a zip is a "
        "bomb.",
    ),
    "D108": (
        "unreadable-clip",
        "A file of the dataset could not be read, or changed while it was copied. The project was not written: a clip "
        "would be missing or torn.",
    ),
    "D109": ("already-writing", "Another call is writing the same folder at this moment."),
    "D150": (
        "target-in-source",
        "The new project would lie inside of the folder that it is imported from. Nothing is ever changed there: choose "
        "a folder elsewhere.",
    ),
    "D201": (
        "no-caption",
        "The clip was left out because nothing captions it. A caption beside it or in the list lets the next import take "
        "it; or copy it into clips/ and write its line into captions.toml.",
    ),
    "D202": (
        "no-such-clip",
        "A row or a caption names a clip that the dataset does not have. The rest was imported.",
    ),
    "D203": (
        "outside",
        "A list names a file outside of the dataset's folder. It was left out: a list from strangers could name any file "
        "of this computer. Copy the clips into the folder, or name a folder that has both.",
    ),
    "D204": (
        "bad-row",
        "A row lacks what it needs, or says something that cannot be used. The message says what was done instead.",
    ),
    "D205": ("named-twice", "A clip is named a second time. Its first caption was taken."),
    "D206": ("not-a-clip", "A file of a kind that is no clip was left where it is."),
    "D207": (
        "refused-file",
        "A symlink, a pipe, a folder too deep, or a name with invisible characters: left out, because it could lead "
        "elsewhere or could not be typed.",
    ),
    "D208": (
        "invisible-character",
        "A caption had an invisible character (zero width, direction mark, control), which was taken out: it would have "
        "become a token that nobody sees.",
    ),
    "D211": (
        "no-reference",
        "A clip of a control project has no reference, or a reference belongs to a project of another type. The message "
        "says which.",
    ),
    "D301": (
        "nothing-to-export",
        "A dataset is made of clips with a caption that are not skipped, and this project has none.",
    ),
    "D302": (
        "no-transcode",
        "A clip with `start` or `end` is exported as the piece that training sees, and that piece could not be made; the "
        "build says why.",
    ),
    "D303": ("no-targets", "`export --dataset` writes the whole dataset: a target has no meaning there."),
}
